"""OpenTelemetry blocks, is shut down, stops the application, is missing, or is something else."""

from __future__ import annotations

import functools
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import opentelemetry.metrics
import opentelemetry.trace
import pytest
from opentelemetry.metrics import NoOpMeterProvider
from opentelemetry.sdk._logs import LogRecordProcessor
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

import midstream._sdk.reporting
from midstream import AnthropicInstrumentor
from midstream._sdk.reporting import Reporter
from midstream.faults import parse
from reliability.misbehaving import Broken, MisbehavedError, Nonsense, nothing, raising, then
from support.clients import client
from support.commands import python
from support.exported import Exported
from support.lifecycle import SPANS, told_on_spans
from support.seen import FLAVORS, bare, numberless, observable, run, spied
from support.sockets import connections
from support.styles import STYLES, arguments

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from midstream.faults import FaultServer

PATIENCE = 60.0
STREAM = "create(stream=True) in a with block"
FAULT = "in_band:overloaded_error"

spans_of_both_kinds = pytest.mark.parametrize("spans", SPANS)


class Gate:
    """Blocks the first caller until it is opened."""

    def __init__(self) -> None:
        self.reached, self.opened = threading.Event(), threading.Event()
        self.was_opened = False

    def pass_by(self, *_args: Any, **_kwargs: Any) -> None:
        if not self.reached.is_set():
            self.reached.set()
            self.was_opened = self.opened.wait(PATIENCE)


def with_processor(method: str) -> Callable[[Exported, Any], dict[str, Any]]:
    """Has a span processor call something as its `method`."""

    def add(exported: Exported, does: Any) -> dict[str, Any]:
        exported.tracer_provider.add_span_processor(type("Processor", (SpanProcessor,), {method: does})())
        return exported.providers

    return add


def with_histograms(exported: Exported, does: Any) -> dict[str, Any]:
    """Has every histogram call something before it records. The counters are read when metrics are collected."""
    provider = exported.meter_provider

    def made(whole: Any) -> Any:
        def record(*args: Any, **kwargs: Any) -> None:
            does(*args, **kwargs)
            whole.record(*args, **kwargs)

        return Broken(whole, record=record)

    def get_meter(*args: Any, **kwargs: Any) -> Any:
        meter = provider.get_meter(*args, **kwargs)
        return Broken(meter, create_histogram=then(meter.create_histogram, made))

    return {**exported.providers, "meter_provider": Broken(provider, get_meter=get_meter)}


def with_log_processor(exported: Exported, does: Any) -> dict[str, Any]:
    """Has a log processor call something for every record."""
    methods = dict.fromkeys(("shutdown", "force_flush"), then(nothing, lambda _: True))
    exported.logger_provider.add_log_record_processor(
        type("Processor", (LogRecordProcessor,), {**methods, "on_emit": does, "emit": does})()
    )
    return exported.providers


def with_id_generator(exported: Exported, does: Any) -> dict[str, Any]:
    """Has the generator of ids call something before it makes one."""
    provider: Any = exported.tracer_provider
    whole = provider.id_generator

    def make() -> int:
        does()
        made: int = whole.generate_span_id()
        return made

    provider.id_generator = Broken(whole, generate_span_id=make)
    return exported.providers


def with_sampler(exported: Exported, does: Any) -> dict[str, Any]:
    """Has the sampler call something before it decides."""
    provider: Any = exported.tracer_provider
    whole = provider.sampler

    def decide(*args: Any, **kwargs: Any) -> Any:
        does()
        return whole.should_sample(*args, **kwargs)

    provider.sampler = Broken(whole, should_sample=decide)
    return exported.providers


def with_exporter(exported: Exported, does: Any) -> dict[str, Any]:
    """Has a span exporter, which a processor calls immediately, call something."""
    exporter: Any = Broken(exported.spans_in_memory, export=does)
    exported.tracer_provider.add_span_processor(SimpleSpanProcessor(exporter))
    return exported.providers


PLACES: dict[str, Callable[[Exported, Any], dict[str, Any]]] = {
    "the id generator": with_id_generator,
    "the sampler": with_sampler,
    "on_start": with_processor("on_start"),
    "on_end": with_processor("on_end"),
    "a span exporter": with_exporter,
    "record": with_histograms,
    "on_emit": with_log_processor,
}
"""By what OpenTelemetry does, how it is made to do something else first."""


@contextmanager
def instrumented_with(providers: dict[str, Any]) -> Generator[None]:
    AnthropicInstrumentor().instrument(**providers)
    try:
        yield
    finally:
        AnthropicInstrumentor().uninstrument()


def one_call(flavor: str, server: FaultServer, model: str, provider: Any) -> tuple[Any, ...]:
    """What the application sees of one call."""
    with spied() as raised:
        return observable(run(STYLES[STREAM], flavor, server, parse(model), provider), raised)


# It blocks


def held_up_and_not(gate: Gate, providers: dict[str, Any], server: FaultServer, flavor: str, provider: Any) -> None:
    """Two calls, of which the first is held up at `gate` until the second is over. Both are as without us."""
    wanted = bare(STREAM, flavor, server, FAULT, "own" if provider is None else "sdk")
    with instrumented_with(providers), spied() as raised, ThreadPoolExecutor(1) as other:
        held_up = other.submit(run, STYLES[STREAM], flavor, server, parse(FAULT), provider)
        try:
            assert gate.reached.wait(PATIENCE)
            seen = run(STYLES[STREAM], flavor, server, parse(FAULT), provider)
            assert not held_up.done()
        finally:
            gate.opened.set()
        assert observable(seen, raised) == wanted
        assert observable(held_up.result(PATIENCE), raised) == wanted
    # Raising there would not help: exceptions inside OpenTelemetry are contained.
    assert gate.was_opened


@spans_of_both_kinds
@pytest.mark.parametrize("flavor", FLAVORS)
@pytest.mark.parametrize("place", PLACES)
def test_a_blocking_component_blocks_only_the_thread_that_called_it(
    server: FaultServer, exported: Exported, place: str, flavor: str, spans: str
) -> None:
    gate = Gate()
    providers = PLACES[place](exported, gate.pass_by)
    held_up_and_not(gate, providers, server, flavor, exported.tracer_provider if spans == "sdk" else None)
    assert told_on_spans(exported) == ["in_band_error"] * 2
    assert (exported.outcomes(), len(exported.logs)) == ({"in_band_error": 2}, 2)
    assert exported.counted("midstream.client.stream.active") == []


@pytest.mark.parametrize("question", [1, 2, 4], ids=["at the start", "in the first read", "later"])
@pytest.mark.parametrize("flavor", FLAVORS)
def test_a_blocking_clock_blocks_only_the_thread_that_called_it(
    server: FaultServer, exported: Exported, monkeypatch: pytest.MonkeyPatch, flavor: str, question: int
) -> None:
    gate, left = Gate(), iter([False] * (question - 1))

    def clock() -> float:
        if next(left, True):
            gate.pass_by()
        return time.perf_counter()

    monkeypatch.setattr(midstream._sdk.reporting, "Reporter", functools.partial(Reporter, clock=clock))
    held_up_and_not(gate, exported.providers, server, flavor, None)
    assert (exported.outcomes(), len(exported.logs)) == ({"in_band_error": 2}, 2)


# It is shut down


SHUT_DOWN: dict[str, Callable[[Exported], Any]] = {
    "tracer provider": lambda exported: exported.tracer_provider.shutdown(),
    "meter provider": lambda exported: exported.meter_provider.shutdown(),
    "logger provider": lambda exported: exported.logger_provider.shutdown(),
    "everything": lambda exported: exported.shutdown(),
    "flush": lambda exported: [
        provider.force_flush()
        for provider in (exported.tracer_provider, exported.meter_provider, exported.logger_provider)
    ],
}
SHUT_DOWN_AT = ("before the call", "while the stream is open", "before the end")


def stream_with(act: Callable[[], Any], at: str, server: FaultServer, provider: Any) -> tuple[list[str], str, Any]:
    """The events of a stream, how it ended, and the connections that are left, with `act` done at a step of it."""
    events: list[str] = []
    ended = ""
    with client(server, parse(FAULT), provider) as made:
        try:
            if at == "before the call":
                act()
            with made.messages.create(**arguments(FAULT), stream=True) as stream:
                if at == "while the stream is open":
                    act()
                for event in stream:
                    events.append(event.type)
                    if at == "before the end" and len(events) == 4:
                        act()
        except Exception as error:  # noqa: BLE001 - whatever it is
            ended = numberless(repr(error))
        return events, ended, connections(made)


@spans_of_both_kinds
@pytest.mark.parametrize("at", SHUT_DOWN_AT)
@pytest.mark.parametrize("what", SHUT_DOWN)
def test_providers_shut_down_or_flushed_midway_change_nothing_but_what_they_export(
    server: FaultServer, caplog: pytest.LogCaptureFixture, what: str, at: str, spans: str
) -> None:
    exported = Exported()
    wanted = stream_with(int, at, server, TracerProvider(shutdown_on_exit=False) if spans == "sdk" else None)
    with instrumented_with(exported.providers):
        provider = exported.tracer_provider if spans == "sdk" else None
        found = stream_with(lambda: SHUT_DOWN[what](exported), at, server, provider)
    assert found == wanted
    assert [record.getMessage() for record in caplog.records if record.name == "midstream"] == []
    if what not in {"tracer provider", "everything"}:
        assert told_on_spans(exported) == ["in_band_error"]
    if what not in {"meter provider", "everything"}:
        assert exported.outcomes() == {"in_band_error": 1}
        assert exported.counted("midstream.client.stream.active") == []
    if what not in {"logger provider", "everything"}:
        assert len(exported.logs) == 1


# It stops the application


class Stop(BaseException):
    """Meant for the application, like `KeyboardInterrupt`."""


@pytest.mark.parametrize("model", ["ok", FAULT])
@pytest.mark.parametrize("style", ["create", STREAM])
@spans_of_both_kinds
def test_what_stops_the_application_while_a_span_ends_passes_on_and_the_call_is_recorded(
    server: FaultServer, exported: Exported, style: str, model: str, spans: str
) -> None:
    """Like Ctrl-C while an exporter waits for its server."""

    def stop(*_args: Any) -> None:
        raise Stop

    with_processor("on_end")(exported, stop)
    provider = exported.tracer_provider if spans == "sdk" else None
    scenario = parse(model)
    with instrumented_with(exported.providers), client(server, scenario, provider) as made:
        with pytest.raises(Stop):
            STYLES[style].sync(made, model, [])
        assert [one for one in connections(made) if "ACTIVE" in one] == []
    (outcome,) = exported.outcomes()
    assert told_on_spans(exported) == [outcome]
    assert len(exported.logs) == (outcome not in {"completed", "abandoned"})
    assert exported.counted("midstream.client.stream.active") == []


# It is missing


def test_without_an_opentelemetry_sdk_the_application_sees_what_it_sees_without_us() -> None:
    """The API alone: every call costs a little and records nothing."""
    done = python(_NO_SDK)
    assert (done.status, done.stderr) == (0, "")
    bare_run, observed = done.stdout.splitlines()
    assert bare_run == observed
    assert "APIStatusError" in observed
    assert "ReadError" in observed


_NO_SDK = """
import asyncio, logging, sys
sys.modules["opentelemetry.sdk"] = None
logging.basicConfig(level=logging.WARNING)
import anthropic
from midstream import AnthropicInstrumentor
from midstream.faults import FaultServer

async def asynchronous(url, model):
    async with anthropic.AsyncAnthropic(base_url=url, api_key="any", max_retries=0) as made:
        async with made.messages.stream(
            max_tokens=8, messages=[{"role": "user", "content": "x"}], model=model
        ) as stream:
            return [event.type async for event in stream]

def synchronous(url, model):
    with anthropic.Anthropic(base_url=url, api_key="any", max_retries=0) as made:
        with made.messages.create(
            max_tokens=8, messages=[{"role": "user", "content": "x"}], model=model, stream=True
        ) as stream:
            return [event.type for event in stream]

def seen(url):
    found = []
    for model in ("ok", "in_band", "reset", "cut", "http"):
        for call in (synchronous, lambda url, model: asyncio.run(asynchronous(url, model))):
            try:
                found.append(call(url, model))
            except Exception as error:
                found.append(type(error).__name__)
    return found

with FaultServer() as server:
    print(seen(server.url))
    AnthropicInstrumentor().instrument()
    print(seen(server.url))
"""


# It is not OpenTelemetry

MADE = {
    "tracer_provider": ("get_tracer", "start_span"),
    "meter_provider": ("get_meter", "create_counter"),
    "logger_provider": ("get_logger", "emit"),
}
"""By option, the method of its providers, and what that which they make has."""


@pytest.mark.parametrize("option", MADE)
def test_a_given_provider_that_raises_is_the_error_of_instrument(exported: Exported, option: str) -> None:
    broken: dict[str, Any] = {option: Broken(exported.providers[option], **{MADE[option][0]: raising})}
    with pytest.raises(MisbehavedError):
        AnthropicInstrumentor().instrument(**{**exported.providers, **broken})
    assert not AnthropicInstrumentor().is_instrumented_by_opentelemetry


@pytest.mark.parametrize("kind", [type(None), int, Nonsense])
@pytest.mark.parametrize("option", MADE)
def test_a_given_provider_that_makes_nonsense_is_a_wrong_option(
    exported: Exported, option: str, kind: type[Any]
) -> None:
    method, missing = MADE[option]
    made = kind()
    broken: dict[str, Any] = {option: Broken(exported.providers[option], **{method: then(nothing, lambda _: made)})}
    with pytest.raises(ValueError, match="instrument") as refused:
        AnthropicInstrumentor().instrument(**{**exported.providers, **broken})
    said = f"its {method}() gave an object of type {kind.__qualname__}, which has no {missing}()"
    assert str(refused.value) == f"instrument({option}=<Broken>): {said}"
    assert not AnthropicInstrumentor().is_instrumented_by_opentelemetry


@pytest.mark.parametrize("option", MADE)
def test_an_object_that_raises_when_it_is_looked_at_is_a_wrong_option(option: str) -> None:
    wrong: dict[str, Any] = {option: Nonsense()}
    with pytest.raises(ValueError, match=r"=<Nonsense>\): .* must be an OpenTelemetry provider"):
        AnthropicInstrumentor().instrument(**wrong)


@pytest.mark.injects_faults
def test_a_global_provider_that_raises_silences_what_it_is_for(
    server: FaultServer, exported: Exported, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opentelemetry.trace, "get_tracer_provider", raising)
    monkeypatch.setattr(opentelemetry.metrics, "get_meter_provider", NoOpMeterProvider)
    wanted = bare(STREAM, "sync", server, FAULT, "own")
    with instrumented_with({"logger_provider": exported.logger_provider}):
        assert one_call("sync", server, FAULT, None) == wanted
    assert (exported.spans, len(exported.logs)) == ([], 1)
