"""What the benchmarks catch of the telemetry of a call, and say again by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from by_hand import by_hand
from opentelemetry._logs import SeverityNumber
from opentelemetry.metrics import Observation
from opentelemetry.trace import SpanKind, Status, StatusCode
from subjects import Providers
from telling import Event, Instrument, Record, Span, Told, told

from support.exported import Exported

if TYPE_CHECKING:
    from collections.abc import Iterable

    from opentelemetry.metrics import CallbackOptions
    from opentelemetry.sdk.metrics import Exemplar

_COUNTER = Instrument("create_counter", ("a.counter", "{call}", "Calls."), {})
_UP_AND_DOWN = Instrument("create_up_down_counter", (), {"name": "an.up_and_down"})
_HISTOGRAM = Instrument(
    "create_histogram", ("a.histogram", "s"), {"explicit_bucket_boundaries_advisory": (0.5, 1.0, 2.0)}
)
_GAUGE = Instrument("create_gauge", ("a.gauge",), {})

_TOLD = Told(
    records=(
        Record(_COUNTER, 1, {"which": "first"}),
        Record(_UP_AND_DOWN, -1, {}),
        Record(_HISTOGRAM, 0.75, {"which": "second", "how_many": 3}),
        Record(_COUNTER, 2, {"which": "third"}),
        Record(_GAUGE, 7, {"which": "fourth"}),
    ),
    spans=(
        Span("a span", SpanKind.CLIENT, {"text": "a", "number": 1, "flag": True}, StatusCode.ERROR, "why"),
        Span("another", SpanKind.INTERNAL, {}),
    ),
    events=(Event("an.event", SeverityNumber.WARN, "WARN", "a body", {"which": "fifth"}),),
)


def _tell_it_all(given: Providers) -> None:
    meter = given.meter_provider.get_meter("somebody")
    counter = meter.create_counter("a.counter", "{call}", "Calls.")
    counter.add(1, {"which": "first"})
    meter.create_up_down_counter(name="an.up_and_down").add(-1)
    histogram = meter.create_histogram("a.histogram", "s", explicit_bucket_boundaries_advisory=(0.5, 1.0, 2.0))
    histogram.record(0.75, attributes={"which": "second", "how_many": 3})
    counter.add(amount=2, attributes={"which": "third"})
    meter.create_gauge("a.gauge").set(7, {"which": "fourth"})
    tracer = given.tracer_provider.get_tracer("somebody")
    span = tracer.start_span("a span", kind=SpanKind.CLIENT, attributes={"text": "a"})
    span.set_attributes({"number": 1, "flag": True})
    span.set_status(Status(StatusCode.ERROR, "why"))
    span.end()
    tracer.start_span("another").end()
    given.logger_provider.get_logger("somebody").emit(
        severity_number=SeverityNumber.WARN,
        severity_text="WARN",
        body="a body",
        event_name="an.event",
        attributes={"which": "fifth"},
    )


def test_everything_that_is_told_is_caught_with_how_it_was_told() -> None:
    assert told(_tell_it_all) == _TOLD


def test_by_hand_the_same_is_said_each_time() -> None:
    def twice(given: Providers) -> None:
        say = by_hand(_TOLD, given)
        say()
        say()

    said = told(twice)
    assert said.after(_TOLD) == _TOLD
    assert said == Told(_TOLD.records * 2, _TOLD.spans * 2, _TOLD.events * 2)


def test_what_is_observed_when_metrics_are_collected_is_not_of_the_call() -> None:
    observed: list[str] = []

    def observe(_: CallbackOptions) -> Iterable[Observation]:
        observed.append("once")
        yield Observation(1)

    def run(given: Providers) -> None:
        given.meter_provider.get_meter("somebody").create_observable_up_down_counter("open", [observe])
        given.meter_provider.force_flush()

    assert told(run) == Told()
    assert observed == ["once"]


def test_the_last_call_is_what_two_tell_after_one() -> None:
    def calls(times: int) -> Told:
        def run(given: Providers) -> None:
            counter = given.meter_provider.get_meter("somebody").create_counter("calls")
            counter.add(0, {"which": "once and for all"})
            for number in range(times):
                counter.add(1, {"which": number})

        return told(run)

    assert [one.attributes for one in calls(2).after(calls(1)).records] == [{"which": 1}]


def test_what_is_beyond_a_base_is_what_it_does_not_tell_and_what_its_spans_were_given() -> None:
    base = Told(
        records=(Record(_COUNTER, 1, {}),),
        spans=(Span("a span", SpanKind.CLIENT, {"kept": 1, "seconds": 0.1}),),
    )
    more = Told(
        records=(*base.records, Record(_HISTOGRAM, 1, {})),
        spans=(
            Span("a span", SpanKind.CLIENT, {"kept": 1, "seconds": 0.2, "new": 3}, StatusCode.ERROR, "why"),
            Span("another", SpanKind.CLIENT, {}),
        ),
        events=_TOLD.events,
    )
    assert more.beyond(base) == Told(
        records=(Record(_HISTOGRAM, 1, {}),),
        spans=(Span("another", SpanKind.CLIENT, {}),),
        events=_TOLD.events,
        added=(Span("a span", SpanKind.CLIENT, {"new": 3}, StatusCode.ERROR, "why"),),
    )
    assert base.beyond(base) == Told()


def test_by_hand_what_was_added_to_a_span_of_somebody_else_is_added_to_that() -> None:
    added = Span("theirs", SpanKind.CLIENT, {"new": 3}, StatusCode.ERROR, "why")

    def run(given: Providers) -> None:
        say = by_hand(Told(added=(added,)), given)
        tracer = given.tracer_provider.get_tracer("somebody")
        tracer.start_span("theirs", kind=SpanKind.CLIENT, attributes={"kept": 1}).end()
        tracer.start_span("of nobody's interest").end()
        say()

    theirs, other = told(run).spans
    assert theirs == Span("theirs", SpanKind.CLIENT, {"kept": 1, "new": 3}, StatusCode.ERROR, "why")
    assert other.attributes == {}


@pytest.mark.parametrize("whose", ["its own", "somebody else's"])
def test_by_hand_all_is_said_in_the_context_of_the_span(whose: str) -> None:
    one = (Span("a span", SpanKind.CLIENT, {"new": 3}),)
    spans, added = (one, ()) if whose == "its own" else ((), one)
    exported = Exported()
    say = by_hand(Told(_TOLD.records[2:3], spans, _TOLD.events, added), Providers(**exported.providers))
    if added:
        exported.tracer_provider.get_tracer("somebody").start_span("a span").end()
    say()
    context = exported.span.context
    assert context is not None
    (log,) = exported.logs
    assert log.log_record.span_id == context.span_id
    assert [exemplar.span_id for exemplar in _exemplars(exported)] == [context.span_id]


def _exemplars(exported: Exported) -> list[Exemplar]:
    data = exported.metrics_in_memory.get_metrics_data()
    assert data is not None
    (resource,) = data.resource_metrics
    (scope,) = resource.scope_metrics
    return [one for metric in scope.metrics for point in metric.data.data_points for one in point.exemplars]
