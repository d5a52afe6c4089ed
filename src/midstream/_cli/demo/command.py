"""`midstream demo`."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Generator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from midstream._cli.console.problem import Problem
from midstream._cli.console.signals import until_stopped
from midstream._cli.demo.exporting import OtlpReceiver, Telemetry, export_failures, metrics_page, telemetry
from midstream._cli.demo.results import Flavor, Results
from midstream._cli.demo.runs import run_scenarios
from midstream._cli.demo.table import print_table
from midstream._cli.demo.traffic import CALLS_PER_SECOND, MIXED, Traffic, streams
from midstream._instrumentor import AnthropicInstrumentor
from midstream.faults import EXAMPLES, FaultServer, Scenario, parse


@dataclass(frozen=True)
class DemoOptions:
    """The options of `midstream demo`, as they were given."""

    as_json: bool
    only: tuple[str, ...]
    serve: bool
    port: int
    otlp: str | None

    def scenarios(self) -> list[Scenario]:
        """The faults of `--only`, once each; empty without it. Raises `Problem` for an unknown one."""
        try:
            return list(dict.fromkeys(parse(name, "--only") for name in self.only))
        except ValueError as error:
            raise Problem(str(error)) from error


def run(options: DemoOptions) -> int:
    """Runs the demo, and returns its exit status. Raises `Problem` for an option that is invalid."""
    os.environ.pop("OTEL_SDK_DISABLED", None)  # with it there would be nothing to show
    scenarios = options.scenarios()
    receiver = None if options.otlp is None else OtlpReceiver.at(options.otlp)
    with export_failures(lambda line: _note(f"The export to {options.otlp} fails: {line}")) as failures:
        results = _run(options, scenarios, receiver)
    if receiver is not None and not failures:
        _note(f"Exported {receiver}.")
    return 0 if results.as_expected and not failures else 1


def _run(options: DemoOptions, wanted: Sequence[Scenario], receiver: OtlpReceiver | None) -> Results:
    with ExitStack() as stack:
        page = stack.enter_context(metrics_page(options.port)) if options.serve else None
        exports = stack.enter_context(telemetry(receiver, page))
        server = stack.enter_context(FaultServer())
        stack.enter_context(_instrumented(exports))
        results = _with_progress(server.url, exports, wanted or list(map(parse, EXAMPLES)))
        exports.discard_spans()
        _show(results, as_json=options.as_json)
        if page is not None:
            with until_stopped() as wait, Traffic(server.url, streams(wanted) if wanted else MIXED):
                _note(f"Serving metrics on {page.url}, with {CALLS_PER_SECOND} calls a second. Ctrl-C stops.")
                wait()
    return results


@contextmanager
def _instrumented(exports: Telemetry) -> Generator[None]:
    instrumentor = AnthropicInstrumentor()
    if instrumentor.is_instrumented_by_opentelemetry:
        instrumentor.uninstrument()  # by opentelemetry-instrument; the demo keeps its telemetry to itself
    instrumentor.instrument(
        tracer_provider=exports.tracer_provider,
        meter_provider=exports.meter_provider,
        logger_provider=exports.logger_provider,
        spans=True,
        errors="unchanged",  # what the SDK raises, whatever the environment requests
    )
    try:
        yield
    finally:
        instrumentor.uninstrument()


def _with_progress(url: str, exports: Telemetry, scenarios: Sequence[Scenario]) -> Results:
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("Running every fault through the SDK", total=len(scenarios) * len(Flavor))
        return run_scenarios(url, exports, scenarios, lambda: progress.advance(task))


def _show(results: Results, *, as_json: bool) -> None:
    if as_json:
        json.dump(results.as_json(), sys.stdout, indent=2)
        sys.stdout.write("\n")
    else:
        print_table(results, Console())
    sys.stdout.flush()


def _note(line: str) -> None:
    click.echo(line, err=True)
