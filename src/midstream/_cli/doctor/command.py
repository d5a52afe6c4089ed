"""`midstream doctor`."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Final

from rich.console import Console

from midstream._cli.console.caught import Caught
from midstream._cli.doctor.call import called, not_called
from midstream._cli.doctor.exits import ends
from midstream._cli.doctor.findings import Finding, Health, Subject
from midstream._cli.doctor.packages import installed
from midstream._cli.doctor.patches import is_on, patched, spans_made
from midstream._cli.doctor.providers import SIGNALS, Maker, provided
from midstream._cli.doctor.report import print_json, print_table, stdout_for_the_report
from midstream._cli.doctor.setup import Hushed, Way, function_named, outcome, set_up
from midstream._cli.doctor.switches import switched

if TYPE_CHECKING:
    from collections.abc import Iterator


_HEALTHY, _WRONG = 0, 1

_PATIENCE: Final = "Making a call and exporting what is told of it. Where nobody takes it, that takes 10 to 20 seconds."

_CONTAINED: Final = "fault of its own"


@dataclass(frozen=True)
class Wishes:
    """What the doctor was asked for."""

    as_json: bool
    call: bool
    """Whether to make the call."""
    setup: str | None
    """The function of the application that sets OpenTelemetry up. `None`: as `opentelemetry-instrument` does."""


def run(wishes: Wishes) -> int:
    """Examines this process, and returns its exit status. Raises `Problem` for a wish that cannot be fulfilled."""
    with stdout_for_the_report() as report, Hushed() as hushed:
        with Console(stderr=True).status(_PATIENCE):
            findings = tuple(_findings(wishes, hushed))
        write = print_json if wishes.as_json else print_table
        write(findings, report)
    return _WRONG if any(one.verdict is Health.PROBLEM for one in findings) else _HEALTHY


def _findings(wishes: Wishes, hushed: Hushed) -> Iterator[Finding]:
    function = None if wishes.setup is None else function_named(wishes.setup)
    done = set_up(hushed, function)
    with Caught() as caught:
        import_module("anthropic")
    yield from installed(caught.error)
    yield from switched(by_setup=function is not None)
    yield from outcome(done)
    yield from patched(by_setup=done.way is Way.FUNCTION)
    yield from spans_made()
    yield from provided()
    yield from ends()
    yield from _call(wishes)
    contained = [line for line in hushed.of("midstream") if _CONTAINED in line]
    for line in contained:
        yield Finding(Subject.MIDSTREAM, Health.PROBLEM, line, "report it, with this line")


def _call(wishes: Wishes) -> Iterator[Finding]:
    if not wishes.call:
        yield from not_called("--no-call")
    elif not is_on():
        yield from not_called("midstream observes no call here: see above")
    elif all(one.maker() in {Maker.NOBODY, Maker.DISABLED} for one in SIGNALS):
        yield from not_called("nothing leaves this process: see above")
    else:
        yield from called()
