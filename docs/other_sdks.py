"""Measure what the SDKs of other languages make of the faults, and write the tables of docs/other-sdks.md.

The columns of a language whose tools are not installed stay as they are.
"""

from __future__ import annotations

import json
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, Final

import anthropic

from midstream.faults import FaultServer
from project import ROOT

__all__ = ("FAULTS", "PAGE", "SDKS", "written")

PAGE: Final = ROOT / "docs" / "other-sdks.md"
SOURCES: Final = ROOT / "docs" / "other_sdks"
BUILT: Final = ROOT / ".venv" / "other-sdks"

FAULTS: Final = {
    "ok": "a whole answer",
    "http:overloaded_error": "HTTP 529, before the stream",
    "hangup": "the connection is closed without a response",
    "in_band:overloaded_error": "an error event, `overloaded_error`",
    "envelope:overloaded_error": "an error document with status 200",
    "reset": "the connection is reset",
    "fin": "the connection is closed inside a chunk",
    "cut": "the body just ends",
    "eof": "the body just ends, and so does the connection",
    "bad_json": "an event is not JSON",
    "html": "a web page with status 200",
    "stall": "silence, with a timeout of 2 s",
}

_MARKED: Final = re.compile(r"(<!-- measured: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
_WAITING: Final = "**still waiting** after 8 s"

Result = Mapping[str, Any]
"""How a call ended: a line that the programs print."""


def _python(url: str) -> list[Result]:
    client = anthropic.Anthropic(base_url=url, api_key="any", max_retries=0, timeout=2.0)

    def loop(request: Mapping[str, Any]) -> None:
        for _event in client.messages.create(**request, stream=True):
            pass

    def helper(request: Mapping[str, Any]) -> None:
        with client.messages.stream(**request) as stream:
            stream.get_final_message()

    ways = {"create(stream=True)": loop, "stream().get_final_message()": helper}
    return [_ended(fault, way, call) for fault in FAULTS for way, call in ways.items()]


def _ended(fault: str, way: str, call: Callable[[Mapping[str, Any]], None]) -> Result:
    try:
        call({"model": fault, "max_tokens": 64, "messages": [{"role": "user", "content": "Hello"}]})
    except Exception as error:  # noqa: BLE001 - the exception is what is looked at
        return {
            "fault": fault,
            "way": way,
            "end": "error",
            "error": type(error).__name__,
            "of_sdk": isinstance(error, anthropic.APIError),
            "status": getattr(error, "status_code", None),
        }
    return {"fault": fault, "way": way, "end": "completed"}


def _typescript(url: str) -> list[Result]:
    _run("npm", "install", "--silent", "--no-audit", "--no-fund")
    return _lines("node", "typescript.mjs", url)


def _go(url: str) -> list[Result]:
    _run("go", "build", "-o", "go-sdk", ".")
    return _lines("./go-sdk", url)


def _run(*command: str) -> str:
    return subprocess.run(command, cwd=BUILT, check=True, stdout=subprocess.PIPE, text=True).stdout


def _lines(*command: str) -> list[Result]:
    return [json.loads(line) for line in _run(*command, *FAULTS).splitlines()]


@dataclass(frozen=True)
class Sdk:
    """An SDK: its tools, how its calls are measured, and its version with that of its language."""

    tools: tuple[str, ...]
    measure: Callable[[str], list[Result]]
    version: Callable[[], str]


def _pinned(file: str, pattern: str) -> str:
    found = re.search(pattern, (SOURCES / file).read_text(encoding="utf-8"))
    assert found is not None  # noqa: S101 - the file is part of this program
    return found[1]


SDKS: Final[Mapping[str, Sdk]] = {
    "Python": Sdk((), _python, lambda: f"`anthropic` {anthropic.__version__}, Python {platform.python_version()}"),
    "TypeScript": Sdk(
        ("node", "npm"),
        _typescript,
        lambda: (
            f"`@anthropic-ai/sdk` {_pinned('package.json', r'anthropic-ai/sdk.: .([0-9.]+)')}, "
            f"Node {_run('node', '--version').strip().lstrip('v')}"
        ),
    ),
    "Go": Sdk(
        ("go",),
        _go,
        lambda: (
            f"`anthropic-sdk-go` {_pinned('go.mod', r'anthropic-sdk-go v([0-9.]+)')}, "
            f"Go {_run('go', 'env', 'GOVERSION').strip().removeprefix('go')}"
        ),
    ),
}


def written(page: str, results: Mapping[str, list[Result]], versions: Mapping[str, str], today: str) -> str:
    """`page` with the measured columns. Those of other SDKs stay."""
    columns = _columns(page)
    for name, found in results.items():
        columns = {title: cells for title, cells in columns.items() if not title.startswith(f"{name}, ")}
        for way in dict.fromkeys(result["way"] for result in found):
            columns[f"{name}, `{way}`"] = [_cell(result) for result in found if result["way"] == way]
    ordered = [title for name in SDKS for title in columns if title.startswith(f"{name}, ")]
    rows = [(label, *(columns[title][row] for title in ordered)) for row, label in enumerate(FAULTS.values())]
    table = _table(("", *ordered), *rows)
    dated = _dates(page) | {name: f"{name}: {versions[name]}, measured on {today}" for name in results}
    made = {"versions": "".join(f"- {dated[name]}\n" for name in SDKS if name in dated), "faults": table}
    return _MARKED.sub(lambda marked: f"{marked[1]}{made[marked[2]]}{marked[3]}", page)


def _cell(result: Result) -> str:
    if result["end"] == "waiting":
        return _WAITING
    if result["end"] == "completed":
        return "no error" if result["fault"] == "ok" else "**no error**"
    status = "" if not result["of_sdk"] else f" {result['status']}" if result.get("status") else ", no status"
    cause = f", cause `{result['cause']}`" if result.get("cause") and not result["of_sdk"] else ""
    return f"`{result['error']}`{status}{cause}"


def _columns(page: str) -> dict[str, list[str]]:
    head, _, *rows = ([*map(str.strip, line[1:-1].split("|"))] for line in _part(page, "faults") or ["||", "||"])
    return {title: [row[at] for row in rows] for at, title in enumerate(head) if title}


def _dates(page: str) -> dict[str, str]:
    lines = (line.removeprefix("- ") for line in _part(page, "versions"))
    return {line.partition(":")[0]: line for line in lines}


def _part(page: str, wanted: str) -> list[str]:
    return next(marked[0].splitlines()[1:-1] for marked in _MARKED.finditer(page) if marked[2] == wanted)


def _table(*lines: tuple[str, ...]) -> str:
    head, *rows = lines
    return "".join(f"| {' | '.join(line)} |\n" for line in (head, ("---",) * len(head), *rows))


def main() -> None:
    """Measure, and write the page."""
    shutil.copytree(SOURCES, BUILT, dirs_exist_ok=True)
    here = {name: sdk for name, sdk in SDKS.items() if all(map(shutil.which, sdk.tools))}
    for name in SDKS.keys() - here.keys():
        print(f"{name}: {' and '.join(SDKS[name].tools)} not found; its columns stay", file=sys.stderr)
    with FaultServer() as server:
        results = {name: sdk.measure(server.url) for name, sdk in here.items()}
    versions = {name: sdk.version() for name, sdk in here.items()}
    today = datetime.now(timezone.utc).date().isoformat()
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8"), results, versions, today), encoding="utf-8")
    print(f"wrote {PAGE.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
