"""An internal error at every entry into midstream: the application is not affected, and the error is counted."""

from __future__ import annotations

import asyncio
import functools
import gc
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

import opentelemetry.context
import pytest
from opentelemetry.context import attach, detach, set_value
from opentelemetry.sdk._logs import Logger
from opentelemetry.sdk.metrics import Histogram
from opentelemetry.sdk.trace import Span, Tracer

import midstream._sdk.bodies
import midstream._sdk.entry
import midstream._sdk.reporting
from midstream import AnthropicInstrumentor
from midstream._guard import Guard, Guards
from midstream._outcomes import StreamWatch
from midstream._sdk import request_attributes
from midstream._sdk.call import ObservedCall
from midstream._telemetry.open_streams import OpenStreams
from midstream._telemetry.recorder import Recorder
from midstream._telemetry.sdk_span import SdkSpan
from midstream._telemetry.series import CallSeries
from midstream._telemetry.spans import OwnSpan
from midstream._telemetry.totals import Totals
from midstream.faults import parse
from midstream.testing._calls import recorded_calls
from support.clients import HAS_OWN_SPANS, async_client, client
from support.exported import Exported
from support.lifecycle import no_collector
from support.seen import FLAVORS, bare, observable, run, spied
from support.styles import STYLES

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from midstream.faults import FaultServer

pytestmark = pytest.mark.injects_faults


@contextmanager
def observed(exported: Exported) -> Generator[None]:
    AnthropicInstrumentor().instrument(**exported.providers)
    try:
        yield
    finally:
        AnthropicInstrumentor().uninstrument()


class OurFaultError(Exception):
    """What midstream's own code raises here."""


def raising(*_args: Any, **_kwargs: Any) -> Any:
    raise OurFaultError


def always(_original: Any) -> Any:
    return raising


ENTRIES: dict[str, tuple[Any, str, Callable[[Any], Any]]] = {
    "suppression": (midstream._sdk.entry, "_is_instrumentation_enabled", always),
    "endpoint_of": (midstream._sdk.entry, "endpoint_of", always),
    "options": (request_attributes, "options_of", always),
    "request": (request_attributes, "request_of", always),
    "endpoint": (request_attributes, "endpoint", always),
    "body": (midstream._sdk.bodies, "ObservedBody", always),
    "clock": (
        midstream._sdk.reporting,
        "Reporter",
        lambda reporter: functools.partial(reporter, clock=raising),
    ),
    "watch.open": (StreamWatch, "open", always),
    "watch.event": (StreamWatch, "event", always),
    "watch.read": (StreamWatch, "read", always),
    "watch.failed": (StreamWatch, "failed", always),
    "watch.answered": (StreamWatch, "answered", always),
    "recorder.first_seen": (Recorder, "first_seen", always),
    "recorder.own_span": (Recorder, "own_span", always),
    "recorder.span_within": (Recorder, "span_within", always),
    "recorder.stream_opened": (Recorder, "stream_opened", always),
    "recorder.ended": (Recorder, "ended", always),
    "own span": (OwnSpan, "finish", always),
    "enriched span": (SdkSpan, "finish", always),
    "start_span": (Tracer, "start_span", always),
    "set_attributes": (Span, "set_attributes", always),
    "set_status": (Span, "set_status", always),
    "end": (Span, "end", always),
    "totals.adder": (Totals, "adder", always),
    "series.end_of": (CallSeries, "end_of", always),
    "open_streams.opened": (OpenStreams, "opened", always),
    "open_streams.closed": (OpenStreams, "closed", always),
    "histogram.record": (Histogram, "record", always),
    "logger.emit": (Logger, "emit", always),
    "context.attach": (opentelemetry.context, "attach", always),
}
"""By entry, where it is and how it is made to fail."""

if hasattr(Logger, "enabled"):  # OpenTelemetry 1.45 and later
    ENTRIES["logger.enabled"] = (Logger, "enabled", always)

ONLY_WITH = {
    "recorder.span_within": "sdk",
    "enriched span": "sdk",
    "recorder.own_span": "own",
    "own span": "own",
    "start_span": "own",
    "context.attach": "own",
}
"""By entry, the kind of spans that it concerns, if not both."""

if "set_attributes" in Span.set_attribute.__code__.co_names:  # older OpenTelemetry, where the SDK meets the fault, too
    ONLY_WITH["set_attributes"] = "own"

CALL_STYLES = (
    "create",
    "create(stream=True) in a loop",
    "create(stream=True) in a with block",
    "stream() events",
    "with_raw_response, parsed",
)
MODELS = ("ok", "in_band:overloaded_error", "reset", "cut", "http:overloaded_error")
SPANS = ("sdk", "own") if HAS_OWN_SPANS else ("own",)


@contextmanager
def _in_a_context_of_the_application() -> Generator[None]:
    """Not the empty one, of which less is asked."""
    token = attach(set_value("application", "value"))
    yield
    detach(token)


@pytest.mark.alternates
@pytest.mark.parametrize("flavor", FLAVORS)
@pytest.mark.parametrize(
    ("entry", "spans"), [(entry, spans) for entry in ENTRIES for spans in SPANS if ONLY_WITH.get(entry, spans) == spans]
)
def test_an_internal_error_harms_no_call_and_is_counted(
    server: FaultServer, exported: Exported, monkeypatch: pytest.MonkeyPatch, entry: str, flavor: str, spans: str
) -> None:
    wanted = {(style, model): bare(style, flavor, server, model, spans) for style in CALL_STYLES for model in MODELS}
    owner, name, broken = ENTRIES[entry]
    monkeypatch.setattr(owner, name, broken(getattr(owner, name)))
    provider = exported.tracer_provider if spans == "sdk" else None
    found: dict[tuple[str, str], tuple[Any, ...]] = {}
    for style, model in wanted:
        with spied() as raised, observed(exported), _in_a_context_of_the_application():
            seen = run(STYLES[style], flavor, server, parse(model), provider)
        found[style, model] = observable(seen, raised)

    assert found == wanted
    assert sum(point.value for point in exported.metrics()["midstream.telemetry.errors"]) > 0


def stopped_early(server: FaultServer) -> Any:
    with client(server, parse("ok")) as made, streamed(made) as stream:
        assert next(iter(stream)).type == "message_start"
    return stream


async def stopped_early_async(server: FaultServer) -> Any:
    async with async_client(server, parse("ok")) as made, await streamed(made) as stream:
        assert (await anext(aiter(stream))).type == "message_start"
    return stream


def streamed(made: Any) -> Any:
    return made.messages.create(model="ok", max_tokens=1, messages=[{"role": "user", "content": "hi"}], stream=True)


@pytest.mark.parametrize("flavor", FLAVORS)
def test_an_internal_error_while_the_application_closes_a_stream_is_contained(
    server: FaultServer, exported: Exported, monkeypatch: pytest.MonkeyPatch, flavor: str
) -> None:
    monkeypatch.setattr(StreamWatch, "closed", raising)
    with observed(exported):
        stream = stopped_early(server) if flavor == "sync" else asyncio.run(stopped_early_async(server))
    assert stream.response.is_closed
    assert sum(point.value for point in exported.metrics()["midstream.telemetry.errors"]) > 0


def contained(exported: Exported) -> dict[str, float]:
    found = exported.counted("midstream.telemetry.errors")
    return {point.attributes["midstream.component"]: point.value for point in found}


@pytest.mark.parametrize("then", ["another instrument()", "a fixture for tests", "nothing"])
def test_an_internal_error_is_counted_by_the_provider_of_its_call(
    server: FaultServer, exported: Exported, monkeypatch: pytest.MonkeyPatch, then: str
) -> None:
    other = Exported()
    later: dict[str, Callable[[], Any]] = {
        "another instrument()": lambda: observed(other),
        "a fixture for tests": recorded_calls,
        "nothing": nullcontext,
    }
    with client(server, parse("ok")) as made:
        with observed(exported):
            stream = streamed(made)
            next(stream)
        with later[then]():
            monkeypatch.setattr(StreamWatch, "read", raising)
            list(stream)
    assert (contained(exported), contained(other)) == ({"calls": 1}, {})
    other.shutdown()


def test_an_ended_observation_lives_until_its_last_call_has_ended_and_no_longer(
    server: FaultServer, exported: Exported
) -> None:
    def alive() -> set[str]:
        gc.collect()
        return {type(one).__name__ for one in gc.get_objects() if type(one) in (Recorder, Guards, Guard, ObservedCall)}

    with no_collector(), client(server, parse("ok")) as made:
        with observed(exported):
            stream = streamed(made)
            next(stream)
        assert alive() == {"Recorder", "Guards", "Guard", "ObservedCall"}
        list(stream)
        del stream
        # The provider keeps what counts its open streams.
        assert alive() <= {"Guard"}
