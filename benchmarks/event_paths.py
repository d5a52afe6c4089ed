"""Prepared items on the paths that midstream observes: events, chunks of a body, and attributes read from a body.

Nothing waits and no event loop runs, so the same work is done every time. Bare and observed, the items pass through
outer loops like those of the SDK and its HTTP client.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from opentelemetry.context import get_current

from midstream._outcomes.kinds import MESSAGES
from midstream._sdk.bodies import ObservedBody
from midstream._sdk.call import ObservedCall
from midstream._sdk.event_types import EventTypes
from midstream._sdk.events import ObservedAsyncEvents, observed_events
from midstream._sdk.reporting import CallReport, Reporter
from midstream._telemetry.call_record import CallRequest
from midstream._telemetry.operation import Operation
from midstream._telemetry.recorder import Recorder
from midstream._telemetry.signals import Signals


@dataclass(frozen=True)
class Path:
    """An iterator around an iterator of items, with a call that observes it and without."""

    item: Any
    observed: Callable[[Any, ObservedCall], Any]
    is_async: bool = False
    bare: Callable[[Any], Any] = lambda items: items


class _Delta:
    """Stands for the SDK's content event."""

    type = "content_block_delta"


class _Body:
    """Stands for the body of a response, sync and async."""

    def __init__(self, chunks: Any) -> None:
        self._chunks = chunks

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._chunks)

    def __aiter__(self) -> AsyncIterator[bytes]:
        return aiter(self._chunks)


def _observed_chunks(chunks: Iterator[bytes], call: ObservedCall) -> Iterator[bytes]:
    call.parsed_by(chunks)
    return iter(ObservedBody(_Body(chunks), call))


def _observed_async_chunks(chunks: AsyncIterator[bytes], call: ObservedCall) -> AsyncIterator[bytes]:
    call.parsed_by(chunks)
    return aiter(ObservedBody(_Body(chunks), call))


def _reading(items: Iterator[Any], body: object) -> Iterator[Any]:
    """Reads from the body, for every item, the attribute that SDK 1.14 and later reads with every event."""
    for item in items:
        getattr(body, "stream_observer", None)
        yield item


PATHS: Final[Mapping[str, Path]] = {
    "events": Path(_Delta(), lambda events, call: observed_events(events, lambda: call)),
    "async events": Path(_Delta(), lambda events, call: ObservedAsyncEvents(events, lambda: call), is_async=True),
    "chunks": Path(b"x" * 256, _observed_chunks),
    "async chunks": Path(b"x" * 256, _observed_async_chunks, is_async=True),
    "attributes": Path(
        _Delta(),
        lambda items, call: _reading(items, ObservedBody(_Body(items), call)),
        bare=lambda items: _reading(items, _Body(items)),
    ),
}


def drive(name: str, items: int, *, observed: bool, clock: Callable[[], float] = time.perf_counter) -> None:
    """Sends that many items through the path with this name."""
    path = PATHS[name]
    prepared = [path.item] * items
    call = _call(clock)
    if path.is_async:
        source = _async_source(prepared)
        _finish(_async_drain(path.observed(source, call) if observed else path.bare(source)))
    else:
        _drain(path.observed(_source(prepared), call) if observed else path.bare(_source(prepared)))


def _call(clock: Callable[[], float]) -> ObservedCall:
    reporter = Reporter(Recorder(Signals.silent(), spans=False), clock=clock)
    report = CallReport(reporter, CallRequest(Operation.CHAT, "anthropic"), get_current())
    return ObservedCall(report, MESSAGES, EventTypes())


def _source(items: Sequence[Any]) -> Iterator[Any]:
    yield from items


async def _async_source(items: Sequence[Any]) -> AsyncIterator[Any]:
    for item in items:
        yield item


def _outer(items: Iterator[Any]) -> Iterator[Any]:
    for item in items:  # noqa: UP028 - a loop, as in the SDK
        yield item


async def _async_outer(items: AsyncIterator[Any]) -> AsyncIterator[Any]:
    async for item in items:
        yield item


def _drain(items: Iterator[Any]) -> None:
    for _ in _outer(items):
        pass


async def _async_drain(items: AsyncIterator[Any]) -> None:
    async for _ in _async_outer(items):
        pass


def _finish(coroutine: Any) -> None:
    """Runs a coroutine that never waits."""
    try:
        coroutine.send(None)
    except StopIteration:
        return
    message = "the coroutine waits"
    raise RuntimeError(message)
