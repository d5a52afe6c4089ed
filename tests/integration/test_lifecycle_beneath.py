"""A call also ends when the application drops something below the stream: a raw response, a body, a client."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from support.lifecycle import SPANS, Trace, Way, aopened, check, opened, read_on, read_on_async
from support.seen import FLAVORS
from support.styles import arguments, parsed

if TYPE_CHECKING:
    from midstream.faults import FaultServer
    from support.exported import Exported

SLOW = "slow:60000"
"""A model whose answer stops after the first event."""


def raw_opened(made: Any, trace: Trace) -> Any:
    raw = trace.follow(made.messages.with_raw_response.create(**arguments(trace.model), stream=True), "raw response")
    trace.step("opened")
    return raw


async def araw_opened(made: Any, trace: Trace) -> Any:
    asked = made.messages.with_raw_response.create(**arguments(trace.model), stream=True)
    raw = trace.follow(await asked, "raw response")
    trace.step("opened")
    return raw


def drop_unparsed(made: Any, trace: Trace) -> None:
    raw_opened(made, trace)
    trace.step("dropped")


async def adrop_unparsed(made: Any, trace: Trace) -> None:
    await araw_opened(made, trace)
    trace.step("dropped")


def drop_parsed(made: Any, trace: Trace) -> None:
    raw = raw_opened(made, trace)
    stream = trace.follow(raw.parse())
    next(stream)
    trace.step("read")
    del stream
    trace.step("dropped the stream")
    del raw
    trace.step("dropped")


async def adrop_parsed(made: Any, trace: Trace) -> None:
    raw = await araw_opened(made, trace)
    stream = trace.follow(await parsed(raw))
    await stream.__anext__()
    trace.step("read")
    del stream
    trace.step("dropped the stream")
    del raw
    trace.step("dropped")


def close_http_response(made: Any, trace: Trace) -> None:
    raw = raw_opened(made, trace)
    raw.http_response.close()
    trace.step("closed")
    del raw
    trace.step("dropped")


async def aclose_http_response(made: Any, trace: Trace) -> None:
    raw = await araw_opened(made, trace)
    await raw.http_response.aclose()
    trace.step("closed")
    del raw
    trace.step("dropped")


def leave_unparsed(made: Any, trace: Trace) -> None:
    with made.messages.with_streaming_response.create(**arguments(trace.model), stream=True) as raw:
        trace.follow(raw, "raw response")
        trace.step("opened")
    trace.step("left the with block")
    del raw
    trace.step("dropped")


async def aleave_unparsed(made: Any, trace: Trace) -> None:
    async with made.messages.with_streaming_response.create(**arguments(trace.model), stream=True) as raw:
        trace.follow(raw, "raw response")
        trace.step("opened")
    trace.step("left the with block")
    del raw
    trace.step("dropped")


def leave_midway(made: Any, trace: Trace) -> None:
    with made.messages.with_streaming_response.create(**arguments(trace.model), stream=True) as raw:
        stream = trace.follow(raw.parse())
        next(stream)
        trace.step("read")
    trace.step("left the with block")
    del raw, stream
    trace.step("dropped")


async def aleave_midway(made: Any, trace: Trace) -> None:
    async with made.messages.with_streaming_response.create(**arguments(trace.model), stream=True) as raw:
        stream = trace.follow(await parsed(raw))
        await stream.__anext__()
        trace.step("read")
    trace.step("left the with block")
    del raw, stream
    trace.step("dropped")


def leave_lines(made: Any, trace: Trace) -> None:
    with made.messages.with_streaming_response.create(**arguments(trace.model), stream=True) as raw:
        for _ in trace.follow(raw, "raw response").iter_lines():
            trace.step("read")
            break
        trace.step("left the loop")
    trace.step("left the with block")
    del raw
    trace.step("dropped")


async def aleave_lines(made: Any, trace: Trace) -> None:
    async with made.messages.with_streaming_response.create(**arguments(trace.model), stream=True) as raw:
        async for _ in trace.follow(raw, "raw response").iter_lines():
            trace.step("read")
            break
        trace.step("left the loop")
    trace.step("left the with block")
    del raw
    trace.step("dropped")


def drop_bytes(made: Any, trace: Trace) -> None:
    for _ in raw_opened(made, trace).http_response.iter_bytes():
        trace.step("read")
        break
    trace.step("dropped")


async def adrop_bytes(made: Any, trace: Trace) -> None:
    async for _ in (await araw_opened(made, trace)).http_response.aiter_bytes():
        trace.step("read")
        break
    trace.step("dropped")


def close_response(made: Any, trace: Trace) -> None:
    stream = opened(made, trace)
    next(stream)
    trace.step("read")
    stream.response.close()
    trace.step("closed the response")
    read_on(stream, trace)
    del stream
    trace.step("dropped")


async def aclose_response(made: Any, trace: Trace) -> None:
    stream = await aopened(made, trace)
    await stream.__anext__()
    trace.step("read")
    await stream.response.aclose()
    trace.step("closed the response")
    await read_on_async(stream, trace)
    del stream
    trace.step("dropped")


def close_response_unread(made: Any, trace: Trace) -> None:
    stream = opened(made, trace)
    stream.response.close()
    trace.step("closed the response")
    read_on(stream, trace)
    del stream
    trace.step("dropped")


async def aclose_response_unread(made: Any, trace: Trace) -> None:
    stream = await aopened(made, trace)
    await stream.response.aclose()
    trace.step("closed the response")
    await read_on_async(stream, trace)
    del stream
    trace.step("dropped")


def close_client_and_stream(made: Any, trace: Trace) -> None:
    stream = opened(made, trace)
    next(stream)
    made.close()
    trace.step("closed the client")
    stream.close()
    trace.step("closed the stream")
    del stream
    trace.step("dropped")


async def aclose_client_and_stream(made: Any, trace: Trace) -> None:
    stream = await aopened(made, trace)
    await stream.__anext__()
    await made.close()
    trace.step("closed the client")
    await stream.close()
    trace.step("closed the stream")
    del stream
    trace.step("dropped")


def close_client_and_read_on(made: Any, trace: Trace) -> None:
    stream = opened(made, trace)
    next(stream)
    made.close()
    trace.step("closed the client")
    read_on(stream, trace)
    del stream
    trace.step("dropped")


async def aclose_client_and_read_on(made: Any, trace: Trace) -> None:
    stream = await aopened(made, trace)
    await stream.__anext__()
    await made.close()
    trace.step("closed the client")
    await read_on_async(stream, trace)
    del stream
    trace.step("dropped")


WAYS = (
    Way("raw response never parsed", drop_unparsed, adrop_unparsed),
    Way("raw response parsed, both dropped", drop_parsed, adrop_parsed),
    Way("http_response of the raw response closed", close_http_response, aclose_http_response),
    Way("streaming response left unparsed", leave_unparsed, aleave_unparsed),
    Way("streaming response left midway", leave_midway, aleave_midway),
    Way("lines left midway", leave_lines, aleave_lines),
    Way("bytes dropped midway", drop_bytes, adrop_bytes, let_go_at="dropped"),
    Way("response closed midway, stream read on", close_response, aclose_response),
    Way("response closed unread, stream read on", close_response_unread, aclose_response_unread),
    Way(
        "client closed, then the stream",
        close_client_and_stream,
        aclose_client_and_stream,
        ends_at=("closed the stream",),
    ),
    Way(
        "client closed, stream read on",
        close_client_and_read_on,
        aclose_client_and_read_on,
        outcome="transport_error",
        model=SLOW,
        ends_at=("raised ReadError",),
    ),
)


@pytest.mark.parametrize("spans", SPANS)
@pytest.mark.parametrize("flavor", FLAVORS)
@pytest.mark.parametrize("way", WAYS, ids=str)
def test_what_is_below_a_stream_is_released_as_without_us_and_the_call_ends_with_it(
    server: FaultServer, exported: Exported, instrumented: Any, way: Way, flavor: str, spans: str
) -> None:
    check(way, flavor, spans, server, exported, instrumented)
