"""However the application closes or drops a stream, its call ends once, as early as the bare SDK releases it."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import anyio
import pytest
from anthropic import _base_client, _streaming

from midstream import AnthropicInstrumentor
from midstream.faults import parse
from support.clients import async_client, client
from support.lifecycle import LONG, SPANS, Trace, Way, aopened, check, opened
from support.seen import FLAVORS
from support.styles import arguments

if TYPE_CHECKING:
    from midstream.faults import FaultServer
    from support.exported import Exported


def close_midway(made: Any, trace: Trace) -> None:
    stream = opened(made, trace)
    next(stream)
    trace.step("read")
    stream.close()
    trace.step("closed")
    stream.close()
    trace.step("closed again")
    del stream
    trace.step("dropped")


async def aclose_midway(made: Any, trace: Trace) -> None:
    stream = await aopened(made, trace)
    await stream.__anext__()
    trace.step("read")
    await stream.close()
    trace.step("closed")
    await stream.close()
    trace.step("closed again")
    del stream
    trace.step("dropped")


def close_unread(made: Any, trace: Trace) -> None:
    stream = opened(made, trace)
    stream.close()
    trace.step("closed")
    del stream
    trace.step("dropped")


async def aclose_unread(made: Any, trace: Trace) -> None:
    stream = await aopened(made, trace)
    await stream.close()
    trace.step("closed")
    del stream
    trace.step("dropped")


def break_in_with(made: Any, trace: Trace) -> None:
    with opened(made, trace) as stream:
        for _ in stream:
            trace.step("read")
            break
        trace.step("left the loop")
    trace.step("left the with block")
    del stream
    trace.step("dropped")


async def abreak_in_with(made: Any, trace: Trace) -> None:
    async with await aopened(made, trace) as stream:
        async for _ in stream:
            trace.step("read")
            break
        trace.step("left the loop")
    trace.step("left the with block")
    del stream
    trace.step("dropped")


def break_and_drop(made: Any, trace: Trace) -> None:
    for _ in opened(made, trace):
        trace.step("read")
        break
    trace.step("dropped")


async def abreak_and_drop(made: Any, trace: Trace) -> None:
    async for _ in await aopened(made, trace):
        trace.step("read")
        break
    trace.step("dropped")


def next_and_drop(made: Any, trace: Trace) -> None:
    stream = opened(made, trace)
    next(stream)
    trace.step("read")
    del stream
    trace.step("dropped")


async def anext_and_drop(made: Any, trace: Trace) -> None:
    stream = await aopened(made, trace)
    await stream.__anext__()
    trace.step("read")
    del stream
    trace.step("dropped")


def drop_unread(made: Any, trace: Trace) -> None:
    opened(made, trace)
    trace.step("dropped")


async def adrop_unread(made: Any, trace: Trace) -> None:
    await aopened(made, trace)
    trace.step("dropped")


def keep_and_break_again(made: Any, trace: Trace) -> None:
    stream = opened(made, trace)
    for _ in stream:
        break
    trace.step("left the loop")
    for _ in stream:
        break
    trace.step("left the loop again")
    del stream
    trace.step("dropped")


async def akeep_and_break_again(made: Any, trace: Trace) -> None:
    stream = await aopened(made, trace)
    async for _ in stream:
        break
    trace.step("left the loop")
    async for _ in stream:
        break
    trace.step("left the loop again")
    del stream
    trace.step("dropped")


def close_the_iterator(made: Any, trace: Trace) -> None:
    stream = opened(made, trace)
    events = iter(stream)
    next(events)
    del stream
    trace.step("dropped the stream")
    next(events)
    trace.step("read on")
    events.close()
    trace.step("closed the iterator")
    del events
    trace.step("dropped")


async def aclose_the_iterator(made: Any, trace: Trace) -> None:
    stream = await aopened(made, trace)
    events = stream.__aiter__()
    await events.__anext__()
    del stream
    trace.step("dropped the stream")
    await events.__anext__()
    trace.step("read on")
    await events.aclose()
    trace.step("closed the iterator")
    del events
    trace.step("dropped")


def drop_a_copy(made: Any, trace: Trace) -> None:
    stream = opened(made, trace)
    next(stream)
    other = trace.follow(copy.copy(stream), "copy")
    del stream
    trace.step("dropped the stream")
    next(other)
    trace.step("read on")
    del other
    trace.step("dropped")


async def adrop_a_copy(made: Any, trace: Trace) -> None:
    stream = await aopened(made, trace)
    await stream.__anext__()
    other = trace.follow(copy.copy(stream), "copy")
    del stream
    trace.step("dropped the stream")
    await other.__anext__()
    trace.step("read on")
    del other
    trace.step("dropped")


def close_an_unread_copy(made: Any, trace: Trace) -> None:
    stream = opened(made, trace)
    other = trace.follow(copy.copy(stream), "copy")
    del stream
    trace.step("dropped the stream")
    next(other)
    trace.step("read")
    other.close()
    trace.step("closed the copy")
    del other
    trace.step("dropped")


async def aclose_an_unread_copy(made: Any, trace: Trace) -> None:
    stream = await aopened(made, trace)
    other = trace.follow(copy.copy(stream), "copy")
    del stream
    trace.step("dropped the stream")
    await other.__anext__()
    trace.step("read")
    await other.close()
    trace.step("closed the copy")
    del other
    trace.step("dropped")


WAYS = (
    Way("closed midway", close_midway, aclose_midway),
    Way("closed unread", close_unread, aclose_unread),
    Way("break in a with block", break_in_with, abreak_in_with),
    Way("break and dropped", break_and_drop, abreak_and_drop),
    Way("next() and dropped", next_and_drop, anext_and_drop),
    Way("dropped unread", drop_unread, adrop_unread),
    Way("break twice and dropped", keep_and_break_again, akeep_and_break_again),
    Way("its iterator closed", close_the_iterator, aclose_the_iterator),
    Way("copied and dropped", drop_a_copy, adrop_a_copy),
    Way("its unread copy closed", close_an_unread_copy, aclose_an_unread_copy),
)


@pytest.mark.parametrize("spans", SPANS)
@pytest.mark.parametrize("flavor", FLAVORS)
@pytest.mark.parametrize("way", WAYS, ids=str)
def test_a_stream_is_released_as_without_us_and_its_call_ends_with_it(
    server: FaultServer, exported: Exported, instrumented: Any, way: Way, flavor: str, spans: str
) -> None:
    check(way, flavor, spans, server, exported, instrumented)


@pytest.mark.parametrize("spans", SPANS)
@pytest.mark.parametrize("flavor", FLAVORS)
def test_an_abandoned_call_is_not_a_failure(
    server: FaultServer, exported: Exported, instrumented: Any, flavor: str, spans: str
) -> None:
    check(WAYS[0], flavor, spans, server, exported, instrumented)
    attributes = exported.span.attributes or {}
    assert attributes["gen_ai.response.finish_reasons"] == ("error",)
    assert [name for name in attributes if name in {"error.type", "midstream.phase", "midstream.leaked"}] == []
    assert exported.span.status.is_unset
    assert exported.logs == []
    assert [point.value for point in exported.metrics()["midstream.client.stream.active"]] == [0]


def test_a_stream_closed_after_its_end_event_is_completed(
    server: FaultServer, exported: Exported, instrumented: Any
) -> None:
    with instrumented(), client(server, parse("ok")) as made:
        stream = made.messages.create(**arguments("ok"), stream=True)
        for event in stream:
            if event.type == "message_stop":
                break
        stream.close()
    assert exported.outcomes() == {"completed": 1}


@pytest.mark.parametrize("flavor", FLAVORS)
def test_a_stream_in_flight_at_uninstrument_ends_cleanly(
    server: FaultServer, exported: Exported, instrumented: Any, flavor: str
) -> None:
    async def run() -> int:
        async with async_client(server, parse(LONG)) as made:
            with instrumented():
                stream = await made.messages.create(**arguments(LONG), stream=True)
                await stream.__anext__()
            return 1 + len([event async for event in stream])

    if flavor == "async":
        assert anyio.run(run) == 205
    else:
        with client(server, parse(LONG)) as made:
            with instrumented():
                stream = made.messages.create(**arguments(LONG), stream=True)
                next(stream)
            assert 1 + sum(1 for _ in stream) == 205
    assert exported.outcomes() == {"completed": 1}


def test_uninstrument_restores_every_method() -> None:
    def methods() -> list[Any]:
        return [
            vars(owner)[name]
            for owner, name in (
                (_base_client.SyncAPIClient, "request"),
                (_base_client.AsyncAPIClient, "request"),
                (_base_client.BaseClient, "_build_request"),
                (_streaming.Stream, "__stream__"),
                (_streaming.AsyncStream, "__stream__"),
                (_streaming.Stream, "close"),
                (_streaming.AsyncStream, "close"),
            )
        ]

    before = methods()
    AnthropicInstrumentor().instrument()
    during = methods()
    AnthropicInstrumentor().uninstrument()
    assert [now is then for now, then in zip(during, before, strict=True)] == [False] * 7
    assert [now is then for now, then in zip(methods(), before, strict=True)] == [True] * 7
