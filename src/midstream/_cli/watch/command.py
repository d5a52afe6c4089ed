"""`midstream watch`."""

from __future__ import annotations

import json
import os
import shlex
import sys
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Final

import click
from rich.console import Console

from midstream._cli.console.problem import Problem
from midstream._cli.console.programs import run_program
from midstream._cli.console.signals import until_stopped
from midstream._cli.watch.boot.midstream_watch import ADDRESS
from midstream._cli.watch.display import print_line, screen
from midstream._cli.watch.output import program_output
from midstream._cli.watch.receiver import receiving
from midstream._cli.watch.summary import Watched
from midstream._cli.watch.tally import Tally

_BOOT: Final = Path(__file__).with_name("boot")
_DEFAULT_PORT: Final = 4318

_HOW_TO: Final = """\
Listening until Ctrl-C. A service that exports OpenTelemetry metrics and logs sets

    export OTEL_EXPORTER_OTLP_ENDPOINT=http://{address} OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf
    export OTEL_METRICS_EXPORTER=otlp OTEL_LOGS_EXPORTER=otlp OTEL_METRIC_EXPORT_INTERVAL=1000

and is restarted. Any other program of a Python that has midstream sets

    export {variable}={address} PYTHONPATH={boot}
"""


class _Mode(Enum):
    SCREEN = "screen"
    LINES = "lines"
    SILENT = "silent"


@dataclass(frozen=True)
class WatchOptions:
    """The options of `midstream watch`, as they were given."""

    as_json: bool
    lines: bool
    log: str | None
    quiet: bool
    port: int | None
    command: tuple[str, ...]

    def check(self) -> None:
        """Raises `Problem` for options that exclude each other."""
        if self.log is not None and self.quiet:
            message = "--log and --quiet: give one of them"
            raise Problem(message)
        if (self.log is not None or self.quiet) and not self.command:
            message = "--log and --quiet: are for the output of a program: midstream watch --quiet -- python app.py"
            raise Problem(message)

    def mode(self, console: Console) -> _Mode:
        """How to show what happens on `console`."""
        if self.as_json:
            return _Mode.SILENT
        # Rich takes a log for a terminal where FORCE_COLOR is set.
        can_draw = sys.stderr.isatty() and console.is_terminal and not console.is_dumb_terminal
        return _Mode.SCREEN if can_draw and not self.lines else _Mode.LINES


def run(options: WatchOptions) -> int:
    """Watches, and returns the exit status: the program's, or 0. Raises `Problem` for an option that is invalid."""
    options.check()
    console = Console(stderr=True, highlight=False)
    mode = options.mode(console)
    tally = Tally(print_line) if mode is _Mode.LINES else Tally()
    began = time.monotonic()
    watch = _watch_program if options.command else _listen
    status = watch(options, tally, mode, console)
    watched = Watched(options.command, time.monotonic() - began, status, tally.figures())
    if options.as_json:
        click.echo(json.dumps(watched.as_json(), indent=2))
    else:
        click.echo(watched.in_words(), err=True)
    return status or 0


def _watch_program(options: WatchOptions, tally: Tally, mode: _Mode, console: Console) -> int:
    on_screen = mode is _Mode.SCREEN
    title = shlex.join(options.command)
    with program_output(
        options.log, quiet=options.quiet, on_screen=on_screen, stdout_is_taken=options.as_json
    ) as output:
        with receiving(tally, options.port or 0) as address, _display(mode, console, title, tally):
            status = run_program(options.command, _environment(address), output.stdout, output.stderr)
        last_lines = output.last_lines() if on_screen else []
    if last_lines:
        click.echo(f"The program's output is in {output.log}." + (" It ends with" if status else ""), err=True)
        click.echo("\n".join((*(f"    {line}" for line in last_lines if status), "")), err=True)
    return status


def _listen(options: WatchOptions, tally: Tally, mode: _Mode, console: Console) -> None:
    port = _DEFAULT_PORT if options.port is None else options.port
    with until_stopped() as wait, receiving(tally, port) as address:
        click.echo(_HOW_TO.format(address=address, variable=ADDRESS, boot=_BOOT), err=True)
        with _display(mode, console, address, tally):
            wait()


def _display(mode: _Mode, console: Console, title: str, tally: Tally) -> AbstractContextManager[None]:
    return screen(console, title, tally.figures) if mode is _Mode.SCREEN else nullcontext()


def _environment(address: str) -> Mapping[str, str]:
    paths = [str(_BOOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, ADDRESS: address, "PYTHONPATH": os.pathsep.join(paths)}
