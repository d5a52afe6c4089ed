"""A call that ended -> span attributes, metrics, one log event."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.metrics import NoOpCounter, NoOpHistogram

from midstream._guard import UNCOUNTED, Guards
from midstream._outcomes.classify import bounded_error_type
from midstream._telemetry.bounds import Bounds
from midstream._telemetry.contract import (
    CALL_ATTRIBUTES,
    COUNTER_DEFAULTS,
    EVENT_NAME,
    METRICS,
    NEXT_METRICS,
    NORMAL_FLAGS,
    OPEN_STREAMS,
    VERDICT_ATTRIBUTES,
    Instrument,
    Metric,
    Value,
    When,
    metrics_with,
)
from midstream._telemetry.log_events import log_events
from midstream._telemetry.measurements import CHUNK_TIMES, measurements_with
from midstream._telemetry.open_streams import OpenStreams
from midstream._telemetry.scope import GenAIMetrics
from midstream._telemetry.spans import EnrichedSpan, OwnSpan, SilentSpan, sdk_span
from midstream._telemetry.stacktrace import stacktrace

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from opentelemetry.context import Context
    from opentelemetry.metrics import Meter

    from midstream._outcomes import Failure
    from midstream._telemetry.call_record import CallRecord, Request
    from midstream._telemetry.signals import Signals
    from midstream._telemetry.spans import CallSpan


Attributes = dict[str, Value]


class Recorder:
    """Tells what happened to calls. Every step is contained by itself: a fault in one does not silence the others."""

    def __init__(self, signals: Signals, *, spans: bool, genai_metrics: GenAIMetrics = GenAIMetrics.V1_41) -> None:
        self._tracer = signals.tracer
        self._log_events = log_events(signals.logger, EVENT_NAME)
        self.guards = Guards(_fault_counter(signals.meter))
        self._open_streams = OpenStreams.of(signals.meter, signals.meter_provider, self.guards.metrics)
        self._spans = spans
        self._bounds = Bounds()
        self._seen: set[tuple[object, ...]] = set()
        # Of two kinds, each with its own method; the names of the contract say which.
        self._instruments: dict[str, Any] = {
            m.name: _instrument(signals.meter, m, self.guards)
            for m in metrics_with(genai_metrics)
            if m is not OPEN_STREAMS
        }
        self._measurements = measurements_with(genai_metrics)
        self._chunk_times = CHUNK_TIMES[genai_metrics]

    def first_seen(self, request: Request) -> None:
        """Creates the series of all outcomes for a kind of call, so that `rate()` sees the first failure too."""
        model = self._bounds.value("gen_ai.request.model", request.model)
        key = (request.operation, request.provider, model, request.stream)
        if key in self._seen:
            return
        self._seen.add(key)
        known = self._bounds.of(request.attributes)
        for outcome, (leaked, misreported) in NORMAL_FLAGS.items():
            with self.guards.metrics:
                flags = {
                    "midstream.outcome": outcome.value,
                    "midstream.leaked": leaked,
                    "midstream.misreported": misreported,
                }
                self._add("midstream.client.operations", 0, {**COUNTER_DEFAULTS, **known, **flags}, None)

    def own_span(self, request: Request, entered_in: Context, started_ns: int) -> CallSpan:
        """A span of ours, or none if spans are off or cannot be made: one that cannot is tried once."""
        with self.guards.spans:
            if self._spans:
                operation = request.operation._value_
                name = f"{operation} {request.model}" if request.model else operation
                return OwnSpan(self._tracer, name, request.attributes, entered_in, started_ns, spans=self.guards.spans)
        return SilentSpan(entered_in)

    def span_within(self, request: Request, entered_in: Context, started_ns: int) -> CallSpan:
        """The span of a call of which it is open whether the SDK has one. To be asked inside the SDK's."""
        with self.guards.spans:
            span = sdk_span(entered_in)
            if span is None:
                return self.own_span(request, entered_in, started_ns)
            if self._spans and span.is_recording():
                return EnrichedSpan(span, entered_in, spans=self.guards.spans)
        return SilentSpan(entered_in)

    def stream_opened(self, call: int, request: Request) -> None:
        """The live stream of the call with the id `call` has begun."""
        with self.guards.metrics:
            known = self._bounds.of(request.attributes)
            self._open_streams.opened(call, self._bounds.series(OPEN_STREAMS.name, known))

    def stream_closed(self, call: int) -> None:
        """It has ended."""
        self._open_streams.closed(call)

    def forked(self) -> None:
        """This process is a forked child. Calls nothing of OpenTelemetry."""
        self._open_streams.forked()

    def chunk(self, request: Request, model: str | None, seconds: float, where: Context) -> None:
        """A piece of content has come from `model`, `seconds` after the one before it."""
        with self.guards.metrics:
            answering: Attributes = {} if model is None else {"gen_ai.response.model": model}
            known = self._bounds.of({**request.attributes, **answering})
            for name in self._chunk_times:
                self._record(name, seconds, known, where)

    def ended(self, ended: CallRecord, span: CallSpan, error: BaseException | None) -> None:
        """Tells a call that ended. `error` is the exception that the application got, if it got one."""
        found: Attributes = {}
        with self.guards.calls:
            verdict = ended.verdict
            table = CALL_ATTRIBUTES if verdict.failure is not None else _OF_A_STREAM if verdict.opened else _OF_A_CALL
            found = {a.name: value for a in table if (value := a.value(ended)) is not None}
        attributes = {**ended.request.attributes, **found}
        # What is raised for the application, as Ctrl-C in an exporter is, passes, and the rest is told all the same.
        try:
            with self.guards.spans:
                failure = None if ended.verdict.failure is None else str(ended.verdict.failure)
                span.finish(ended.request.attributes, found, failure, time.time_ns())
        finally:
            try:
                self._record_metrics(ended, attributes, span.context)
            finally:
                if ended.verdict.failure is not None:
                    with self.guards.logs:
                        self._emit_event(ended.verdict.failure, attributes, span.context, error)

    def _record_metrics(self, ended: CallRecord, attributes: Attributes, where: Context) -> None:
        verdict = ended.verdict
        known = self._bounds.of(attributes)
        for name, default in COUNTER_DEFAULTS.items():
            known.setdefault(name, default)
        if verdict.failure is not None:
            known["error.type"] = bounded_error_type(verdict.failure)
        for measurement in self._measurements[ended.request.operation]:
            value = measurement.value(ended)
            if value is not None:
                with self.guards.metrics:
                    tell = self._add if measurement.metric in _COUNTERS else self._record
                    tell(measurement.metric, value, {**known, **measurement.more} if measurement.more else known, where)

    def _emit_event(
        self, failure: Failure, attributes: Attributes, where: Context, error: BaseException | None
    ) -> None:
        if not self._log_events.wanted(where):
            return
        line = str(failure)
        exception: Attributes = {"exception.message": failure.message or line}
        if failure.exception_type is not None:
            exception["exception.type"] = failure.exception_type
            if error is not None:
                exception["exception.stacktrace"] = stacktrace(error)
        if failure.code is not None:
            exception["midstream.error.code"] = failure.code
        verdict = {name: value for name, value in attributes.items() if name in VERDICT_ATTRIBUTES}
        rest = {name: value for name, value in attributes.items() if name not in verdict}
        self._log_events.emit(line, {**rest, **exception, **verdict}, where)

    def _add(self, name: str, value: float, known: Mapping[str, Value], where: Context | None) -> None:
        self._instruments[name].add(value, self._bounds.series(name, known), context=where)

    def _record(self, name: str, value: float, known: Mapping[str, Value], where: Context | None) -> None:
        # A clock that failed says not-a-number, which would spoil the sum of the histogram for good.
        if math.isfinite(value):
            self._instruments[name].record(value, self._bounds.series(name, known), context=where)


_OF_A_CALL: Final = tuple(a for a in CALL_ATTRIBUTES if a.when is When.CALL)
_OF_A_STREAM: Final = tuple(a for a in CALL_ATTRIBUTES if a.when in {When.CALL, When.STREAM})
"""What a call can have that did not fail."""
_COUNTERS: Final = frozenset(
    metric.name for metric in (*METRICS, *NEXT_METRICS) if metric.instrument is Instrument.COUNTER
)


def _fault_counter(meter: Meter) -> Callable[[str], None]:
    """Counts faults of our own, by component. Holds the instrument and nothing else of a recorder."""
    (metric,) = (one for one in METRICS if one.name == "midstream.telemetry.errors")
    counter = _instrument(meter, metric, UNCOUNTED)

    def count(component: str) -> None:
        counter.add(1, {"midstream.component": component})

    return count


def _instrument(meter: Meter, metric: Metric, guards: Guards) -> Any:
    """The instrument of `metric`; one that does nothing where `meter` cannot make it, so that the others stay."""
    with guards.metrics:
        made = _made_by(meter, metric)
        if made is not None:
            return made
        message = f"the meter made no {metric.instrument.value}"
        raise TypeError(message)
    return NoOpHistogram(metric.name) if metric.instrument is Instrument.HISTOGRAM else NoOpCounter(metric.name)


def _made_by(meter: Meter, metric: Metric) -> Any:
    if metric.instrument is Instrument.COUNTER:
        return meter.create_counter(metric.name, metric.unit, metric.brief)
    return meter.create_histogram(
        metric.name, metric.unit, metric.brief, explicit_bucket_boundaries_advisory=metric.buckets
    )
