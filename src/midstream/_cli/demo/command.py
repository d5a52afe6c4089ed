"""`midstream demo`."""

from __future__ import annotations

import json
import os
import sys
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from midstream._cli.console.problem import Problem
from midstream._cli.console.signals import until_stopped
from midstream._cli.demo.exporting import ExportFailures, MetricsPage, OtlpEndpoints, Telemetry, metrics_page, telemetry
from midstream._cli.demo.json_report import as_json
from midstream._cli.demo.results import Style
from midstream._cli.demo.runs import run_scenarios
from midstream._cli.demo.table import print_table
from midstream._cli.demo.traffic import CALLS_PER_SECOND, MIXED, Traffic, only
from midstream._instrumentor import AnthropicInstrumentor
from midstream.faults import EXAMPLES, FaultServer, parse

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from midstream._cli.demo.results import Results
    from midstream.faults import Scenario


_DONE, _FAILED = 0, 1

_NOT_FOR_US: Final = ("OTEL_SDK_DISABLED",)
"""Settings of the environment under which the demo has nothing to show."""


@dataclass(frozen=True)
class Wishes:
    """What the demo was asked for."""

    as_json: bool
    only: tuple[str, ...]
    """The names of the faults to run. Empty is: every example, and mixed traffic."""
    metrics_port: int | None
    """Where to serve metrics, with traffic that goes on. `None` is: not at all. 0 is any free port."""
    otlp: str | None
    """The base URL of an OTLP/HTTP receiver. `None` is: no export."""


def run(wishes: Wishes) -> int:
    """Runs the demo, and returns its exit status. Raises `Problem` for a wish that cannot be fulfilled."""
    for name in _NOT_FOR_US:
        os.environ.pop(name, None)
    scenarios = _scenarios(wishes.only)
    endpoints = None if wishes.otlp is None else OtlpEndpoints.at(wishes.otlp)
    with ExportFailures(lambda line: _note(f"The export to {wishes.otlp} fails: {line}")) as failures:
        results = _run(wishes, scenarios, endpoints)
    if endpoints is not None and failures.first is None:
        _note(f"Exported {endpoints}.")
    return _DONE if results.as_expected and failures.first is None else _FAILED


def _scenarios(names: tuple[str, ...]) -> list[Scenario]:
    try:
        return [parse(name, "--only") for name in names]
    except ValueError as error:
        raise Problem(str(error)) from error


def _run(wishes: Wishes, wanted: Sequence[Scenario], endpoints: OtlpEndpoints | None) -> Results:
    with ExitStack() as stack:
        port = wishes.metrics_port
        page = None if port is None else stack.enter_context(metrics_page(port))
        exports = stack.enter_context(telemetry(endpoints, page))
        server = stack.enter_context(FaultServer())
        stack.enter_context(_instrumented(exports))
        results = _with_progress(server.url, exports, list(dict.fromkeys(wanted or map(parse, EXAMPLES))))
        exports.forget_spans()
        _show(results, wishes)
        if page is not None:
            _serve(page, server.url, wanted)
    return results


@contextmanager
def _instrumented(exports: Telemetry) -> Generator[None]:
    instrumentor = AnthropicInstrumentor()
    if instrumentor.is_instrumented_by_opentelemetry:
        instrumentor.uninstrument()  # whoever started this process has; the demo keeps its telemetry to itself
    instrumentor.instrument(
        tracer_provider=exports.tracer_provider,
        meter_provider=exports.meter_provider,
        logger_provider=exports.logger_provider,
        spans=True,
    )
    try:
        yield
    finally:
        instrumentor.uninstrument()


def _with_progress(url: str, exports: Telemetry, scenarios: Sequence[Scenario]) -> Results:
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("Running every fault through the SDK", total=len(scenarios) * len(Style))
        return run_scenarios(url, exports, scenarios, lambda: progress.advance(task))


def _show(results: Results, wishes: Wishes) -> None:
    if wishes.as_json:
        json.dump(as_json(results), sys.stdout, indent=2)
        sys.stdout.write("\n")
    else:
        print_table(results, Console())
    sys.stdout.flush()


def _serve(page: MetricsPage, url: str, wanted: Sequence[Scenario]) -> None:
    with until_stopped() as wait, Traffic(url, only(wanted) if wanted else MIXED):
        _note(f"Serving metrics on {page.url}, with {CALLS_PER_SECOND} calls a second. Ctrl-C stops.")
        wait()


def _note(line: str) -> None:
    click.echo(line, err=True)
