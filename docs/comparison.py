"""Measure what each instrumentation records of streams that fail, and write the tables of docs/comparison.md.

Each instrumentation runs in its own process. With --page, write the tables from the last results.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import subprocess
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Final

__all__ = ("COMPARED", "FAULTS", "PAGE", "tables")

ROOT: Final = Path(__file__).resolve().parent.parent
PAGE: Final = ROOT / "docs" / "comparison.md"
RESULTS: Final = ROOT / ".venv" / "comparison.json"

_MARKED: Final = re.compile(r"(<!-- measured: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
_LOOP: Final = "create(stream=True) in a loop"


@dataclass(frozen=True)
class Compared:
    """An instrumentation: its heading, and its package."""

    title: str
    package: str
    environment: str = "neighbours"
    """Where it is installed, under .venv/. Those in another one do not work with the newest SDK."""


COMPARED: Final = {
    "midstream": Compared("midstream", "midstream"),
    "sdk": Compared("the SDK's own tracing", "anthropic"),
    "opentelemetry": Compared("OpenTelemetry", "opentelemetry-instrumentation-genai-anthropic"),
    "traceloop": Compared("Traceloop", "opentelemetry-instrumentation-anthropic"),
    "openinference": Compared("OpenInference", "openinference-instrumentation-anthropic"),
    "logfire": Compared("logfire", "logfire"),
    "sentry": Compared("Sentry", "sentry-sdk"),
    "ddtrace": Compared("Datadog", "ddtrace"),
    "langsmith": Compared("LangSmith", "langsmith", "alternatives"),
    "openlit": Compared("OpenLIT", "openlit", "alternatives"),
}

FAULTS: Final = {
    "in_band:overloaded_error": "an error event, `overloaded_error`",
    "in_band:rate_limit_error": "an error event, `rate_limit_error`",
    "reset": "the connection is reset",
    "fin": "the connection is closed",
    "stall": "silence, and a read timeout",
    "cut": "the body just ends",
    "bad_json": "an event is not JSON",
    "bad_gzip": "corrupt gzip",
    "http:overloaded_error": "HTTP 529, before the stream",
}
_WHOLE: Final = {"ok": "a whole answer"}
_LET_GO: Final = {"closed": "closed after an event", "dropped": "dropped, and collected"}

_CELLS: Final = {"error": "error", "no error": "no error", "lost": "no span"}


def tables(results: dict[str, Any]) -> dict[str, str]:
    """The text of each marked part, by the marker's name."""
    runs = results["runs"]
    return {
        "versions": _versions(results),
        "failures": _table(
            ("of six ways to call", *_titles()), (_counted(runs, row, label, "error") for row, label in FAULTS.items())
        ),
        "details": _table(
            ("`create(stream=True)`, sync", *_titles()), (_details(runs, row, label) for row, label in FAULTS.items())
        ),
        "good": _table(
            ("of six ways to call", *_titles()),
            (_counted(runs, row, label, "no error") for row, label in (_WHOLE | _LET_GO).items()),
        ),
        "changed": _table(
            ("of all calls", *_titles()),
            [("the application gets other events, or another exception", *(_changed(runs[name]) for name in COMPARED))],
        ),
        "recorded": _table(("", *_titles()), (_recorded(runs, word) for word in ("prompts", "prices"))),
        "metrics": _table(("", "metrics with an `error.type`"), _metrics(runs)),
    }


def _titles() -> Iterable[str]:
    return (compared.title for compared in COMPARED.values())


def _versions(results: dict[str, Any]) -> str:
    runs = results["runs"]
    rows = ((c.title, f"`{c.package}`", runs[name]["version"], runs[name]["sdk"]) for name, c in COMPARED.items())
    where = f"Measured on {results['date']} with Python {results['python']}, {results['system']}.\n"
    return f"{where}\n{_table(('', 'package', 'version', 'SDK'), rows)}"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    return "".join(f"| {' | '.join(line)} |\n" for line in (head, ("---",) * len(head), *rows))


def _cells(runs: dict[str, Any], name: str, row: str) -> list[dict[str, Any]]:
    return [cell for cell in runs[name]["cells"] if cell["row"] == row]


def _counted(runs: dict[str, Any], row: str, label: str, right: str) -> tuple[str, ...]:
    return (label, *(_count(_cells(runs, name, row), right) for name in COMPARED))


def _count(cells: list[dict[str, Any]], right: str) -> str:
    found = Counter(cell["kind"] for cell in cells)
    wrong = [f"{found[kind]} {words}" for kind, words in _CELLS.items() if kind != right and found[kind]]
    return f"{found[right]} ({', '.join(wrong)})" if wrong else f"**{found[right]}**"


def _details(runs: dict[str, Any], row: str, label: str) -> tuple[str, ...]:
    cells = (
        next(cell for cell in _cells(runs, name, row) if (cell["style"], cell["flavor"]) == (_LOOP, "sync"))
        for name in COMPARED
    )
    return (label, *(f"`{cell['detail']}`" if cell["detail"] else _CELLS[cell["kind"]] for cell in cells))


def _changed(measured: dict[str, Any]) -> str:
    cells = measured["cells"]
    return f"{sum(cell['changed'] for cell in cells)} of {len(cells)}"


def _recorded(runs: dict[str, Any], word: str) -> tuple[str, ...]:
    return (word, *("yes" if runs[name]["recorded"][word] else "no" for name in COMPARED))


def _metrics(runs: dict[str, Any]) -> Iterable[tuple[str, str]]:
    for name, compared in COMPARED.items():
        named = [f"`{metric}`" for metric, types in runs[name]["metrics"].items() if types]
        yield compared.title, ", ".join(named) or ("none" if runs[name]["metrics"] else "no metrics")


def _measured() -> dict[str, Any]:
    return {
        "date": datetime.now(timezone.utc).date().isoformat(),
        "python": platform.python_version(),
        "system": platform.system(),
        "runs": {name: _run(name, compared) for name, compared in COMPARED.items()},
    }


def _run(name: str, compared: Compared) -> Any:
    print(f"== {name}", flush=True)
    python = ROOT / ".venv" / compared.environment / "bin" / "python"
    script = str(ROOT / "docs" / "comparison_run.py")
    program = (str(python), "-W", "ignore", script, name, compared.package, *_WHOLE, *FAULTS)
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "tests")}
    return json.loads(subprocess.run(program, env=environment, check=True, stdout=subprocess.PIPE, text=True).stdout)


def main() -> None:
    """Measure, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--page", action="store_true", help="write the tables from the last results")
    if not parser.parse_args().page:
        RESULTS.write_text(json.dumps(_measured(), indent=1), encoding="utf-8")
    made = tables(json.loads(RESULTS.read_text(encoding="utf-8")))
    written = _MARKED.sub(lambda found: f"{found[1]}{made[found[2]]}{found[3]}", PAGE.read_text(encoding="utf-8"))
    PAGE.write_text(written, encoding="utf-8")
    print(f"wrote {PAGE.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
