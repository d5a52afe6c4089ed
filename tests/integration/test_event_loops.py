"""asyncio, trio, uvloop: the same record, the application notices nothing, and the loop reports no errors."""

from __future__ import annotations

import asyncio
import functools
import weakref
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.sdk.trace import TracerProvider

from midstream._outcomes import Outcome
from midstream.faults import Expectation, parse
from support.clients import HAS_OWN_SPANS, HTTP_PACKAGE, async_client, hurry
from support.expected import ending
from support.loops import LOOPS, beyond, noise, run_on, told
from support.seen import observable, spied
from support.styles import STYLES, arguments, parsed, see_async

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from midstream.faults import FaultServer
    from support.exported import Exported
    from support.styles import Seen

SCENARIOS = (
    "ok",
    "retry:3",
    "in_band:overloaded_error",
    "http:overloaded_error",
    "reset@0",
    "reset",
    "fin",
    "stall",
    "cut",
    "bad_json",
    "bad_gzip",
    "hangup",
)

SHOWN = (
    "create",
    "create(stream=True) in a loop",
    "stream() events",
    "stream() get_final_message",
    "with_raw_response, parsed",
    "with_streaming_response, parsed",
)

LONG = "ok:200"

on_every_loop = pytest.mark.parametrize("loop", LOOPS)
spans_of_both_kinds = pytest.mark.parametrize("spans", ["sdk", "own"] if HAS_OWN_SPANS else ["own"])


def run(loop: str, style: str, server: FaultServer, model: str, spans: TracerProvider | None) -> tuple[Any, list[str]]:
    """What the application sees of a call, and what is reported elsewhere."""
    with noise() as heard:
        with spied() as raised:

            async def call() -> Seen:
                scenario = parse(model)
                stalls = scenario.family == "stall"
                async with async_client(server, parse("ok") if stalls else scenario, spans) as made:
                    if stalls:
                        hurry(made)
                    return await see_async(STYLES[style], made, model)

            shown = observable(run_on(loop, call, heard), raised)
        # Its traceback holds the generators of the stream, which are to be heard now if they complain.
        raised.clear()
    return shown, heard


@functools.cache
def bare(loop: str, style: str, server: FaultServer, model: str, spans: str) -> tuple[Any, list[str]]:
    return run(loop, style, server, model, TracerProvider() if spans == "sdk" else None)


@spans_of_both_kinds
@pytest.mark.parametrize("style", SHOWN)
@pytest.mark.parametrize("model", SCENARIOS)
@pytest.mark.parametrize("loop", [loop for loop in LOOPS if loop.values != ("asyncio",)])
def test_the_application_notices_nothing_and_the_telemetry_is_true(
    server: FaultServer, exported: Exported, instrumented: Any, loop: str, model: str, style: str, spans: str
) -> None:
    """The same on asyncio's own loop: `test_every_style_and_fault.py`."""
    before, heard_before = bare(loop, style, server, model, spans)
    with instrumented():
        seen, heard = run(loop, style, server, model, exported.tracer_provider if spans == "sdk" else None)
    assert seen == before
    assert beyond(heard, heard_before) == []
    wanted = ending(parse(model), STYLES[style])
    assert told(exported) == [replace(wanted, error_type=wanted.error_type_for(HTTP_PACKAGE))]


async def closed_midway(made: Any) -> None:
    stream = await made.messages.create(**arguments(LONG), stream=True)
    await stream.__anext__()
    await stream.close()


async def left_with_block(made: Any) -> None:
    async with await made.messages.create(**arguments(LONG), stream=True) as stream:
        async for _ in stream:
            break


async def left_helper(made: Any) -> None:
    async with made.messages.stream(**arguments(LONG)) as stream:
        async for _ in stream:
            break


async def left_text_stream(made: Any) -> None:
    async with made.messages.stream(**arguments(LONG)) as stream:
        async for _ in stream.text_stream:
            break


async def left_streaming_response(made: Any) -> None:
    async with made.messages.with_streaming_response.create(**arguments(LONG), stream=True) as response:
        async for _ in await parsed(response):
            break


async def response_closed(made: Any) -> None:
    stream = await made.messages.create(**arguments(LONG), stream=True)
    await stream.__anext__()
    await stream.response.aclose()


async def dropped_midway(made: Any) -> None:
    async for _ in await made.messages.create(**arguments(LONG), stream=True):
        break


async def dropped_unread(made: Any) -> None:
    await made.messages.create(**arguments(LONG), stream=True)


async def raw_response_dropped(made: Any) -> None:
    await made.messages.with_raw_response.create(**arguments(LONG), stream=True)


WAYS: dict[str, Callable[[Any], Awaitable[Any]]] = {
    way.__name__.replace("_", " "): way
    for way in (
        closed_midway,
        left_with_block,
        left_helper,
        left_text_stream,
        left_streaming_response,
        response_closed,
        dropped_midway,
        dropped_unread,
        raw_response_dropped,
    )
}


class InOrder(weakref.WeakSet[Any]):
    """A set of an asyncio loop's open generators that has an order: they are closed in it at the loop's end."""

    def __init__(self, *, reverse: bool) -> None:
        super().__init__()
        self._reverse = reverse
        self._places: weakref.WeakKeyDictionary[Any, int] = weakref.WeakKeyDictionary()

    def add(self, item: Any) -> None:
        self._places.setdefault(item, len(self._places))
        super().add(item)

    def __iter__(self) -> Iterator[Any]:
        return iter(sorted(super().__iter__(), key=self._places.__getitem__, reverse=self._reverse))


def complaints(
    loop: str, way: Callable[[Any], Awaitable[Any]], server: FaultServer, spans: Any, *, reverse: bool = False
) -> list[str]:
    """What the loop and the interpreter report about a stream that was dropped this way, until the end.

    What a loop complains of depends on the order in which it closes generators at its end. Here asyncio has one; uvloop
    goes by their addresses, so what that order decides is left out.
    """

    async def let_go() -> Any:
        if loop == "asyncio":
            running: Any = asyncio.get_running_loop()
            running._asyncgens = InOrder(reverse=reverse)
        async with async_client(server, parse(LONG), spans) as made:
            return await way(made)

    with noise() as heard:
        run_on(loop, let_go, heard)
    return [line for line in heard if loop != "uvloop" or "asynchronous generator is already running" not in line]


@spans_of_both_kinds
@pytest.mark.parametrize("way", WAYS)
@on_every_loop
def test_a_dropped_stream_is_abandoned_without_new_warnings(
    server: FaultServer, exported: Exported, instrumented: Any, loop: str, way: str, spans: str
) -> None:
    before = complaints(loop, WAYS[way], server, TracerProvider() if spans == "sdk" else None)
    with instrumented():
        after = complaints(loop, WAYS[way], server, exported.tracer_provider if spans == "sdk" else None)
    assert beyond(after, before) == []
    assert told(exported) == [Expectation(Outcome.ABANDONED)]


@spans_of_both_kinds
@pytest.mark.parametrize("reverse", [False, True], ids=["outermost generator first", "innermost generator first"])
def test_a_stream_still_held_at_the_end_of_its_loop_is_abandoned(
    server: FaultServer, exported: Exported, instrumented: Any, reverse: bool, spans: str
) -> None:
    async def hold(made: Any) -> Any:
        stream = await made.messages.create(**arguments(LONG), stream=True)
        await stream.__anext__()
        return stream

    before = complaints("asyncio", hold, server, TracerProvider() if spans == "sdk" else None, reverse=reverse)
    with instrumented():
        to = exported.tracer_provider if spans == "sdk" else None
        after = complaints("asyncio", hold, server, to, reverse=reverse)
    assert after == before
    assert told(exported) == [Expectation(Outcome.ABANDONED)]


@spans_of_both_kinds
@on_every_loop
def test_a_stream_still_held_at_the_end_of_its_loop_is_recorded_once(
    server: FaultServer, exported: Exported, instrumented: Any, loop: str, spans: str
) -> None:
    held: list[Any] = []

    async def hold() -> None:
        async with async_client(server, parse(LONG), exported.tracer_provider if spans == "sdk" else None) as made:
            held.append(await made.messages.create(**arguments(LONG), stream=True))
            await held[0].__anext__()

    with instrumented(), noise():
        run_on(loop, hold)
        held.clear()
    assert told(exported) == [Expectation(Outcome.ABANDONED)]
