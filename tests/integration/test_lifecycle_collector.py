"""The garbage collector ends calls anywhere, also inside OpenTelemetry while it holds locks."""

from __future__ import annotations

import gc
import threading
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import anyio
import pytest
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter, SpanExportResult

from midstream._sdk import callers
from midstream._sdk.call import ObservedCall
from midstream._sdk.entry import RequestObserver
from midstream._telemetry.recorder import Recorder
from midstream.faults import parse
from support import lifecycle
from support.clients import async_client, client
from support.lifecycle import LONG, SPANS, Way, no_collector
from support.seen import FLAVORS
from support.styles import arguments

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from opentelemetry.sdk.trace import ReadableSpan

    from midstream.faults import FaultServer
    from support.exported import Exported
    from support.lifecycle import Trace


class Collecting(SpanExporter):
    """An exporter inside which the garbage collector runs, and which can export only one batch at a time."""

    def __init__(self) -> None:
        self.exporting = False
        self.entered_twice = False
        self.exported = 0

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        del spans
        self.exported += 1
        self.entered_twice |= self.exporting
        if not self.exporting:
            self.exporting = True
            self.collect()
            self.exporting = False
        return SpanExportResult.SUCCESS

    def collect(self) -> None:
        gc.collect()


async def opened_async(made: Any) -> Any:
    stream = await made.messages.create(**arguments(LONG), stream=True)
    await stream.__anext__()
    return stream


def opened(made: Any) -> Any:
    stream = made.messages.create(**arguments(LONG), stream=True)
    next(stream)
    return stream


def read(made: Any) -> None:
    made.messages.create(**arguments("ok"))


def into_a_cycle(stream: Any) -> None:
    cycle = [stream]
    cycle.append(cycle)


@pytest.mark.parametrize("spans", SPANS)
@pytest.mark.parametrize(
    ("flavor", "first"), [("sync", "the call"), ("sync", "the SDK's generator"), ("async", "the call")]
)
def test_a_call_that_is_collected_inside_an_exporter_is_recorded_outside_it(
    server: FaultServer, exported: Exported, instrumented: Any, flavor: str, first: str, spans: str
) -> None:
    # The collector may finalize a cycle's objects in any order. The event loop finalizes async generators.
    kept: list[ObservedCall] = []
    provider = exported.tracer_provider if spans == "sdk" else None
    exporter = Collecting()

    def collect_inside_the_exporter() -> None:
        if first == "the SDK's generator":
            kept.extend(thing for thing in gc.get_objects() if type(thing) is ObservedCall)
        exported.tracer_provider.add_span_processor(SimpleSpanProcessor(exporter))
        exported.tracer_provider.get_tracer("the application").start_span("of the application").end()

    async def run() -> None:
        async with async_client(server, parse(LONG), provider) as made:
            into_a_cycle(await opened_async(made))
            collect_inside_the_exporter()
            await made.messages.create(**arguments("ok"))

    with no_collector(), instrumented():
        if flavor == "async":
            anyio.run(run)
        else:
            with client(server, parse(LONG), provider) as made:
                into_a_cycle(opened(made))
                collect_inside_the_exporter()
                made.messages.create(**arguments("ok"))
        assert exported.outcomes() == {"abandoned": 1, "completed": 1}
    assert not exporter.entered_twice


def collect_inside(exporter: Collecting) -> None:
    """Runs the garbage collector inside an exporter of the application."""
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    provider.get_tracer("the application").start_span("of the application").end()
    assert exporter.exported == 1


def alive(*kinds: type) -> list[str]:
    gc.collect()
    return [type(one).__name__ for one in gc.get_objects() if type(one) in kinds]


def test_a_call_collected_inside_an_exporter_is_recorded_at_the_next_call(
    server: FaultServer, exported: Exported, instrumented: Any
) -> None:
    threads = threading.active_count()
    with no_collector(), client(server, parse(LONG)) as made:
        with instrumented():
            into_a_cycle(opened(made))
        collect_inside(Collecting())
        assert exported.outcomes() == {}
        with instrumented():
            made.messages.create(**arguments("ok"))
        assert exported.outcomes() == {"abandoned": 1, "completed": 1}
        assert alive(ObservedCall, RequestObserver, Recorder) == []
    assert threading.active_count() == threads


def deeply(frames: int, work: Callable[[], object]) -> None:
    """Calls `work` that many frames deeper in the stack."""
    if frames:
        deeply(frames - 1, work)
    else:
        work()


DEEP = 300
"""More frames than the walks over the stack reach."""


class DeeplyCollecting(Collecting):
    """An exporter inside which the collector runs at the end of a deep recursion."""

    def collect(self) -> None:
        deeply(DEEP, gc.collect)


def test_a_call_that_is_collected_deep_inside_an_exporter_is_recorded_outside_it(
    server: FaultServer, exported: Exported, instrumented: Any
) -> None:
    exporter = DeeplyCollecting()
    with no_collector(), instrumented(), client(server, parse(LONG)) as made:
        into_a_cycle(opened(made))
        collect_inside(exporter)
        assert exported.outcomes() == {}
        made.messages.create(**arguments("ok"))
        assert exported.outcomes() == {"abandoned": 1, "completed": 1}
    assert not exporter.entered_twice


def test_a_call_that_is_dropped_deep_in_the_application_is_recorded_at_the_next_call(
    server: FaultServer, exported: Exported, instrumented: Any
) -> None:
    def drop() -> None:
        opened(made)
        gc.collect()

    with instrumented(), client(server, parse(LONG)) as made:
        deeply(DEEP, drop)
        assert exported.outcomes() == {}
        deeply(DEEP, lambda: read(made))
        assert exported.outcomes() == {"abandoned": 1, "completed": 1}


CLOSES: dict[str, Callable[[Any], object]] = {
    "closed": lambda stream: stream.close(),
    "left": lambda stream: stream.__exit__(None, None, None),
    "closed after its last event": lambda stream: (list(stream), stream.close()),
}


@pytest.mark.parametrize(("close", "outcome"), [*zip(CLOSES, ("abandoned", "abandoned", "completed"), strict=True)])
def test_a_call_that_is_closed_deep_in_the_application_is_recorded_immediately(
    server: FaultServer, exported: Exported, instrumented: Any, close: str, outcome: str
) -> None:
    with instrumented(), client(server, parse("ok")) as made:
        deeply(DEEP, lambda: CLOSES[close](opened(made)))
        assert exported.outcomes() == {outcome: 1}


def test_a_close_looks_at_no_more_frames_the_deeper_the_stack_is(
    server: FaultServer, instrumented: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_at = 0

    def counted(frames: Callable[[], Iterator[Any]] = callers._frames) -> Iterator[Any]:
        nonlocal looked_at
        for frame in frames():
            looked_at += 1
            yield frame

    monkeypatch.setattr(callers, "_frames", counted)

    def close_one(made: Any) -> int:
        nonlocal looked_at
        stream = opened(made)
        looked_at = 0
        stream.close()
        return looked_at

    found: list[int] = []
    with instrumented(), client(server, parse(LONG)) as made:
        for depth in (DEEP, 2 * DEEP):
            deeply(depth, lambda: found.append(close_one(made)))
    assert found[0] == found[1] > 0


def on_another_thread(work: Callable[[], object]) -> None:
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()


def collected(made: Any, trace: Trace) -> None:
    into_a_cycle(read_once(lifecycle.opened(made, trace)))
    on_another_thread(gc.collect)
    trace.step("collected")


async def acollected(made: Any, trace: Trace) -> None:
    into_a_cycle(await aread_once(await lifecycle.aopened(made, trace)))
    on_another_thread(gc.collect)
    trace.step("collected")


def dropped(made: Any, trace: Trace) -> None:
    box = [read_once(lifecycle.opened(made, trace))]
    on_another_thread(box.clear)
    trace.step("dropped by another thread")


async def adropped(made: Any, trace: Trace) -> None:
    box = [await aread_once(await lifecycle.aopened(made, trace))]
    on_another_thread(box.clear)
    trace.step("dropped by another thread")


def read_once(stream: Any) -> Any:
    next(stream)
    return stream


async def aread_once(stream: Any) -> Any:
    await stream.__anext__()
    return stream


ON_ANOTHER_THREAD = (Way("collected", collected, acollected), Way("dropped", dropped, adropped))


@pytest.mark.parametrize("spans", SPANS)
@pytest.mark.parametrize("flavor", FLAVORS)
@pytest.mark.parametrize("way", ON_ANOTHER_THREAD, ids=str)
def test_a_stream_that_is_finalized_on_another_thread_is_released_as_without_us(
    server: FaultServer, exported: Exported, instrumented: Any, way: Way, flavor: str, spans: str
) -> None:
    """The collector runs on the thread that exceeds its threshold. Event loops finalize on theirs."""
    lifecycle.check(way, flavor, spans, server, exported, instrumented)


@pytest.mark.parametrize("flavor", FLAVORS)
def test_a_call_dropped_inside_a_decorated_function_is_recorded_immediately(
    server: FaultServer, exported: Exported, instrumented: Any, flavor: str
) -> None:
    tracer = exported.tracer_provider.get_tracer("the application")

    @tracer.start_as_current_span("handler")
    def handle(made: Any) -> None:
        made.messages.create(**arguments(LONG), stream=True)
        gc.collect()
        assert exported.outcomes() == {"abandoned": 1}

    @tracer.start_as_current_span("handler")
    async def handle_async(made: Any) -> None:
        await made.messages.create(**arguments(LONG), stream=True)
        gc.collect()
        assert exported.outcomes() == {"abandoned": 1}

    async def run() -> None:
        async with async_client(server, parse(LONG)) as made:
            await handle_async(made)

    with instrumented():
        if flavor == "async":
            anyio.run(run)
        else:
            with client(server, parse(LONG)) as made:
                handle(made)


class SetsContext(SpanProcessor):
    """A span processor that changes the current context, and does not change it back."""

    def __init__(self) -> None:
        self.seen: ContextVar[bool] = ContextVar("set_by_a_span_processor", default=False)

    def on_end(self, span: ReadableSpan) -> None:
        del span
        self.seen.set(True)


@pytest.mark.parametrize("flavor", FLAVORS)
def test_the_context_in_which_a_call_is_collected_stays_as_it_is(
    server: FaultServer, exported: Exported, instrumented: Any, flavor: str
) -> None:
    # The collector may run inside ContextVar.set(): before Python 3.12, to set one there again is a crash. A span of
    # the SDK's own the SDK ends in the context of the collector, with us and without.
    processor = SetsContext()
    exported.tracer_provider.add_span_processor(processor)

    def collect() -> None:
        gc.collect()
        assert exported.outcomes() == {"abandoned": 1}
        assert not processor.seen.get()

    async def run() -> None:
        async with async_client(server, parse(LONG)) as made:
            into_a_cycle(await made.messages.create(**arguments(LONG), stream=True))
            collect()

    with no_collector(), instrumented():
        if flavor == "async":
            anyio.run(run)
        else:
            with client(server, parse(LONG)) as made:
                into_a_cycle(opened(made))
                collect()
