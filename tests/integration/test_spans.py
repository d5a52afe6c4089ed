"""One span per call, always: the SDK's own or one of ours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pytest
from opentelemetry import trace
from opentelemetry.instrumentation.utils import suppress_instrumentation
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, Decision, SamplingResult, StaticSampler
from opentelemetry.trace import SpanKind

from midstream.faults import parse
from support.clients import HAS_OWN_SPANS, client
from support.styles import STYLES, arguments, see

if TYPE_CHECKING:
    from midstream.faults import FaultServer
    from support.exported import Exported

LOOP = STYLES["create(stream=True) in a loop"]
needs_sdk_spans = pytest.mark.skipif(not HAS_OWN_SPANS, reason="this SDK makes no spans (below 1.14)")


def call(server: FaultServer, model: str = "ok", spans: TracerProvider | None = None) -> None:
    with client(server, parse(model), spans) as made:
        see(LOOP, made, model)


@needs_sdk_spans
def test_the_sdks_span_keeps_its_name_its_parent_and_its_times(server: FaultServer, instrumented: Any) -> None:
    with instrumented() as exported:
        provider = exported.tracer_provider
        with provider.get_tracer("application").start_as_current_span("work") as parent:
            with client(server, parse("slow:20"), provider) as made:
                stream = made.messages.create(**arguments("slow:20"), stream=True)
                events = sum(1 for _ in stream)
    sdk, work = exported.spans
    assert events == 9
    assert (sdk.name, sdk.kind) == ("anthropic.messages.create", SpanKind.CLIENT)
    assert sdk.parent is not None
    assert sdk.parent.span_id == parent.get_span_context().span_id
    # Nine events, 20 ms apart: the span lasts as long as the stream, and not longer than the work around it.
    assert sdk.end_time - sdk.start_time > 8 * 20_000_000
    assert work.start_time <= sdk.start_time
    assert sdk.end_time <= work.end_time


@needs_sdk_spans
def test_a_sampled_out_span_of_the_sdk_is_not_replaced_and_the_metrics_stay(
    server: FaultServer, exported: Exported, instrumented: Any
) -> None:
    with instrumented():
        call(server, "reset", TracerProvider(sampler=ALWAYS_OFF))
    assert exported.spans == []
    assert exported.outcomes() == {"transport_error": 1}
    assert len(exported.logs) == 1


@needs_sdk_spans
def test_without_any_provider_of_the_sdks_the_span_is_ours(
    server: FaultServer, exported: Exported, instrumented: Any
) -> None:
    """The SDK's tracer is then the API's, which records nothing."""
    with instrumented():
        call(server, spans=cast("TracerProvider", trace.ProxyTracerProvider()))
    assert exported.span.name == "chat ok"


def test_an_own_span_is_the_parent_of_what_happens_during_the_request(
    server: FaultServer, exported: Exported, instrumented: Any
) -> None:
    seen: list[trace.Span] = []

    def note(_request: object) -> None:
        seen.append(trace.get_current_span())

    with instrumented(), client(server, parse("ok")) as made:
        made._client.event_hooks = {"request": [note]}
        see(LOOP, made, "ok")
    assert exported.span.context is not None
    assert [span.get_span_context() for span in seen] == [exported.span.context]
    assert not trace.get_current_span().is_recording()


def test_a_span_of_ours_is_a_child_of_the_applications_and_two_calls_are_two_spans(
    server: FaultServer, exported: Exported, instrumented: Any
) -> None:
    with instrumented(), exported.tracer_provider.get_tracer("application").start_as_current_span("work") as work:
        with client(server, parse("ok")) as made:
            streams = [made.messages.create(**arguments("ok"), stream=True) for _ in range(2)]
            for events in zip(*streams, strict=True):
                made.messages.create(**arguments("ok"))
                assert events[0].type == events[1].type
            assert trace.get_current_span() is work
    calls = [span for span in exported.spans if span.name == "chat ok"]
    assert len(calls) == 2 + 9
    assert {span.parent.span_id for span in calls if span.parent} == {work.get_span_context().span_id}


def test_suppressed_instrumentation_records_nothing(server: FaultServer, exported: Exported, instrumented: Any) -> None:
    with instrumented(), suppress_instrumentation():
        call(server, "reset")
    assert (exported.spans, exported.logs, exported.metrics()) == ([], [], {})


@pytest.mark.parametrize("spans", ["sdk", "own"] if HAS_OWN_SPANS else ["own"])
def test_spans_off_leaves_the_metrics_and_the_log_event(
    server: FaultServer, exported: Exported, instrumented: Any, spans: str
) -> None:
    with instrumented(spans=False):
        call(server, "in_band:overloaded_error", exported.tracer_provider if spans == "sdk" else None)
    if spans == "sdk":
        attributes = exported.span.attributes or {}
        assert [name for name in attributes if name.startswith("midstream.")] == []
        assert exported.span.status.description is None
    else:
        assert exported.spans == []
    assert exported.outcomes() == {"in_band_error": 1}
    assert len(exported.logs) == 1


def test_what_a_sampler_may_ask_for_is_there_when_the_span_starts(server: FaultServer, instrumented: Any) -> None:
    asked: list[dict[str, Any]] = []

    class Asking(StaticSampler):
        def should_sample(self, *args: Any, **kwargs: Any) -> SamplingResult:
            attributes = args[4] if len(args) > 4 else kwargs["attributes"]
            asked.append(dict(attributes))
            attributes.clear()  # as a sampler may
            return super().should_sample(*args, **kwargs)

    with instrumented(tracer_provider=TracerProvider(sampler=Asking(Decision.DROP))):
        call(server)
        call(server)
    assert (
        asked
        == [
            {
                "gen_ai.operation.name": "chat",
                "gen_ai.provider.name": "anthropic",
                "gen_ai.request.model": "ok",
                "gen_ai.request.stream": True,
                "gen_ai.request.max_tokens": 64,
                "server.address": server.host,
                "server.port": server.port,
            }
        ]
        * 2
    )
