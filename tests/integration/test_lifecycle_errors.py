"""A stream that ends by itself, in a failure or not, and exceptions of the application: nothing is kept alive."""

from __future__ import annotations

import asyncio
import signal
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import anyio
import pytest

from midstream.faults import parse
from support.clients import async_client
from support.lifecycle import (
    SPANS,
    ApplicationError,
    Trace,
    Way,
    aopened,
    caught,
    caught_async,
    check,
    opened,
)
from support.seen import FLAVORS
from support.styles import arguments

if TYPE_CHECKING:
    from collections.abc import Iterator

    from midstream.faults import FaultServer
    from support.exported import Exported

SLOW = "slow:60000"
"""A model whose answer stops after the first event."""


def read_by_name(made: Any, trace: Trace) -> None:
    def read() -> None:
        stream = opened(made, trace)
        for _ in stream:
            pass
        trace.step("over")

    caught(read, trace)


async def aread_by_name(made: Any, trace: Trace) -> None:
    async def read() -> None:
        stream = await aopened(made, trace)
        async for _ in stream:
            pass
        trace.step("over")

    await caught_async(read, trace)


def read_without_a_name(made: Any, trace: Trace) -> None:
    def read() -> None:
        for _ in opened(made, trace):
            pass
        trace.step("over")

    caught(read, trace)


async def aread_without_a_name(made: Any, trace: Trace) -> None:
    async def read() -> None:
        async for _ in await aopened(made, trace):
            pass
        trace.step("over")

    await caught_async(read, trace)


def read_by_helper(made: Any, trace: Trace) -> None:
    def read() -> None:
        with made.messages.stream(**arguments(trace.model)) as stream:
            for _ in trace.follow(stream):
                pass
            trace.step("over")

    caught(read, trace)


async def aread_by_helper(made: Any, trace: Trace) -> None:
    async def read() -> None:
        async with made.messages.stream(**arguments(trace.model)) as stream:
            async for _ in trace.follow(stream):
                pass
            trace.step("over")

    await caught_async(read, trace)


def create(made: Any, trace: Trace) -> None:
    def read() -> None:
        made.messages.create(**arguments(trace.model))
        trace.step("over")

    caught(read, trace)


async def acreate(made: Any, trace: Trace) -> None:
    async def read() -> None:
        await made.messages.create(**arguments(trace.model))
        trace.step("over")

    await caught_async(read, trace)


def raise_in_with(made: Any, trace: Trace) -> None:
    def read() -> None:
        with opened(made, trace) as stream:
            for _ in stream:
                raise ApplicationError

    caught(read, trace)


async def araise_in_with(made: Any, trace: Trace) -> None:
    async def read() -> None:
        async with await aopened(made, trace) as stream:
            async for _ in stream:
                raise ApplicationError

    await caught_async(read, trace)


def raise_in_loop(made: Any, trace: Trace) -> None:
    def read() -> None:
        stream = opened(made, trace)
        for _ in stream:
            raise ApplicationError

    caught(read, trace)


async def araise_in_loop(made: Any, trace: Trace) -> None:
    async def read() -> None:
        stream = await aopened(made, trace)
        async for _ in stream:
            raise ApplicationError

    await caught_async(read, trace)


def interrupt_in_loop(made: Any, trace: Trace) -> None:
    def read() -> None:
        stream = opened(made, trace)
        for _ in stream:
            raise KeyboardInterrupt

    caught(read, trace, KeyboardInterrupt)


async def ainterrupt_in_loop(made: Any, trace: Trace) -> None:
    async def read() -> None:
        stream = await aopened(made, trace)
        async for _ in stream:
            raise KeyboardInterrupt

    await caught_async(read, trace, KeyboardInterrupt)


def press_ctrl_c(*_args: Any, **_kwargs: Any) -> None:
    signal.raise_signal(signal.SIGINT)


def interrupt_the_read(made: Any, trace: Trace) -> None:
    def read() -> None:
        stream = opened(made, trace)
        stream.response.extensions["network_stream"].read = press_ctrl_c
        for _ in stream:
            pass

    caught(read, trace, KeyboardInterrupt)


async def ainterrupt_the_read(made: Any, trace: Trace) -> None:
    async def interrupted(*_args: Any, **_kwargs: Any) -> None:
        raise KeyboardInterrupt

    async def read() -> None:
        stream = await aopened(made, trace)
        stream.response.extensions["network_stream"].read = interrupted
        async for _ in stream:
            pass

    await caught_async(read, trace, KeyboardInterrupt)


ENDS = {
    "ok": "completed",
    "cut": "truncated",
    "reset": "transport_error",
    "fin": "transport_error",
    "stall": "transport_error",
    "in_band:overloaded_error": "in_band_error",
    "bad_json": "malformed",
    "bad_utf8": "malformed",
    "bad_gzip": "malformed",
    "http:overloaded_error": "http_error",
}
"""By model, the outcome of a stream that is read to its end."""

OVER = ("over", "caught")

STYLES = (
    ("by name", read_by_name, aread_by_name),
    ("without a name", read_without_a_name, aread_without_a_name),
    ("by the helper", read_by_helper, aread_by_helper),
)

WAYS = (
    *(
        Way(f"{model} read {style}", sync, run, outcome, model, OVER)
        for model, outcome in ENDS.items()
        for style, sync, run in STYLES
    ),
    Way("ok without a stream", create, acreate, "completed", "ok", OVER),
    Way("http error without a stream", create, acreate, "http_error", "http:overloaded_error", OVER),
    Way("reset without a stream", create, acreate, "transport_error", "reset", OVER),
    Way("raised in the with block", raise_in_with, araise_in_with),
    Way("raised in the loop", raise_in_loop, araise_in_loop),
    Way("interrupted in the loop", interrupt_in_loop, ainterrupt_in_loop),
    Way("interrupted in a read", interrupt_the_read, ainterrupt_the_read, "cancelled", SLOW, ("caught",)),
)


@pytest.fixture(autouse=True)
def ctrl_c() -> Iterator[None]:
    """Ctrl-C does what it does in a program, also where the tests run in worker processes that ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("spans", SPANS)
@pytest.mark.parametrize("flavor", FLAVORS)
@pytest.mark.parametrize("way", WAYS, ids=str)
def test_an_exception_and_what_it_came_from_are_freed_as_without_us(
    server: FaultServer, exported: Exported, instrumented: Any, way: Way, flavor: str, spans: str
) -> None:
    check(way, flavor, spans, server, exported, instrumented)


def test_ctrl_c_at_an_event_loop_cancels_the_call(server: FaultServer, exported: Exported, instrumented: Any) -> None:
    async def read() -> None:
        async with async_client(server, parse(SLOW)) as made:
            stream = await made.messages.create(**arguments(SLOW), stream=True)
            await stream.__anext__()
            press_ctrl_c()
            await stream.__anext__()

    with instrumented(), suppress(KeyboardInterrupt, asyncio.CancelledError):
        anyio.run(read)
    assert exported.outcomes() == {"cancelled": 1}
    assert exported.span.status.is_unset
    assert exported.logs == []
