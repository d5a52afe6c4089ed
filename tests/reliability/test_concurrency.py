"""Many simultaneous calls on one client, and `instrument()` and `uninstrument()` meanwhile: each has its own record.

Every call has another `max_tokens`, its number. The server makes the request id from it, so on a span a
request id that does not fit the number would be that of another call.
"""

from __future__ import annotations

import gc
import sys
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import anyio
import pytest

from midstream import AnthropicInstrumentor
from midstream._outcomes import Outcome
from midstream._sdk.entry import RequestObserver
from midstream._sdk.patches import Patches
from midstream._sdk.registry import CallRegistry
from midstream._sdk.targets import TARGETS
from midstream.faults import Expectation, expectation_of, parse
from reliability.churn import Churn
from reliability.held_server import HeldServer, held_server, request_id_of
from support.clients import HTTP_PACKAGE, async_client, client
from support.commands import python
from support.lifecycle import SPANS
from support.loops import LOOPS, run_on, told
from support.styles import arguments

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from support.exported import Exported

MIXED = ("ok", "in_band:overloaded_error", "reset", "cut", "bad_json", "bad_gzip", "fin", "ok:40")
"""Streams that open. A stall takes as long as it takes."""

THREADS = 64

PATIENCE = 120.0


as_without_us = pytest.mark.filterwarnings(
    # The SDK's and the HTTP client's own: trio, and garbage collected on another thread, meet generators of theirs.
    "ignore::pytest.PytestUnraisableExceptionWarning"
)


@pytest.fixture(scope="module")
def server() -> Iterator[HeldServer]:
    with held_server() as running:
        yield running


@contextmanager
def instrumented(exported: Exported) -> Generator[None]:
    AnthropicInstrumentor().instrument(**exported.providers)
    try:
        yield
    finally:
        AnthropicInstrumentor().uninstrument()


def numbered(number: int, model: str) -> dict[str, Any]:
    return {**arguments(model), "max_tokens": number}


def model_of(number: int) -> str:
    return MIXED[number % len(MIXED)]


def expected(model: str, *, streamed: bool = True) -> Expectation:
    expectation = expectation_of(parse(model), "chat", streamed=streamed)
    return replace(expectation, error_type=expectation.error_type_for(HTTP_PACKAGE))


def active(exported: Exported) -> float:
    """`midstream.client.stream.active`, all series added up."""
    return sum(point.value for point in exported.metrics().get("midstream.client.stream.active", []))


def by_number(exported: Exported) -> dict[int, tuple[str, str, Expectation]]:
    """By number of a call, its model, its request id and its end. Fails if a call was recorded twice, or mixed up."""
    ends = told(exported)
    spans = [dict(span.attributes or {}) for span in exported.spans]
    numbers: list[Any] = [span["gen_ai.request.max_tokens"] for span in spans]
    assert len(set(numbers)) == len(numbers)
    found: dict[int, tuple[str, str, Expectation]] = {}
    for number, span, end in zip(numbers, spans, ends, strict=True):
        found[number] = (str(span["gen_ai.request.model"]), str(span["anthropic.request.id"]), end)
    of_spans = {
        span.context.span_id: number for span, number in zip(exported.spans, numbers, strict=True) if span.context
    }
    for log in exported.logs:
        attributes = dict(log.log_record.attributes or {})
        number = attributes["gen_ai.request.max_tokens"]
        assert of_spans[log.log_record.span_id or 0] == number
        assert attributes["anthropic.request.id"] == request_id_of(int(str(number)))
    return found


@as_without_us
@pytest.mark.parametrize("spans", SPANS)
@pytest.mark.parametrize("loop", LOOPS)
def test_each_of_a_thousand_open_async_streams_is_recorded_with_its_own_end(
    server: HeldServer, exported: Exported, loop: str, spans: str, long: bool
) -> None:
    streams = 1000 if long else 150 if (loop, spans) == ("asyncio", "own") else 20
    numbers = range(1, streams + 1)
    opened: dict[int, Any] = {}

    async def run() -> None:
        async with async_client(server, parse("ok"), exported.tracer_provider if spans == "sdk" else None) as made:

            async def begin(number: int) -> None:
                opened[number] = await made.messages.create(**numbered(number, model_of(number)), stream=True)
                await opened[number].__anext__()

            async def end(stream: Any) -> None:
                with suppress(Exception):
                    async for _ in stream:
                        pass

            async with anyio.create_task_group() as group:
                for number in numbers:
                    group.start_soon(begin, number)
            assert server.held() == streams
            assert active(exported) == streams
            assert exported.outcomes() == {}
            server.go()
            async with anyio.create_task_group() as group:
                for stream in opened.values():
                    group.start_soon(end, stream)

    server.hold()
    with instrumented(exported):
        run_on(loop, run)
    assert by_number(exported) == {
        number: (model_of(number), request_id_of(number), expected(model_of(number))) for number in numbers
    }
    assert {number: stream.response.headers["request-id"] for number, stream in opened.items()} == {
        number: request_id_of(number) for number in numbers
    }
    assert active(exported) == 0


@as_without_us
@pytest.mark.parametrize("spans", SPANS)
def test_every_call_of_64_threads_with_one_client_is_recorded_with_its_own_end(
    server: HeldServer, exported: Exported, spans: str
) -> None:
    not_streamed = ("ok", "http:overloaded_error", "http:rate_limit_error")

    def all_are_open() -> None:
        found.append((server.held(), active(exported), exported.outcomes()))
        server.go()

    together = threading.Barrier(THREADS, action=all_are_open)
    found: list[tuple[int, float, dict[str, int]]] = []

    def work(number: int) -> None:
        stream: Any = shared.messages.create(**numbered(number, model_of(number)), stream=True)
        next(stream)
        together.wait(PATIENCE)
        with suppress(Exception):
            for _ in stream:
                pass
        other = number + THREADS
        with suppress(Exception):
            shared.messages.create(**numbered(other, not_streamed[other % len(not_streamed)]))

    server.hold()
    provider = exported.tracer_provider if spans == "sdk" else None
    numbers = range(1, THREADS + 1)
    with instrumented(exported), client(server, parse("ok"), provider) as shared:
        with ThreadPoolExecutor(THREADS) as pool:
            list(pool.map(work, numbers))
    assert found == [(THREADS, THREADS, {})]
    wanted = {number: (model_of(number), expected(model_of(number))) for number in numbers}
    for other in range(THREADS + 1, 2 * THREADS + 1):
        model = not_streamed[other % len(not_streamed)]
        wanted[other] = (model, expected(model, streamed=False))
    told_of = by_number(exported)
    assert {number: (model, end) for number, (model, _, end) in told_of.items()} == wanted
    assert {number: request_id for number, (_, request_id, _) in told_of.items()} == {
        number: request_id_of(number) for number in told_of
    }


@as_without_us
@pytest.mark.parametrize("model", ["ok:300", "in_band:overloaded_error"])
def test_a_stream_that_many_threads_read_together_is_recorded_once_and_no_event_is_lost(
    server: HeldServer, exported: Exported, model: str
) -> None:
    """The interpreter refuses one of two simultaneous readers, with or without midstream."""
    readers = 8
    together = threading.Barrier(readers)
    events: list[Any] = []
    ends: list[str] = []

    def read(stream: Any) -> None:
        together.wait(PATIENCE)
        while True:
            try:
                events.append(next(stream))
            except ValueError as refused:
                assert str(refused) == "generator already executing"  # noqa: PT017 - it is tried again
            except Exception as end:  # noqa: BLE001 - whatever it is
                ends.append(type(end).__name__)
                return

    with instrumented(exported), client(server, parse(model)) as made, ThreadPoolExecutor(readers) as pool:
        stream: Any = made.messages.create(**arguments(model), stream=True)
        # The SDK makes the iterator at the first read, and two of them for two readers at that moment.
        events.append(next(stream))
        list(pool.map(read, [stream] * readers))
    failed = expected(model).outcome.is_failure
    assert len(events) == (4 if failed else 305)
    assert Counter(ends) == Counter(["APIStatusError", *["StopIteration"] * (readers - 1)] if failed else ends)
    assert told(exported) == [expected(model)]


@as_without_us
def test_streams_closed_by_several_threads_are_recorded_once_as_abandoned(
    server: HeldServer, exported: Exported
) -> None:
    streams, closers = 16, 2
    together = threading.Barrier(streams * (1 + closers))

    def read(stream: Any) -> None:
        together.wait(PATIENCE)
        with suppress(Exception):
            for _ in stream:
                pass

    def close(stream: Any) -> None:
        together.wait(PATIENCE)
        with suppress(Exception):
            stream.close()

    server.hold()
    with instrumented(exported), client(server, parse("ok")) as made:
        opened: list[Any] = [made.messages.create(**arguments("ok"), stream=True) for _ in range(streams)]
        for stream in opened:
            next(stream)
        assert active(exported) == streams
        with ThreadPoolExecutor(streams * (1 + closers)) as pool:
            reading = [pool.submit(read, stream) for stream in opened]
            closing = [pool.submit(close, stream) for stream in opened for _ in range(closers)]
            for one in closing:
                one.result(PATIENCE)
            found = told_meanwhile(exported)
            server.go()
            for one in reading:
                one.result(PATIENCE)
    assert found == {"abandoned": streams}
    assert told(exported) == [Expectation(Outcome.ABANDONED)] * streams


def told_meanwhile(exported: Exported) -> dict[str, int]:
    assert active(exported) == 0
    return exported.outcomes()


@as_without_us
def test_of_a_reader_and_a_closer_that_race_one_ends_the_call(server: HeldServer, exported: Exported) -> None:
    streams = 16
    together = threading.Barrier(2)

    def close(stream: Any) -> None:
        together.wait(PATIENCE)
        with suppress(Exception):
            stream.close()

    with instrumented(exported), client(server, parse("ok")) as made, ThreadPoolExecutor(1) as closer:
        for _ in range(streams):
            stream: Any = made.messages.create(**arguments("ok:40"), stream=True)
            next(stream)
            closing = closer.submit(close, stream)
            together.wait(PATIENCE)
            with suppress(Exception):
                for _ in stream:
                    pass
            closing.result(PATIENCE)
    ends = Counter(end.outcome for end in told(exported))
    assert ends.total() == streams
    assert ends.keys() <= {Outcome.COMPLETED, Outcome.ABANDONED}
    assert active(exported) == 0


WHOLE = ("ok", "in_band:overloaded_error", "reset", "cut", "fin", "http:overloaded_error", "ok:40")
"""Scenarios whose outcome the bytes of the body tell as well as its events: `uninstrument()` may come between them."""


def patched() -> dict[str, Any]:
    owners = {target: getattr(sys.modules.get(target.module), target.owner, object) for target in TARGETS}
    return {target.name: dict[str, Any](vars(owner)).get(target.method) for target, owner in owners.items()}


def kept_of_ours() -> int:
    """How many of the objects that `instrument()` creates still exist."""
    gc.collect()
    return sum(type(thing) in {RequestObserver, Patches} for thing in gc.get_objects())


@as_without_us
def test_exactly_the_calls_that_begin_observed_are_recorded_once(
    server: HeldServer, exported: Exported, long: bool
) -> None:
    threads, tasks, each = 8, 8, 60 if long else 6
    churn, bare, bare_async = Churn(exported), Churn(exported), Churn(exported)

    def asked(number: int) -> dict[str, Any]:
        return numbered(number, WHOLE[number % len(WHOLE)])

    def on_a_thread(first: int) -> None:
        for number in range(first, first + each):
            churn.call(shared, asked(number))

    async def in_a_task(made: Any, first: int) -> None:
        for number in range(first, first + each):
            await churn.call_async(made, asked(number))

    async def in_tasks(first: int) -> None:
        async with async_client(server, parse("ok")) as made, anyio.create_task_group() as group:
            for task in range(tasks):
                group.start_soon(in_a_task, made, first + task * each)

    first_async = 1 + threads * each
    methods, kept = patched(), kept_of_ours()
    with client(server, parse("ok")) as shared, ThreadPoolExecutor(threads + 2) as pool:
        for model in WHOLE:
            bare.call(shared, numbered(WHOLE.index(model), model))
        anyio.run(without_us, server, bare_async)
        churning = pool.submit(churn.run)
        working = [pool.submit(on_a_thread, 1 + thread * each) for thread in range(threads)]
        working.append(pool.submit(anyio.run, in_tasks, first_async))
        try:
            for one in working:
                one.result(PATIENCE)
        finally:
            churn.done.set()
        churning.result(PATIENCE)
    numbers = range(1, 1 + (threads + tasks) * each)
    seen_without_us = {True: bare_async.saw, False: bare.saw}
    assert churn.saw == {number: seen_without_us[number >= first_async][number % len(WHOLE)] for number in numbers}
    assert patched() == methods
    assert kept_of_ours() <= kept
    check_told(exported, churn)


async def without_us(server: HeldServer, bare: Churn) -> None:
    """For some statuses, async clients below SDK 1.0 raise another class than sync ones."""
    async with async_client(server, parse("ok")) as made:
        for model in WHOLE:
            await bare.call_async(made, numbered(WHOLE.index(model), model))


def check_told(exported: Exported, churn: Churn) -> None:
    spans = [dict(span.attributes or {}) for span in exported.spans]
    ends = Counter((span["gen_ai.request.max_tokens"], span["midstream.outcome"]) for span in spans)
    wanted = {number: (number, expected(WHOLE[number % len(WHOLE)]).outcome.value) for number in churn.saw}
    observed, unobserved = (
        {wanted[number] for number, state in churn.certain.items() if state == which}
        for which in ("observed", "unobserved")
    )
    assert observed
    assert unobserved
    assert {end for end, times in ends.items() if times > 1} == set()
    assert set(ends) - set(wanted.values()) == set()
    assert observed - set(ends) == set()
    assert unobserved & set(ends) == set()
    assert sum(exported.outcomes().values()) == len(ends)
    assert active(exported) == 0
    assert "midstream.telemetry.errors" not in exported.metrics()


class Another(AnthropicInstrumentor):
    """A second instance: the class makes one of each of its subclasses."""

    _instance = None


def test_a_second_instrumentor_changes_nothing_and_either_may_take_the_patches_out(
    server: HeldServer, exported: Exported
) -> None:
    methods = patched()
    first, second = AnthropicInstrumentor(), Another()
    assert first is not second
    with client(server, parse("ok")) as made:
        first.instrument(**exported.providers)
        second.instrument(**exported.providers)
        made.messages.create(**arguments("ok"))
        assert exported.outcomes() == {"completed": 1}
        assert second.is_instrumented_by_opentelemetry
        second.uninstrument()
        assert patched() == methods
        assert not first.is_instrumented_by_opentelemetry
        made.messages.create(**arguments("ok"))
        assert exported.outcomes() == {"completed": 1}
        first.instrument(**exported.providers)
        made.messages.create(**arguments("ok"))
        assert exported.outcomes() == {"completed": 2}
        first.uninstrument()
    assert patched() == methods


def test_instrument_from_many_threads_at_once_observes_once(server: HeldServer, exported: Exported, long: bool) -> None:
    threads, times = 8, 100 if long else 5
    methods, together = patched(), threading.Barrier(threads)

    def switch(change: str) -> None:
        instrumentor = AnthropicInstrumentor()
        together.wait(PATIENCE)
        if change == "in":
            instrumentor.instrument(**exported.providers)
        else:
            instrumentor.uninstrument()

    with client(server, parse("ok")) as made, ThreadPoolExecutor(threads) as pool:
        for time in range(1, times + 1):
            list(pool.map(switch, ["in"] * threads))
            made.messages.create(**arguments("ok"))
            assert exported.outcomes() == {"completed": time}
            list(pool.map(switch, ["out"] * threads))
            assert patched() == methods


def test_instrument_while_another_thread_imports_the_sdk_observes_it() -> None:
    done = python("""
import sys, threading
from midstream import AnthropicInstrumentor

class InTheMiddle:
    def find_spec(self, name, *_):
        if name == "anthropic._client":
            sys.meta_path.remove(self)
            instrumenting.start()
            instrumenting.join(1)  # it is over by now, or waits for the import
        return None

def instrument():
    assert "anthropic" in sys.modules
    AnthropicInstrumentor().instrument(skip_dep_check=True)

instrumenting = threading.Thread(target=instrument)
sys.meta_path.insert(0, InTheMiddle())
import anthropic
instrumenting.join()
print(hasattr(anthropic._base_client.SyncAPIClient.request, "__wrapped__"))
""")
    assert (done.stdout, done.stderr) == ("True\n", "")


class Held:
    """Stands for a call."""

    def exit(self) -> None:
        """As of a call."""


def test_the_open_calls_are_ended_at_exit_also_while_daemon_threads_open_more(long: bool) -> None:
    registry = CallRegistry()
    stopping = threading.Event()

    def open_more() -> None:
        held: list[Any] = []
        while not stopping.is_set():
            held = [*held[-500:], Held()]
            registry.add(object(), held[-1])

    with ThreadPoolExecutor(4) as pool:
        opening = [pool.submit(open_more) for _ in range(4)]
        try:
            for _ in range(1000 if long else 50):
                registry.end_open_calls()
        finally:
            stopping.set()
    registry.stop()
    assert [one.exception() for one in opening] == [None] * 4
