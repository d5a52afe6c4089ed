"""The same for the helpers: `messages.stream()` and the tool runner."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

import pytest
from anthropic.resources.beta.messages import Messages

from support.lifecycle import SPANS, ApplicationError, Trace, Way, caught, caught_async, check
from support.seen import FLAVORS
from support.styles import arguments

if TYPE_CHECKING:
    from midstream.faults import FaultServer
    from support.exported import Exported


def close_midway(made: Any, trace: Trace) -> None:
    with made.messages.stream(**arguments(trace.model)) as stream:
        trace.follow(stream)
        next(stream)
        trace.step("read")
        stream.close()
        trace.step("closed")
    trace.step("left the with block")
    del stream
    trace.step("dropped")


async def aclose_midway(made: Any, trace: Trace) -> None:
    async with made.messages.stream(**arguments(trace.model)) as stream:
        trace.follow(stream)
        await stream.__anext__()
        trace.step("read")
        await stream.close()
        trace.step("closed")
    trace.step("left the with block")
    del stream
    trace.step("dropped")


def break_midway(made: Any, trace: Trace) -> None:
    with made.messages.stream(**arguments(trace.model)) as stream:
        for _ in trace.follow(stream):
            trace.step("read")
            break
        trace.step("left the loop")
    trace.step("left the with block")
    del stream
    trace.step("dropped")


async def abreak_midway(made: Any, trace: Trace) -> None:
    async with made.messages.stream(**arguments(trace.model)) as stream:
        async for _ in trace.follow(stream):
            trace.step("read")
            break
        trace.step("left the loop")
    trace.step("left the with block")
    del stream
    trace.step("dropped")


def break_text(made: Any, trace: Trace) -> None:
    with made.messages.stream(**arguments(trace.model)) as stream:
        for _ in trace.follow(stream).text_stream:
            trace.step("read")
            break
        trace.step("left the loop")
    trace.step("left the with block")
    del stream
    trace.step("dropped")


async def abreak_text(made: Any, trace: Trace) -> None:
    async with made.messages.stream(**arguments(trace.model)) as stream:
        async for _ in trace.follow(stream).text_stream:
            trace.step("read")
            break
        trace.step("left the loop")
    trace.step("left the with block")
    del stream
    trace.step("dropped")


def leave_unread(made: Any, trace: Trace) -> None:
    with made.messages.stream(**arguments(trace.model)) as stream:
        trace.follow(stream)
        trace.step("opened")
    trace.step("left the with block")
    del stream
    trace.step("dropped")


async def aleave_unread(made: Any, trace: Trace) -> None:
    async with made.messages.stream(**arguments(trace.model)) as stream:
        trace.follow(stream)
        trace.step("opened")
    trace.step("left the with block")
    del stream
    trace.step("dropped")


def raise_midway(made: Any, trace: Trace) -> None:
    def read() -> None:
        with made.messages.stream(**arguments(trace.model)) as stream:
            for _ in trace.follow(stream):
                trace.step("read")
                raise ApplicationError

    caught(read, trace)


async def araise_midway(made: Any, trace: Trace) -> None:
    async def read() -> None:
        async with made.messages.stream(**arguments(trace.model)) as stream:
            async for _ in trace.follow(stream):
                trace.step("read")
                raise ApplicationError

    await caught_async(read, trace)


def drop_midway(made: Any, trace: Trace) -> None:
    manager = made.messages.stream(**arguments(trace.model))
    stream = trace.follow(manager.__enter__())
    next(stream)
    trace.step("read")
    del stream
    trace.step("dropped the stream")
    del manager
    trace.step("dropped")


async def adrop_midway(made: Any, trace: Trace) -> None:
    manager = made.messages.stream(**arguments(trace.model))
    stream = trace.follow(await manager.__aenter__())
    await stream.__anext__()
    trace.step("read")
    del stream
    trace.step("dropped the stream")
    del manager
    trace.step("dropped")


def close_response(made: Any, trace: Trace) -> None:
    with made.messages.stream(**arguments(trace.model)) as stream:
        next(trace.follow(stream))
        trace.step("read")
        stream.response.close()
        trace.step("closed the response")
    trace.step("left the with block")
    del stream
    trace.step("dropped")


async def aclose_response(made: Any, trace: Trace) -> None:
    async with made.messages.stream(**arguments(trace.model)) as stream:
        await trace.follow(stream).__anext__()
        trace.step("read")
        await stream.response.aclose()
        trace.step("closed the response")
    trace.step("left the with block")
    del stream
    trace.step("dropped")


def leave_runner(made: Any, trace: Trace) -> None:
    runner = made.beta.messages.tool_runner(**arguments(trace.model), tools=[], stream=True)
    for stream in runner:
        for _ in trace.follow(stream):
            trace.step("read")
            break
        del stream
        break
    trace.step("left the loops")
    del runner
    trace.step("dropped")


async def aleave_runner(made: Any, trace: Trace) -> None:
    runner = made.beta.messages.tool_runner(**arguments(trace.model), tools=[], stream=True)
    async for stream in runner:
        async for _ in trace.follow(stream):
            trace.step("read")
            break
        del stream
        break
    trace.step("left the loops")
    del runner
    trace.step("dropped")


def close_runner(made: Any, trace: Trace) -> None:
    runner = made.beta.messages.tool_runner(**arguments(trace.model), tools=[], stream=True)
    stream = trace.follow(next(iter(runner)))
    next(stream)
    trace.step("read")
    runner.close()
    trace.step("closed the runner")
    del stream, runner
    trace.step("dropped")


async def aclose_runner(made: Any, trace: Trace) -> None:
    runner = made.beta.messages.tool_runner(**arguments(trace.model), tools=[], stream=True)
    stream = trace.follow(await runner.__anext__())
    await stream.__anext__()
    trace.step("read")
    await runner.close()
    trace.step("closed the runner")
    del stream, runner
    trace.step("dropped")


HAS_RUNNERS = hasattr(Messages, "tool_runner")
RUNNERS_CLOSE = HAS_RUNNERS and hasattr(importlib.import_module("anthropic.lib.tools").BetaToolRunner, "close")

WAYS = (
    Way("helper closed midway", close_midway, aclose_midway),
    Way("helper left by break", break_midway, abreak_midway),
    Way("text_stream left by break", break_text, abreak_text),
    Way("helper left unread", leave_unread, aleave_unread),
    Way("helper left by an exception", raise_midway, araise_midway),
    Way("helper dropped midway", drop_midway, adrop_midway),
    Way("response of the helper closed", close_response, aclose_response),
    *([Way("tool runner left by break", leave_runner, aleave_runner)] if HAS_RUNNERS else []),
    *([Way("tool runner closed", close_runner, aclose_runner)] if RUNNERS_CLOSE else []),
)


@pytest.mark.parametrize("spans", SPANS)
@pytest.mark.parametrize("flavor", FLAVORS)
@pytest.mark.parametrize("way", WAYS, ids=str)
def test_a_helper_is_released_as_without_us_and_its_call_ends_with_it(
    server: FaultServer, exported: Exported, instrumented: Any, way: Way, flavor: str, spans: str
) -> None:
    check(way, flavor, spans, server, exported, instrumented)
