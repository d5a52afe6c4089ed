"""The benchmarks catch the telemetry of a call, and record the same by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from by_hand import by_hand
from opentelemetry._logs import SeverityNumber
from opentelemetry.metrics import Observation
from opentelemetry.trace import SpanKind, Status, StatusCode
from recorded import EndedSpan, Instrument, LogEvent, Measurement, Recorded, recorded
from subjects import Providers

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

_TELEMETRY = Recorded(
    measurements=(
        Measurement(_COUNTER, 1, {"which": "first"}),
        Measurement(_UP_AND_DOWN, -1, {}),
        Measurement(_HISTOGRAM, 0.75, {"which": "second", "how_many": 3}),
        Measurement(_COUNTER, 2, {"which": "third"}),
        Measurement(_GAUGE, 7, {"which": "fourth"}),
    ),
    spans=(
        EndedSpan("a span", SpanKind.CLIENT, {"text": "a", "number": 1, "flag": True}, StatusCode.ERROR, "why"),
        EndedSpan("another", SpanKind.INTERNAL, {}),
    ),
    events=(LogEvent("an.event", SeverityNumber.WARN, "WARN", "a body", {"which": "fifth"}),),
)


def _record_all(given: Providers) -> None:
    meter = given.meter_provider.get_meter("an application")
    counter = meter.create_counter("a.counter", "{call}", "Calls.")
    counter.add(1, {"which": "first"})
    meter.create_up_down_counter(name="an.up_and_down").add(-1)
    histogram = meter.create_histogram("a.histogram", "s", explicit_bucket_boundaries_advisory=(0.5, 1.0, 2.0))
    histogram.record(0.75, attributes={"which": "second", "how_many": 3})
    counter.add(amount=2, attributes={"which": "third"})
    meter.create_gauge("a.gauge").set(7, {"which": "fourth"})
    tracer = given.tracer_provider.get_tracer("an application")
    span = tracer.start_span("a span", kind=SpanKind.CLIENT, attributes={"text": "a"})
    span.set_attributes({"number": 1, "flag": True})
    span.set_status(Status(StatusCode.ERROR, "why"))
    span.end()
    tracer.start_span("another").end()
    given.logger_provider.get_logger("an application").emit(
        severity_number=SeverityNumber.WARN,
        severity_text="WARN",
        body="a body",
        event_name="an.event",
        attributes={"which": "fifth"},
    )


def test_everything_that_is_recorded_is_caught() -> None:
    assert recorded(_record_all) == _TELEMETRY


def test_by_hand_the_same_is_recorded_each_time() -> None:
    def twice(given: Providers) -> None:
        record = by_hand(_TELEMETRY, given)
        record()
        record()

    by_hand_twice = recorded(twice)
    assert by_hand_twice.after(_TELEMETRY) == _TELEMETRY
    assert by_hand_twice == Recorded(_TELEMETRY.measurements * 2, _TELEMETRY.spans * 2, _TELEMETRY.events * 2)


def test_observable_instruments_are_not_part_of_a_call() -> None:
    observed: list[str] = []

    def observe(_: CallbackOptions) -> Iterable[Observation]:
        observed.append("once")
        yield Observation(1)

    def run(given: Providers) -> None:
        given.meter_provider.get_meter("an application").create_observable_up_down_counter("open", [observe])
        given.meter_provider.force_flush()

    assert recorded(run) == Recorded()
    assert observed == ["once"]


def test_the_last_call_is_the_difference_of_two_calls_and_one() -> None:
    def calls(times: int) -> Recorded:
        def run(given: Providers) -> None:
            counter = given.meter_provider.get_meter("an application").create_counter("calls")
            counter.add(0, {"which": "first call only"})
            for number in range(times):
                counter.add(1, {"which": number})

        return recorded(run)

    assert [measurement.attributes for measurement in calls(2).after(calls(1)).measurements] == [{"which": 1}]


def test_beyond_a_base_are_new_items_and_additions_to_its_spans() -> None:
    base = Recorded(
        measurements=(Measurement(_COUNTER, 1, {}),),
        spans=(EndedSpan("a span", SpanKind.CLIENT, {"kept": 1, "seconds": 0.1}),),
    )
    more = Recorded(
        measurements=(*base.measurements, Measurement(_HISTOGRAM, 1, {})),
        spans=(
            EndedSpan("a span", SpanKind.CLIENT, {"kept": 1, "seconds": 0.2, "new": 3}, StatusCode.ERROR, "why"),
            EndedSpan("another", SpanKind.CLIENT, {}),
        ),
        events=_TELEMETRY.events,
    )
    assert more.beyond(base) == Recorded(
        measurements=(Measurement(_HISTOGRAM, 1, {}),),
        spans=(EndedSpan("another", SpanKind.CLIENT, {}),),
        events=_TELEMETRY.events,
        added=(EndedSpan("a span", SpanKind.CLIENT, {"new": 3}, StatusCode.ERROR, "why"),),
    )
    assert base.beyond(base) == Recorded()


def test_by_hand_an_addition_to_a_span_of_another_instrumentation_is_made_again() -> None:
    added = EndedSpan("theirs", SpanKind.CLIENT, {"new": 3}, StatusCode.ERROR, "why")

    def run(given: Providers) -> None:
        record = by_hand(Recorded(added=(added,)), given)
        tracer = given.tracer_provider.get_tracer("an application")
        tracer.start_span("theirs", kind=SpanKind.CLIENT, attributes={"kept": 1}).end()
        tracer.start_span("another").end()
        record()

    theirs, other = recorded(run).spans
    assert theirs == EndedSpan("theirs", SpanKind.CLIENT, {"kept": 1, "new": 3}, StatusCode.ERROR, "why")
    assert other.attributes == {}


@pytest.mark.parametrize("span", ["new", "of another instrumentation"])
def test_by_hand_everything_is_recorded_in_the_context_of_the_span(span: str) -> None:
    ended = (EndedSpan("a span", SpanKind.CLIENT, {"new": 3}),)
    spans, added = (ended, ()) if span == "new" else ((), ended)
    exported = Exported()
    record = by_hand(
        Recorded(_TELEMETRY.measurements[2:3], spans, _TELEMETRY.events, added), Providers(**exported.providers)
    )
    if added:
        exported.tracer_provider.get_tracer("an application").start_span("a span").end()
    record()
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
    return [found for metric in scope.metrics for point in metric.data.data_points for found in point.exemplars]
