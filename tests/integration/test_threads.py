"""Any thread reads a stream, closes it or drops it: every call is recorded once, and no thread notices."""

from __future__ import annotations

import contextvars
import gc
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import anyio
import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider

from midstream._outcomes import Outcome
from midstream.faults import Expectation, parse
from support.clients import HAS_OWN_SPANS, HTTP_PACKAGE, async_client, client
from support.lifecycle import no_collector
from support.loops import noise, told
from support.seen import FLAVORS, frames, plain
from support.styles import STYLES, arguments, see, see_async

if TYPE_CHECKING:
    from collections.abc import Iterable

    from midstream.faults import FaultServer
    from support.exported import Exported

LONG = "ok:2000"
"""An answer that needs more than one read of the socket."""

ENDLESS = "slow:60000"
"""One event, and then silence for longer than any test."""

PATIENCE = 60.0

spans_of_both_kinds = pytest.mark.parametrize("spans", ["sdk", "own"] if HAS_OWN_SPANS else ["own"])
sync_and_async = pytest.mark.parametrize("flavor", FLAVORS)

COMPLETED, ABANDONED = Expectation(Outcome.COMPLETED), Expectation(Outcome.ABANDONED)


def expected(model: str) -> Expectation:
    expectation = parse(model).expectation
    return replace(expectation, error_type=expectation.error_type_for(HTTP_PACKAGE))


def shown(events: Iterable[Any], error: BaseException | None) -> tuple[Any, ...]:
    """What the application got, in a form in which two runs can be compared."""
    return [plain(event) for event in events], type(error), frames(error)


class Gate:
    """Holds up the next read of a stream's connection, so that a test can act in the middle of it."""

    def __init__(self, stream: Any) -> None:
        self._reading, self._opened = threading.Event(), threading.Event()
        connection = stream.response.extensions["network_stream"]
        read = connection.read

        def held_up(*args: Any, **kwargs: Any) -> Any:
            self._reading.set()
            self._opened.wait(PATIENCE)
            return read(*args, **kwargs)

        connection.read = held_up

    def wait_for_a_read(self) -> None:
        assert self._reading.wait(PATIENCE)

    def open(self) -> None:
        self._opened.set()


@spans_of_both_kinds
@pytest.mark.parametrize("model", ["ok", LONG, "in_band:overloaded_error", "reset", "cut", "bad_json"])
def test_a_stream_handed_to_another_thread_is_recorded_as_if_it_had_stayed(
    server: FaultServer, exported: Exported, instrumented: Any, model: str, spans: str
) -> None:
    def hand_over(provider: TracerProvider | None) -> Any:
        with client(server, parse(model), provider) as made, ThreadPoolExecutor(1) as other:
            stream: Any = made.messages.create(**arguments(model), stream=True)
            events = [next(stream)]
            return shown(events, other.submit(events.extend, stream).exception())

    bare = hand_over(TracerProvider() if spans == "sdk" else None)
    with instrumented():
        assert hand_over(exported.tracer_provider if spans == "sdk" else None) == bare
    assert told(exported) == [expected(model)]


@spans_of_both_kinds
def test_a_stream_closed_by_another_thread_in_the_middle_of_a_read_is_abandoned(
    server: FaultServer, exported: Exported, instrumented: Any, spans: str
) -> None:
    """The close is its first end. The reader gets an error of the transport that only follows from it."""

    def close_in_a_read(provider: TracerProvider | None) -> Any:
        with client(server, parse(ENDLESS), provider) as made, ThreadPoolExecutor(1) as other:
            stream: Any = made.messages.create(**arguments(ENDLESS), stream=True)
            events = [next(stream)]
            gate = Gate(stream)
            reading = other.submit(events.extend, stream)
            gate.wait_for_a_read()
            stream.close()
            gate.open()
            return shown(events, reading.exception())

    bare = close_in_a_read(TracerProvider() if spans == "sdk" else None)
    with instrumented():
        seen = close_in_a_read(exported.tracer_provider if spans == "sdk" else None)
    assert seen == bare
    assert seen[1].__name__ == "ReadError"
    assert told(exported) == [ABANDONED]


@spans_of_both_kinds
def test_a_second_reader_gets_the_bare_sdks_error_and_the_stream_completes_once(
    server: FaultServer, exported: Exported, instrumented: Any, spans: str
) -> None:
    def read_twice(provider: TracerProvider | None) -> Any:
        with client(server, parse(LONG), provider) as made, ThreadPoolExecutor(1) as other:
            stream: Any = made.messages.create(**arguments(LONG), stream=True)
            events = [next(stream)]
            gate = Gate(stream)
            reading = other.submit(events.extend, stream)
            gate.wait_for_a_read()
            with pytest.raises(ValueError, match="generator already executing") as second:
                next(stream)
            gate.open()
            return shown(events, reading.exception()), shown([], second.value)

    bare = read_twice(TracerProvider() if spans == "sdk" else None)
    with instrumented():
        assert read_twice(exported.tracer_provider if spans == "sdk" else None) == bare
    assert told(exported) == [COMPLETED]


@spans_of_both_kinds
def test_a_second_task_that_reads_gets_its_error_and_the_stream_completes_once(
    server: FaultServer, exported: Exported, instrumented: Any, spans: str
) -> None:
    async def read_twice(provider: TracerProvider | None) -> Any:
        async with async_client(server, parse(LONG), provider) as made:
            stream: Any = await made.messages.create(**arguments(LONG), stream=True)
            events: list[Any] = []

            async def read() -> None:
                async for event in stream:
                    events.append(event)

            refused: list[Any] = []
            async with anyio.create_task_group() as group:
                group.start_soon(read)
                # Its first suspension is inside a read.
                await anyio.lowlevel.checkpoint()
                with pytest.raises(RuntimeError, match="already running") as second:
                    await stream.__anext__()
                refused += shown([], second.value)
            return shown(events, None), refused

    bare = anyio.run(read_twice, TracerProvider() if spans == "sdk" else None)
    with instrumented():
        assert anyio.run(read_twice, exported.tracer_provider if spans == "sdk" else None) == bare
    assert told(exported) == [COMPLETED]


@spans_of_both_kinds
def test_a_stream_dropped_by_another_thread_is_abandoned(
    server: FaultServer, exported: Exported, instrumented: Any, spans: str
) -> None:
    def drop(streams: list[Any]) -> None:
        streams.clear()
        gc.collect()

    provider = exported.tracer_provider if spans == "sdk" else None
    with instrumented(), client(server, parse(LONG), provider) as made, ThreadPoolExecutor(1) as other:
        streams: list[Any] = [made.messages.create(**arguments(LONG), stream=True)]
        next(streams[0])
        other.submit(drop, streams).result()
        assert told(exported) == [ABANDONED]


THREADS = 20
MIXED = ("ok", "in_band:overloaded_error", "http:rate_limit_error", "reset", "cut", "bad_json", "bad_gzip")
"""Scenarios that one client suits."""


@pytest.mark.filterwarnings(
    # The SDK's and the HTTP client's own, as without us: a thread's collection of garbage meets another's generators.
    "ignore::pytest.PytestUnraisableExceptionWarning"
)
@spans_of_both_kinds
@sync_and_async
def test_of_many_threads_at_once_every_call_is_recorded_with_its_own_outcome(
    server: FaultServer, exported: Exported, instrumented: Any, flavor: str, spans: str
) -> None:
    provider = exported.tracer_provider if spans == "sdk" else None
    style = STYLES["create(stream=True) in a with block"]
    together = threading.Barrier(THREADS)

    def calls(number: int) -> dict[str, type | None]:
        shift = number % len(MIXED)
        models = MIXED[shift:] + MIXED[:shift]
        together.wait(PATIENCE)
        if flavor == "sync":
            return {model: type(see(style, shared, model).error) for model in models}

        async def run() -> dict[str, type | None]:
            async with async_client(server, parse("ok"), provider) as made:
                return {model: type((await see_async(style, made, model)).error) for model in models}

        return anyio.run(run)

    with instrumented(), client(server, parse("ok"), provider) as shared, ThreadPoolExecutor(THREADS) as pool:
        found = list(pool.map(calls, range(THREADS)))
    assert all(one == found[0] for one in found)
    assert Counter(told(exported)) == Counter({expected(model): THREADS for model in MIXED})


@spans_of_both_kinds
def test_each_stream_that_many_threads_drop_is_abandoned(
    server: FaultServer, exported: Exported, instrumented: Any, spans: str
) -> None:
    provider = exported.tracer_provider if spans == "sdk" else None
    together = threading.Barrier(THREADS)

    def let_go(number: int) -> None:
        together.wait(PATIENCE)
        stream: Any = shared.messages.create(**arguments(LONG), stream=True)
        next(stream)
        if number % 2:
            stream.close()

    with noise() as heard, instrumented(), client(server, parse(LONG), provider) as shared:
        # Below SDK 1.14 a dropped stream is part of a cycle. Before Python 3.12 the collector may run while the thread
        # holds the lock of httpcore's pool. To close the stream takes it once more: so it waits for itself, with us and
        # without.
        with no_collector(), ThreadPoolExecutor(THREADS) as pool:
            list(pool.map(let_go, range(THREADS)))
        gc.collect()
        assert Counter(told(exported)) == Counter({ABANDONED: THREADS})
    assert heard == []


@spans_of_both_kinds
@sync_and_async
def test_calls_inside_the_loop_of_a_stream_are_recorded_each_for_itself(
    server: FaultServer, exported: Exported, instrumented: Any, flavor: str, spans: str
) -> None:
    provider = exported.tracer_provider if spans == "sdk" else None
    style = STYLES["stream() events"]
    nested = ("in_band:overloaded_error", "cut", "http:overloaded_error", "ok", "reset")

    async def run() -> int:
        async with async_client(server, parse("ok"), provider) as made:
            stream = await made.messages.create(**arguments("ok"), stream=True)
            await stream.__anext__()
            for model in nested:
                await see_async(style, made, model)
            return 1 + len([event async for event in stream])

    with instrumented():
        if flavor == "async":
            assert anyio.run(run) == 9
        else:
            with client(server, parse("ok"), provider) as made:
                events = 0
                for _ in made.messages.create(**arguments("ok"), stream=True):
                    events += 1
                    if events == 1:
                        for model in nested:
                            see(style, made, model)
                assert events == 9
    assert told(exported) == [*map(expected, nested), COMPLETED]


def around() -> tuple[trace.Span, set[str]]:
    """The application's current span, and the names of its context variables."""
    return trace.get_current_span(), {variable.name for variable in contextvars.copy_context()}


@spans_of_both_kinds
@sync_and_async
@pytest.mark.parametrize("model", ["ok", "reset", "in_band:overloaded_error", "http:overloaded_error"])
def test_the_applications_context_is_its_own_before_inside_and_after_a_stream(
    server: FaultServer, exported: Exported, instrumented: Any, model: str, flavor: str, spans: str
) -> None:
    provider = exported.tracer_provider if spans == "sdk" else None
    seen: list[tuple[trace.Span, set[str]]] = []

    def note() -> None:
        seen.append(around())

    async def run() -> None:
        async with async_client(server, parse(model), provider) as made:
            note()
            try:
                async with made.messages.stream(**arguments(model)) as stream:
                    note()
                    async for _ in stream:
                        note()
            except Exception:  # noqa: BLE001 - whatever it is, the context is to be left alone
                note()
            note()
            await (await made.messages.create(**arguments("ok"), stream=True)).close()
            note()

    def run_sync() -> None:
        with client(server, parse(model), provider) as made:
            note()
            try:
                with made.messages.stream(**arguments(model)) as stream:
                    note()
                    for _ in stream:
                        note()
            except Exception:  # noqa: BLE001 - whatever it is, the context is to be left alone
                note()
            note()
            made.messages.create(**arguments("ok"), stream=True).close()
            note()

    with instrumented(), TracerProvider().get_tracer("application").start_as_current_span("work") as work:
        anyio.run(run) if flavor == "async" else run_sync()
        note()
    assert {span for span, _ in seen} == {work}
    assert all(names == seen[0][1] for _, names in seen[:-1])
    assert told(exported) == [expected(model), ABANDONED]
