"""However the application lets go of a call, it ends once, with the right outcome."""

from __future__ import annotations

import gc
import importlib
import weakref
from typing import TYPE_CHECKING, Any

import anyio
import pytest
from anthropic import _base_client, _streaming

from midstream import AnthropicInstrumentor
from midstream.faults import parse
from support.clients import HAS_OWN_SPANS, HTTP_PACKAGE, async_client, client
from support.styles import arguments, parsed

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from midstream.faults import FaultServer
    from support.exported import Exported

LONG = "ok:200"

http: Any = importlib.import_module(HTTP_PACKAGE)


class ApplicationError(Exception):
    """The application's own."""


def close_midway(made: Any) -> None:
    stream = made.messages.create(**arguments(LONG), stream=True)
    next(stream)
    stream.close()


async def aclose_midway(made: Any) -> None:
    stream = await made.messages.create(**arguments(LONG), stream=True)
    await stream.__anext__()
    await stream.close()


def break_in_with(made: Any) -> None:
    with made.messages.create(**arguments(LONG), stream=True) as stream:
        for _ in stream:
            break


async def abreak_in_with(made: Any) -> None:
    async with await made.messages.create(**arguments(LONG), stream=True) as stream:
        async for _ in stream:
            break


def break_in_helper(made: Any) -> None:
    with made.messages.stream(**arguments(LONG)) as stream:
        for _ in stream:
            break


async def abreak_in_helper(made: Any) -> None:
    async with made.messages.stream(**arguments(LONG)) as stream:
        async for _ in stream:
            break


def raise_in_with(made: Any) -> None:
    with pytest.raises(ApplicationError), made.messages.stream(**arguments(LONG)) as stream:
        for _ in stream:
            raise ApplicationError


async def araise_in_with(made: Any) -> None:
    with pytest.raises(ApplicationError):
        async with made.messages.stream(**arguments(LONG)) as stream:
            async for _ in stream:
                raise ApplicationError


def break_and_drop(made: Any) -> None:
    for _ in made.messages.create(**arguments(LONG), stream=True):
        break
    gc.collect()


async def abreak_and_drop(made: Any) -> None:
    async for _ in await made.messages.create(**arguments(LONG), stream=True):
        break
    # The event loop finalizes the SDK's own generators in tasks of its own; below 1.14 they are part of cycles.
    for _ in range(10):
        gc.collect()
        await anyio.lowlevel.checkpoint()


def drop_unread(made: Any) -> None:
    made.messages.create(**arguments(LONG), stream=True)
    gc.collect()


async def adrop_unread(made: Any) -> None:
    await made.messages.create(**arguments(LONG), stream=True)
    gc.collect()


def raw_never_parsed(made: Any) -> None:
    made.messages.with_raw_response.create(**arguments(LONG), stream=True)
    gc.collect()


async def araw_never_parsed(made: Any) -> None:
    await made.messages.with_raw_response.create(**arguments(LONG), stream=True)
    gc.collect()


def streaming_response_left(made: Any) -> None:
    with made.messages.with_streaming_response.create(**arguments(LONG), stream=True):
        pass


async def astreaming_response_left(made: Any) -> None:
    async with made.messages.with_streaming_response.create(**arguments(LONG), stream=True):
        pass


def response_closed(made: Any) -> None:
    stream = made.messages.create(**arguments(LONG), stream=True)
    next(stream)
    stream.response.close()


async def aresponse_closed(made: Any) -> None:
    stream = await made.messages.create(**arguments(LONG), stream=True)
    await stream.__anext__()
    await stream.response.aclose()


WAYS: dict[str, tuple[Callable[[Any], None], Callable[[Any], Awaitable[None]]]] = {
    "closed midway": (close_midway, aclose_midway),
    "break in a with block": (break_in_with, abreak_in_with),
    "break in the helper's with block": (break_in_helper, abreak_in_helper),
    "raised in the with block": (raise_in_with, araise_in_with),
    "break and dropped": (break_and_drop, abreak_and_drop),
    "dropped unread": (drop_unread, adrop_unread),
    "raw response never parsed": (raw_never_parsed, araw_never_parsed),
    "streaming response left unread": (streaming_response_left, astreaming_response_left),
    "response closed": (response_closed, aresponse_closed),
}


@pytest.mark.parametrize("spans", ["sdk", "own"] if HAS_OWN_SPANS else ["own"])
@pytest.mark.parametrize("flavor", ["sync", "async"])
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # the SDK's own, of dropped streams
def test_a_stream_that_the_application_lets_go_is_abandoned(
    server: FaultServer, exported: Exported, instrumented: Any, way: str, flavor: str, spans: str
) -> None:
    provider = exported.tracer_provider if spans == "sdk" else None
    sync, asynchronous = WAYS[way]

    async def run() -> None:
        async with async_client(server, parse(LONG), provider) as made:
            await asynchronous(made)
            assert exported.outcomes() == {"abandoned": 1}

    with instrumented():
        if flavor == "sync":
            with client(server, parse(LONG), provider) as made:
                sync(made)
                assert exported.outcomes() == {"abandoned": 1}
        else:
            anyio.run(run)
    attributes = exported.span.attributes or {}
    assert attributes["midstream.outcome"] == "abandoned"
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


def test_a_cancelled_read_is_cancelled(server: FaultServer, exported: Exported, instrumented: Any) -> None:
    async def run() -> None:
        async with async_client(server, parse("slow:60000")) as made:
            stream = await made.messages.create(**arguments("slow:60000"), stream=True)
            await stream.__anext__()
            async with anyio.create_task_group() as group:
                group.start_soon(stream.__anext__)
                await anyio.lowlevel.checkpoint()
                await anyio.lowlevel.checkpoint()
                group.cancel_scope.cancel()

    with instrumented():
        anyio.run(run)
    assert exported.outcomes() == {"cancelled": 1}
    assert exported.span.status.is_unset


def test_a_raw_response_parsed_later_tells_of_its_stream(
    server: FaultServer, exported: Exported, instrumented: Any
) -> None:
    async def run() -> None:
        async with async_client(server, parse("reset")) as made:
            response = await made.messages.with_raw_response.create(**arguments("reset"), stream=True)
            assert exported.outcomes() == {}
            stream = await parsed(response)
            with pytest.raises(http.ReadError):
                async for _ in stream:
                    pass

    with instrumented():
        anyio.run(run)
    assert exported.outcomes() == {"transport_error": 1}


@pytest.mark.parametrize("flavor", ["sync", "async"])
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


@pytest.mark.skipif(not HAS_OWN_SPANS, reason="below SDK 1.14 a stream is part of a cycle of the SDK's own")
def test_a_dropped_stream_is_freed_at_once_as_without_us(server: FaultServer, instrumented: Any) -> None:
    gc.disable()
    try:
        with instrumented(), client(server, parse(LONG)) as made:
            stream = made.messages.create(**arguments(LONG), stream=True)
            response = weakref.ref(stream.response)
            next(stream)
            del stream
            assert response() is None
    finally:
        gc.enable()
