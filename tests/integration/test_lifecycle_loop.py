"""What only an event loop does to a stream: to cancel its reader, and to shut down before it is let go."""

from __future__ import annotations

import asyncio
import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import anyio
import anyio.lowlevel
import pytest
from opentelemetry.sdk.trace import TracerProvider

from midstream.faults import parse
from support.clients import HTTP_PACKAGE, async_client
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
    from collections.abc import Awaitable, Callable, Coroutine

    from midstream.faults import FaultServer
    from support.exported import Exported

SLOW = "slow:60000"
"""A model of whose answer nothing more arrives after the first event."""


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
    """Whether somebody waits for the network under `stream`, looked at from outside."""
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
def test_a_cancelled_call_is_let_go_as_without_us(
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
@pytest.mark.parametrize("keep", KEPT, ids=lambda keep: keep.__name__)
def test_what_outlives_its_event_loop_is_abandoned_when_it_is_dropped_at_the_latest(
    server: FaultServer, exported: Exported, instrumented: Any, keep: Callable[..., Awaitable[Any]], spans: str
) -> None:
    bare, bare_noise = outlive(keep, server, TracerProvider(shutdown_on_exit=False) if spans == "sdk" else None, dict)
    with instrumented():
        provider = exported.tracer_provider if spans == "sdk" else None
        trace, noise = outlive(keep, server, provider, exported.outcomes)
    assert trace.steps == bare.steps
    assert trace.ours[-1] == []
    gone = ["response" in step.alive for step in trace.steps].index(False, 1)
    assert trace.ended[gone:] == [{"abandoned": 1}] * len(trace.ended[gone:])
    assert told_on_spans(exported) == ["abandoned"]
    # An event loop closes its open generators in the order of their addresses, and httpx2 stands that in some orders.
    assert [message for message in (*bare_noise, *noise) if not OF_THE_HTTP_CLIENT.fullmatch(message)] == []


OF_THE_HTTP_CLIENT = re.compile(
    "loop: an error occurred during closing of asynchronous generator <async_generator object "
    r"(Response|PoolByteStream|HTTP11ConnectionByteStream|AsyncSpanEndingStream)\.\w+ at \w+>: RuntimeError"
    if HTTP_PACKAGE == "httpx2"
    else "nothing is said by httpx"
)


def outlive(
    keep: Callable[[Any, Trace], Awaitable[Any]],
    server: FaultServer,
    spans: TracerProvider | None,
    outcomes: Callable[[], dict[str, int]],
) -> tuple[Trace, list[str]]:
    """What becomes of that which `keep` returns, when its event loop is over."""
    kept: list[Any] = []
    clients: list[Any] = []

    async def run() -> Trace:
        listen_to_loop(noise)
        # Not left: that would close the client.
        clients.append(async_client(server, parse(LONG), spans))
        made = await clients[0].__aenter__()
        trace = Trace(made, LONG, outcomes)
        kept.append(await keep(made, trace))
        return trace

    with no_collector(), listening() as noise:
        trace = anyio.run(run)
        trace.step("the loop is over")
        kept.clear()
        trace.step("dropped")
        trace.collect()
        trace.collect()
        trace.client = None
        clients.clear()
    return trace, noise
