"""Calls on event loops of every kind, and what they leave behind: in the telemetry, and where no code can catch it."""

from __future__ import annotations

import asyncio
import gc
import re
import sys
import threading
import warnings
from collections import Counter
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, TypeVar

import anyio
import pytest

from midstream._outcomes import Outcome, Phase
from midstream.faults import Expectation

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Generator

    from support.exported import Exported

__all__ = ("LOOPS", "beyond", "noise", "run_on", "told")

T = TypeVar("T")

LOOPS = tuple(
    pytest.param(loop, marks=pytest.mark.skipif(find_spec(loop) is None, reason=f"{loop} is not installed"))
    for loop in ("asyncio", "trio", "uvloop")
)
"""The kinds of event loop, as parameters of tests."""


def run_on(loop: str, work: Callable[[], Awaitable[T]], heard: list[str] | None = None) -> T:
    """Runs `work` on a loop of this kind, and the loop to its end.

    What the exception handler of an asyncio loop gets goes to `heard`.
    """

    def told_to_the_handler(_loop: object, context: dict[str, Any]) -> None:
        if heard is not None:
            heard.append(f"handler: {_plain(context['message'])}: {context.get('exception')!r}")

    async def main() -> T:
        if loop != "trio":
            asyncio.get_running_loop().set_exception_handler(told_to_the_handler)
        return await work()

    if loop == "trio":
        return anyio.run(main, backend="trio")
    return anyio.run(main, backend="asyncio", backend_options={"use_uvloop": loop == "uvloop"})


@contextmanager
def noise() -> Generator[list[str]]:
    """Collects warnings and exceptions that no code could catch, from finalizers and threads, garbage included."""
    heard: list[str] = []
    hooks = sys.unraisablehook, threading.excepthook

    def unraisable(told: sys.UnraisableHookArgs) -> None:
        heard.append(f"unraisable: {told.exc_value!r} in {_plain(repr(told.object))}")

    def of_a_thread(told: threading.ExceptHookArgs) -> None:
        heard.append(f"thread: {told.exc_value!r}")

    # What is there already is not garbage meanwhile, and does not slow down the collection.
    gc.freeze()
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        sys.unraisablehook, threading.excepthook = unraisable, of_a_thread
        try:
            yield heard
        finally:
            gc.collect()
            gc.unfreeze()
            sys.unraisablehook, threading.excepthook = hooks
            heard += [f"warning: {one.category.__name__}: {_plain(str(one.message))}" for one in warned]


def beyond(heard: list[str], bare: list[str]) -> list[str]:
    """What was heard, but not in the bare run."""
    return sorted(set(heard) - set(bare))


def _plain(text: str) -> str:
    # Which of the nested generators of a stream is the one that is named depends on the addresses of objects.
    text = re.sub(r"(?<=Async generator ')[\w.]+|(?<=<async_generator object )[\w.]+", "...", text)
    return re.sub(r"0x[0-9a-fA-F]+|\d+", "N", text)


def told(exported: Exported) -> list[Expectation]:
    """How each call ended, by its span and in the order of their ends.

    Checks that there is nothing but these spans, that the metrics and the log events say the same, one for each call,
    and that no stream is open.
    """
    calls = [_of_span(dict(span.attributes or {})) for span in exported.spans]
    metrics = exported.metrics()
    assert _counted(metrics.get("midstream.client.operations", []), "outcome", "leaked", "misreported") == Counter(
        (call.outcome.value, call.leaked, call.misreported) for call in calls
    )
    failed = [call for call in calls if call.outcome.is_failure]
    assert _counted(
        metrics.get("midstream.client.errors", []), "outcome", "leaked", "misreported", "phase", "status_code"
    ) == Counter(
        (call.outcome.value, call.leaked, call.misreported, call.phase.value if call.phase else None, call.status_code)
        for call in failed
    )
    assert Counter(_of_span(dict(log.log_record.attributes or {})) for log in exported.logs) == Counter(failed)
    assert {series.value for series in metrics.get("midstream.client.stream.active", [])} <= {0}
    assert "midstream.telemetry.errors" not in metrics
    return calls


def _of_span(found: dict[str, Any]) -> Expectation:
    phase = found.get("midstream.phase")
    return Expectation(
        outcome=Outcome(found["midstream.outcome"]),
        error_type=found.get("error.type"),
        status_code=found.get("midstream.status_code"),
        reported_status_code=found.get("midstream.reported.status_code"),
        leaked=found.get("midstream.leaked", False),
        misreported=found.get("midstream.misreported", False),
        phase=None if phase is None else Phase(phase),
    )


def _counted(series: list[Any], *names: str) -> Counter[tuple[Any, ...]]:
    counts: Counter[tuple[Any, ...]] = Counter()
    for one in series:
        if one.value:
            counts[tuple(one.attributes.get(f"midstream.{name}") for name in names)] += int(one.value)
    return counts
