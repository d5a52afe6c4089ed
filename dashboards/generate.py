"""Writes the boards and the rules from `source`; with --check, says how they differ from it and exits 1."""

from __future__ import annotations

import argparse
import difflib
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from source.alertmanager import files as alertmanager
from source.boards import BOARDS
from source.rules import files as rules
from source.runbooks import runbooks
from source.v2 import resource

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ("files", "main")

_HERE: Final = Path(__file__).parent

_BY_HAND: Final = ("grafana/.lint", "prometheus/README.md")
"""What else may be in the folders of what is generated."""


def files() -> Mapping[str, str]:
    """By its place below `dashboards`, the text of each file that is generated."""
    boards = {f"grafana/{board.uid}.json": _text(board.as_json()) for board in BOARDS}
    resources = {f"grafana-v2/{board.uid}.json": _text(resource(board)) for board in BOARDS}
    others = {"prometheus": rules(), "alertmanager": alertmanager()}
    named = {f"{folder}/{name}": text for folder, texts in others.items() for name, text in texts.items()}
    return {**boards, **resources, **named}


def main() -> int:
    """Writes the files, or checks them. Returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, and print what is not up to date")
    parser.add_argument("--print", action="store_true", help="write nothing, and print all as JSON, with the runbooks")
    parser.add_argument("--folder", type=Path, default=_HERE, help="where to write, or what to check")
    arguments = parser.parse_args()
    made = files()
    if arguments.print:
        print(json.dumps({**made, **{f"runbooks/{name}": text for name, text in runbooks().items()}}))
        return 0
    if not arguments.check:
        _write(arguments.folder, made)
        return 0
    found = [*_drift(arguments.folder, made), *_strays(arguments.folder, made)]
    print("\n".join(found) or "The boards and rules are up to date.")
    return 1 if found else 0


def _text(board: Mapping[str, object]) -> str:
    return json.dumps(board, indent=2, ensure_ascii=False) + "\n"


def _write(folder: Path, made: Mapping[str, str]) -> None:
    for name, text in made.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(text.encode())


def _drift(folder: Path, made: Mapping[str, str]) -> Iterator[str]:
    for name, text in made.items():
        if not (folder / name).is_file():
            yield f"{name}: is missing"
            continue
        there = (folder / name).read_bytes().decode()
        if there != text:
            # With the ends of the lines, which may be all that differs.
            lines = (there.splitlines(keepends=True), text.splitlines(keepends=True))
            for line in difflib.unified_diff(*lines, f"{name} as it is", f"{name} as it would be made"):
                yield line.removesuffix("\n").replace("\r", "\\r")


def _strays(folder: Path, made: Mapping[str, str]) -> Iterator[str]:
    for place in sorted({name.partition("/")[0] for name in made}):
        for path in sorted((folder / place).rglob("*")):
            name = path.relative_to(folder).as_posix()
            if path.is_file() and name not in (*made, *_BY_HAND):
                yield f"{name}: nothing generates it"


if __name__ == "__main__":
    sys.exit(main())
