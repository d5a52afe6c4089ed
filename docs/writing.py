"""What the scripts in this folder have in common: they write files, or with --check say how these differ."""

from __future__ import annotations

import argparse
import difflib
from collections.abc import Mapping
from pathlib import Path

__all__ = ("is_check", "publish")


def is_check(description: str | None) -> bool:
    """Whether the command line has --check, its only option."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--check", action="store_true", help="compare without writing")
    return bool(parser.parse_args().check)


def publish(made: Mapping[Path, str], source: str, *, check: bool) -> int:
    """Write each text to its file, or only print how the files differ from `source`. Return the exit status."""
    if not check:
        for path, text in made.items():
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return 0
    differing = False
    for path, text in made.items():
        written = path.read_text(encoding="utf-8") if path.exists() else ""
        names = (f"{path.parent.name}/{path.name}", source)
        for line in difflib.unified_diff(written.splitlines(), text.splitlines(), *names, lineterm=""):
            differing = True
            print(line)
    return int(differing)
