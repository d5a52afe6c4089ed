"""`midstream doctor`."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from logging import LogRecord
from typing import Final

from rich.console import Console

from midstream._cli.console.captured import CapturedException, captured_logs
from midstream._cli.doctor.delivery import called, not_called
from midstream._cli.doctor.exits import exits
from midstream._cli.doctor.findings import Finding, Health, Subject, one_line
from midstream._cli.doctor.launcher import launched
from midstream._cli.doctor.packages import installed
from midstream._cli.doctor.patches import is_on, patched, spans_made
from midstream._cli.doctor.providers import SIGNALS, Maker, provided
from midstream._cli.doctor.report import print_findings, print_json, stdout_for_the_report
from midstream._cli.doctor.setup import SetupSource, function_named, set_up, setup_findings
from midstream._cli.doctor.switches import switched

_WAITING: Final = "Making a call and exporting its telemetry. Without a receiver that takes 10 to 20 seconds."

_GUARD: Final = "_guard"
"""The module that logs midstream's internal errors."""


def run(*, as_json: bool, no_call: bool, setup: str | None) -> int:
    """Examines this process, and returns the exit status. Raises `Problem` for an option that is invalid."""
    records: list[LogRecord] = []
    with stdout_for_the_report() as report, captured_logs(records.append, "opentelemetry", "midstream"):
        with Console(stderr=True).status(_WAITING):
            findings = tuple(_findings(setup, records, no_call=no_call))
        write = print_json if as_json else print_findings
        write(findings, report)
    return int(any(finding.verdict is Health.PROBLEM for finding in findings))


def _findings(function_name: str | None, records: list[LogRecord], *, no_call: bool) -> Iterator[Finding]:
    function = None if function_name is None else function_named(function_name)
    setup = set_up(records, function)
    with CapturedException() as captured:
        import_module("anthropic")
    by_setup = setup.source is SetupSource.FUNCTION
    before = [
        *installed(captured.error),
        *switched(by_setup=by_setup),
        *launched(by_setup=by_setup),
        *setup_findings(setup),
    ]
    yield from before
    yield from patched(before, by_setup=by_setup)
    yield from spans_made()
    yield from provided(before)
    yield from exits()
    yield from _call(no_call=no_call)
    for line in dict.fromkeys(one_line(record.getMessage()) for record in records if record.module == _GUARD):
        yield Subject.MIDSTREAM.problem(line, "report it, with this line")


def _call(*, no_call: bool) -> Iterator[Finding]:
    if no_call:
        yield from not_called("--no-call")
    elif not is_on():
        yield from not_called("midstream observes no call here: see above")
    elif all(signal.maker() in {Maker.NONE, Maker.DISABLED} for signal in SIGNALS):
        yield from not_called("nothing leaves this process: see above")
    else:
        yield from called()
