"""The findings, for people and for machines."""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, TextIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

from midstream._cli.doctor.findings import Health
from midstream._version import __version__

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from midstream._cli.doctor.findings import Finding


_STYLES: Final = {
    Health.OK: "green",
    Health.WARNING: "yellow",
    Health.PROBLEM: "bold red",
    Health.NOT_TRIED: "dim",
}


@contextmanager
def stdout_for_the_report() -> Generator[TextIO]:
    """What the process has as stdout, while everything else that writes there writes to stderr.

    From here to the end of the process: exporters to the console, and what the application prints, are no report.
    """
    sys.stdout.flush()
    report = os.fdopen(os.dup(1), "w", encoding=sys.stdout.encoding)
    os.dup2(2, 1)
    with report:
        yield report


def print_json(findings: Sequence[Finding], report: TextIO) -> None:
    """Writes the findings as one JSON object."""
    counts = Counter(one.verdict for one in findings)
    told = {
        "midstream": __version__,
        "healthy": not counts[Health.PROBLEM],
        "counts": {verdict.value: counts[verdict] for verdict in Health},
        "findings": [
            {
                "subject": one.subject.value,
                "verdict": one.verdict.value,
                "message": one.message,
                "remedy": one.remedy,
            }
            for one in findings
        ],
    }
    json.dump(told, report, indent=2)
    report.write("\n")


def print_table(findings: Sequence[Finding], report: TextIO) -> None:
    """Writes the findings as a table, with what to do below each."""
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    subject = None
    for one in findings:
        style = _STYLES[one.verdict]
        named = "" if one.subject is subject else one.subject.value
        subject = one.subject
        table.add_row(Text(one.verdict.value, style), Text(named, "bold"), Text(one.message))
        if one.remedy is not None:
            table.add_row("", "", Text(f"-> {one.remedy}", "cyan"))
    console = Console(file=report)
    console.print(table)
    console.print()
    console.print(Text(_summary(findings)))


def _summary(findings: Sequence[Finding]) -> str:
    counts = Counter(one.verdict for one in findings)
    problems, warnings, untried = (counts[one] for one in (Health.PROBLEM, Health.WARNING, Health.NOT_TRIED))
    told = [
        f"{problems or 'No'} {'problem' if problems == 1 else 'problems'}",
        f"{warnings or 'no'} {'warning' if warnings == 1 else 'warnings'}",
        *([f"{untried} not tried"] if untried else []),
    ]
    return f"{', '.join(told)}. What each line means: docs/doctor.md"
