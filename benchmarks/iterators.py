"""The event iterators by themselves: prebuilt events through a generator, bare and observed.

A whole stream takes a hundred times as long as what is measured here, so its noise hides the difference. An outer
loop like the SDK's own stands around both.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, Final

from opentelemetry._logs import NoOpLoggerProvider
from opentelemetry.metrics import NoOpMeterProvider
from opentelemetry.trace import NoOpTracerProvider

from midstream.outcomes.kinds import MESSAGES
from midstream.sdk.calls import Call, Calls
from midstream.sdk.streams import ObservedAsyncEvents, observed_events
from midstream.telemetry.ended import Request
from midstream.telemetry.operation import Operation
from midstream.telemetry.recorder import Recorder

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

__all__ = ("nanoseconds_per_event",)

_EVENTS: Final = 20_000


class _Delta:
    """Stands for the SDK's content event."""

    type = "content_block_delta"


_PREBUILT: Final = [_Delta()] * _EVENTS


def _call() -> Call:
    recorder = Recorder(
        NoOpTracerProvider().get_tracer("bench"),
        NoOpMeterProvider().get_meter("bench"),
        NoOpLoggerProvider().get_logger("bench"),
        spans=False,
    )
    return Call(Calls(recorder, chunk_timings=False), Request(Operation.CHAT, "anthropic"), MESSAGES)


def _source() -> Iterator[Any]:
    yield from _PREBUILT


async def _async_source() -> AsyncIterator[Any]:
    for event in _PREBUILT:
        yield event


def _outer(events: Iterator[Any]) -> Iterator[Any]:
    for event in events:  # noqa: UP028 - a loop, as in the SDK
        yield event


async def _async_outer(events: AsyncIterator[Any]) -> AsyncIterator[Any]:
    async for event in events:
        yield event


def _sync_run(*, observed: bool) -> float:
    call = _call()
    events = observed_events(_source(), lambda: call) if observed else _source()
    started = time.process_time_ns()
    for _ in _outer(events):
        pass
    return (time.process_time_ns() - started) / _EVENTS


async def _async_run(*, observed: bool) -> float:
    call = _call()
    events = ObservedAsyncEvents(_async_source(), lambda: call) if observed else _async_source()
    started = time.process_time_ns()
    async for _ in _async_outer(events):
        pass
    return (time.process_time_ns() - started) / _EVENTS


def nanoseconds_per_event(flavor: str, *, observed: bool) -> float:
    """One run over prebuilt events, `sync` or `async`."""
    if flavor == "sync":
        return _sync_run(observed=observed)
    return asyncio.run(_async_run(observed=observed))
