"""Reports the findings, for people and as JSON."""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import Final, TextIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

from midstream._cli.console.values import shipped_path
from midstream._cli.doctor.findings import Finding, Health
from midstream._version import __version__

_STYLES: Final = {
    Health.OK: "green",
    Health.WARNING: "yellow",
    Health.PROBLEM: "bold red",
    Health.NOT_TRIED: "dim",
}
_PLACES: Final = {Health.OK: 0, Health.NOT_TRIED: 1, Health.WARNING: 2, Health.PROBLEM: 3}
"""What matters stands where the terminal stops."""


@contextmanager
def stdout_for_the_report() -> Generator[TextIO]:
    """Yields the stdout of the process. Everything else that writes there writes to stderr, until the process ends.

    The output of console exporters and of the application does not belong to the report.
    """
    sys.stdout.flush()
    report = os.fdopen(os.dup(1), "w", encoding=sys.stdout.encoding)
    os.dup2(2, 1)
    with report:
        yield report


def print_json(findings: Sequence[Finding], report: TextIO) -> None:
    """Writes the findings as one JSON object."""
    counts = Counter(finding.verdict for finding in findings)
    contents = {
        "midstream": __version__,
        "healthy": not counts[Health.PROBLEM],
        "counts": {verdict.value: counts[verdict] for verdict in Health},
        "findings": [asdict(finding) for finding in findings],  # the members of an enum are written as their values
    }
    json.dump(contents, report, indent=2)
    report.write("\n")


def print_findings(findings: Sequence[Finding], report: TextIO) -> None:
    """Writes the findings, problems last, with the remedy below each. Only a terminal folds lines."""
    last = sorted(findings, key=lambda finding: _PLACES[finding.verdict])
    if report.isatty():
        Console(file=report).print(_table(last), "", Text(_summary(findings)), sep="\n")
        return
    for finding in last:
        report.write(f"{finding.verdict.value:9}  {finding.subject.value:17}  {finding.message}\n")
        if finding.remedy is not None:
            report.write(f"{'':28}  -> {finding.remedy}\n")
    report.write(f"\n{_summary(findings)}\n")


def _table(findings: Sequence[Finding]) -> Table:
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for finding in findings:
        style = _STYLES[finding.verdict]
        table.add_row(Text(finding.verdict.value, style), Text(finding.subject.value, "bold"), Text(finding.message))
        if finding.remedy is not None:
            table.add_row("", "", Text(f"-> {finding.remedy}", "cyan"))
    return table


def _summary(findings: Sequence[Finding]) -> str:
    counts = Counter(finding.verdict for finding in findings)
    problems, warnings, untried = (counts[verdict] for verdict in (Health.PROBLEM, Health.WARNING, Health.NOT_TRIED))
    parts = [
        f"{problems or 'No'} {'problem' if problems == 1 else 'problems'}",
        f"{warnings or 'no'} {'warning' if warnings == 1 else 'warnings'}",
        *([f"{untried} not tried"] if untried else []),
    ]
    return f"{', '.join(parts)}. What each line means: {shipped_path('docs/doctor.md')}"
