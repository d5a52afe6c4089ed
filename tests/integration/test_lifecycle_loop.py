"""What only an event loop does to a stream: it cancels the reader, or shuts down before the stream is dropped."""

from __future__ import annotations

import asyncio
import itertools
import weakref
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import anyio
import anyio.lowlevel
import pytest
from opentelemetry.sdk.trace import TracerProvider

from midstream.faults import parse
from support.clients import async_client
from support.lifecycle import (
    LONG,
    SPANS,
    Trace,
    Way,
    aopened,
    check,
    listen_to_loop,
    listening,
    no_collector,
    told_on_spans,
)
from support.styles import arguments

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Iterator

    from midstream.faults import FaultServer
    from support.exported import Exported

SLOW = "slow:60000"
"""A model whose answer stops after the first event."""


async def cancelled(trace: Trace, doing: Coroutine[Any, Any, None], waiting: Callable[[], bool]) -> None:
    """Cancels a task that is `doing` something, when it is `waiting`."""
    task = asyncio.create_task(doing)
    while not waiting():
        await anyio.lowlevel.checkpoint()
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    trace.step("cancelled")


async def cancel_the_read(made: Any, trace: Trace) -> None:
    stream = await aopened(made, trace)
    await cancelled(trace, read_to_the_end(stream), reads(stream))
    del stream
    trace.step("dropped")


async def cancel_the_read_in_with(made: Any, trace: Trace) -> None:
    stream = await aopened(made, trace)

    async def read() -> None:
        async with stream:
            await read_to_the_end(stream)

    await cancelled(trace, read(), reads(stream))


async def cancel_the_helper(made: Any, trace: Trace) -> None:
    async with made.messages.stream(**arguments(trace.model)) as stream:
        trace.follow(stream)
        trace.step("opened")
        await cancelled(trace, read_to_the_end(stream), reads(stream))
    trace.step("left the with block")


async def cancel_the_application(made: Any, trace: Trace) -> None:
    entered = asyncio.Event()

    async def read() -> None:
        async for _ in await aopened(made, trace):
            entered.set()
            await asyncio.Event().wait()

    await cancelled(trace, read(), entered.is_set)


async def cancel_the_application_in_with(made: Any, trace: Trace) -> None:
    entered = asyncio.Event()

    async def read() -> None:
        async with await aopened(made, trace) as stream:
            async for _ in stream:
                entered.set()
                await asyncio.Event().wait()

    await cancelled(trace, read(), entered.is_set)


async def cancel_the_request(made: Any, trace: Trace) -> None:
    trace.step("before")

    async def ask() -> None:
        await made.messages.create(**arguments(trace.model), stream=True)

    await cancelled(trace, ask(), lambda: [c.is_idle() for c in made._client._transport._pool.connections] == [False])


async def read_to_the_end(stream: Any) -> None:
    async for _ in stream:
        pass


def reads(stream: Any) -> Callable[[], bool]:
    """Whether a task waits for the network under `stream`, looked at from outside."""
    network = stream.response.extensions["network_stream"]
    read = network.read
    waiting: list[bool] = []

    async def seen(*args: Any, **kwargs: Any) -> Any:
        waiting.append(True)
        received = await read(*args, **kwargs)
        waiting.clear()
        return received

    network.read = seen
    return lambda: bool(waiting)


WAYS = (
    Way("reader cancelled", None, cancel_the_read, "cancelled", SLOW, ("cancelled",)),
    Way("reader cancelled in the with block", None, cancel_the_read_in_with, "cancelled", SLOW, ("cancelled",)),
    Way("reader of the helper cancelled", None, cancel_the_helper, "cancelled", SLOW, ("cancelled",)),
    Way("application cancelled in its loop", None, cancel_the_application),
    Way("application cancelled in its with block", None, cancel_the_application_in_with),
    Way("request cancelled", None, cancel_the_request, "cancelled", "silent", ("cancelled",)),
)


@pytest.mark.parametrize("spans", SPANS)
@pytest.mark.parametrize("way", WAYS, ids=str)
def test_a_cancelled_call_is_released_as_without_us(
    server: FaultServer, exported: Exported, instrumented: Any, way: Way, spans: str
) -> None:
    check(way, "async", spans, server, exported, instrumented)


async def keep_the_stream(made: Any, trace: Trace) -> Any:
    stream = await aopened(made, trace)
    await stream.__anext__()
    return stream


async def keep_the_iterator(made: Any, trace: Trace) -> Any:
    events = (await aopened(made, trace)).__aiter__()
    await events.__anext__()
    return events


async def keep_it_unread(made: Any, trace: Trace) -> Any:
    return await aopened(made, trace)


async def keep_nothing(made: Any, trace: Trace) -> Any:
    await keep_the_stream(made, trace)


async def keep_it_with_its_client_closed(made: Any, trace: Trace) -> Any:
    stream = await keep_the_stream(made, trace)
    await made.close()
    return stream


KEPT = (keep_the_stream, keep_the_iterator, keep_it_unread, keep_nothing, keep_it_with_its_client_closed)


@pytest.mark.parametrize("spans", SPANS)
@pytest.mark.parametrize("backwards", [False, True], ids=["in order", "backwards"])
@pytest.mark.parametrize("keep", KEPT, ids=lambda keep: keep.__name__)
def test_what_outlives_its_event_loop_is_abandoned_when_it_is_dropped_at_the_latest(
    server: FaultServer,
    exported: Exported,
    instrumented: Any,
    keep: Callable[[Any, Trace], Awaitable[Any]],
    backwards: bool,
    spans: str,
) -> None:
    program = Outliving(keep, server, InOrder(backwards=backwards))
    bare, bare_noise = program.run(TracerProvider(shutdown_on_exit=False) if spans == "sdk" else None, dict)
    with instrumented():
        provider = exported.tracer_provider if spans == "sdk" else None
        observed, noise = program.run(provider, exported.outcomes)
    assert observed.steps == bare.steps
    assert noise == bare_noise
    gone = ["response" in step.alive for step in observed.steps].index(False)
    assert observed.ended[gone:] == [{"abandoned": 1}] * len(observed.ended[gone:])
    assert observed.ours[-1] == []
    assert told_on_spans(exported) == ["abandoned"]


@dataclass
class Outliving:
    """A program in which the client and the result of `keep` outlive the event loop."""

    keep: Callable[[Any, Trace], Awaitable[Any]]
    server: FaultServer
    generators: InOrder

    def run(self, spans: TracerProvider | None, outcomes: Callable[[], dict[str, int]]) -> tuple[Trace, list[str]]:
        """What becomes of it, and what is reported meanwhile."""
        kept: list[Any] = []

        async def until_it_is_kept() -> Trace:
            listen_to_loop(noise)
            loop: Any = asyncio.get_running_loop()
            loop._asyncgens = self.generators
            # Not left: that would close the client.
            context = async_client(self.server, parse(LONG), spans)
            trace = Trace(await context.__aenter__(), LONG, outcomes)
            kept.extend((context, await self.keep(trace.client, trace)))
            return trace

        with no_collector(), listening() as noise:
            trace = anyio.run(until_it_is_kept)
            trace.step("the loop is over")
            kept.pop()
            trace.step("dropped")
            trace.collect()
            trace.collect()
            trace.client = None
            kept.clear()
        return trace, noise


class InOrder:
    """The async generators of an event loop, which it closes at its end: in order, where it has them in none.

    httpx2 stands some orders without an error, and others not.
    """

    def __init__(self, *, backwards: bool) -> None:
        self._backwards = backwards
        self._numbers = itertools.count()
        self._generators: weakref.WeakValueDictionary[int, Any] = weakref.WeakValueDictionary()

    def add(self, generator: Any) -> None:
        self._generators[next(self._numbers)] = generator

    def discard(self, generator: Any) -> None:
        for number, held in list(self._generators.items()):
            if held is generator:
                del self._generators[number]

    def clear(self) -> None:
        self._generators.clear()

    def __len__(self) -> int:
        return len(self._generators)

    def __iter__(self) -> Iterator[Any]:
        generators = list(self._generators.values())
        return reversed(generators) if self._backwards else iter(generators)
