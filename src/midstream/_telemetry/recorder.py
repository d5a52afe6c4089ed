"""A call that ended -> span attributes, metrics, one log event."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.metrics import NoOpCounter, NoOpHistogram

from midstream._guard import UNCOUNTED, Guards
from midstream._telemetry.attributes import VERDICT_ATTRIBUTES, call_attributes, request_attributes
from midstream._telemetry.log_events import log_events
from midstream._telemetry.metrics import (
    OPEN_STREAMS,
    TELEMETRY_ERRORS,
    TOTALS,
    Instrument,
    Metric,
    chunk_metrics,
    metrics_with,
)
from midstream._telemetry.open_streams import OpenStreams
from midstream._telemetry.scope import EVENT_NAME, GenAIMetrics
from midstream._telemetry.sdk_span import SdkSpan, sdk_span
from midstream._telemetry.series import CallSeries
from midstream._telemetry.spans import OwnSpan, SilentSpan
from midstream._telemetry.stacktrace import stacktrace
from midstream._telemetry.stderr_lines import write_failure
from midstream._telemetry.totals import Totals

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from opentelemetry.context import Context
    from opentelemetry.metrics import Meter

    from midstream._outcomes import Failure
    from midstream._telemetry.call_record import CallRecord, CallRequest, Value
    from midstream._telemetry.signals import Signals
    from midstream._telemetry.spans import CallSpan


_COUNTER: Final = Instrument.COUNTER


class Recorder:
    """Records what happened to calls. Every step has its own guard: a fault in one does not silence the others."""

    def __init__(
        self,
        signals: Signals,
        *,
        spans: bool,
        genai_metrics: GenAIMetrics = GenAIMetrics.V1_41,
        log_lines: bool = False,
    ) -> None:
        self._tracer = signals.tracer
        self._write_failure = write_failure if log_lines else None
        self._log_events = log_events(signals.logger, EVENT_NAME)
        self.guards = Guards(_fault_counter(signals.meter))
        self._open_streams = OpenStreams.of(signals.meter, signals.meter_provider, self.guards.metrics)
        self._spans = spans
        self._records: Final = {
            metric.name: _recording(metric, _instrument(signals.meter, metric, self.guards))
            for metric in metrics_with(genai_metrics)
            if metric is not OPEN_STREAMS and metric not in TOTALS
        }
        totals = Totals.of(signals.meter, signals.meter_provider, self.guards.metrics)
        self._series: Final = CallSeries(self._records, totals, self._open_streams, genai_metrics)
        self._chunk_metrics = chunk_metrics(genai_metrics)

    def first_seen(self, request: CallRequest) -> None:
        """Creates the series of all outcomes for a kind of call, so that `rate()` sees the first failure too."""
        try:
            self._series.of(request)
        except Exception:
            if not self.guards.metrics.contains_error():
                raise

    def own_span(self, request: CallRequest, entered_in: Context, started_ns: int) -> CallSpan:
        """A span of ours, or none if spans are off or the tracer cannot start one, which is tried once."""
        try:
            if self._spans:
                return OwnSpan(self._tracer, request, entered_in, started_ns, spans=self.guards.spans)
        except Exception:
            if not self.guards.spans.contains_error():
                raise
        return SilentSpan(entered_in)

    def span_within(self, request: CallRequest, entered_in: Context, started_ns: int) -> CallSpan:
        """The span of a call for which the SDK may have a span. To be called inside the SDK's."""
        try:
            span = sdk_span(entered_in)
            if span is None:
                return self.own_span(request, entered_in, started_ns)
            if self._spans and span.is_recording():
                return SdkSpan(span, entered_in, spans=self.guards.spans)
        except Exception:
            if not self.guards.spans.contains_error():
                raise
        return SilentSpan(entered_in)

    def stream_opened(self, call: object, request: CallRequest) -> None:
        """The live stream of `call` has begun. What stands for the call is kept until the stream has ended."""
        try:
            self._open_streams.opened(call, self._series.open_stream(request))
        except Exception:
            if not self.guards.metrics.contains_error():
                raise

    def stream_closed(self, call: object) -> None:
        """It has ended."""
        self._open_streams.closed(call)

    def forked(self) -> None:
        """This process is a forked child. Calls nothing of OpenTelemetry."""
        self._open_streams.forked()

    def chunk(self, request: CallRequest, model: str | None, seconds: float, where: Context) -> None:
        """A piece of content has come from `model`, `seconds` after the previous one."""
        with self.guards.metrics:
            answering: dict[str, Value] = {} if model is None else {"gen_ai.response.model": model}
            limits = self._series.limits
            known = limits.of({**request_attributes(request), **answering})
            for metric in self._chunk_metrics if math.isfinite(seconds) else ():
                self._records[metric.name](seconds, limits.series(metric.name, known), context=where)

    def ended(self, call: CallRecord, span: CallSpan, error: BaseException | None) -> None:
        """Records a call that ended. `error` is the exception that the SDK raised, if it raised one."""
        failure = call.verdict.failure
        result: dict[str, Value] = {}
        try:
            result = call_attributes(call)
        except Exception:
            if not self.guards.calls.contains_error():
                raise
        line = None if failure is None else str(failure)
        # An exception for the application, such as Ctrl-C in an exporter, passes through after the rest is recorded.
        try:
            span.finish(call.request, result, line, time.time_ns())
        except Exception:
            if not self.guards.spans.contains_error():
                raise
        finally:
            try:
                self._record_metrics(call, span.context)
            finally:
                if failure is not None and line is not None:
                    if self._write_failure is not None:
                        with self.guards.logs:
                            self._write_failure(failure, call.request_id)
                    try:
                        where = span.context
                        if self._log_events.wanted(where):
                            attributes = {**request_attributes(call.request), **result}
                            self._emit_event(failure, line, attributes, where, error)
                    except Exception:
                        if not self.guards.logs.contains_error():
                            raise

    def _record_metrics(self, call: CallRecord, where: Context) -> None:
        try:
            end = self._series.end_of(call)
        except Exception:
            if not self.guards.metrics.contains_error():
                raise
            return
        for add in end.added:
            add()
        for add, times in end.added_often:
            for _ in range(int(times(call) or 0)):
                add()
        for each in end.recorded:
            try:
                value = each.value(call)
                # A broken clock returns not-a-number, which would spoil the sum of a histogram permanently.
                if value is not None and math.isfinite(value):
                    each.record(value, each.attributes or self._series.attributes_of(each), where)
            except Exception:  # noqa: PERF203 - an internal error loses one value
                if not self.guards.metrics.contains_error():
                    raise

    def _emit_event(
        self,
        failure: Failure,
        line: str,
        attributes: Mapping[str, Value],
        where: Context,
        error: BaseException | None,
    ) -> None:
        exception: dict[str, Value] = {"exception.message": failure.message or line}
        if failure.exception_type is not None:
            exception["exception.type"] = failure.exception_type
            if error is not None:
                exception["exception.stacktrace"] = stacktrace(error)
        if failure.code is not None:
            exception["midstream.error.code"] = failure.code
        verdict = {name: value for name, value in attributes.items() if name in VERDICT_ATTRIBUTES}
        rest = {name: value for name, value in attributes.items() if name not in verdict}
        self._log_events.emit(line, {**rest, **exception, **verdict}, where)


def _fault_counter(meter: Meter) -> Callable[[str], None]:
    """Counts internal errors by component. Refers to the instrument and to nothing else of a recorder."""
    counter = _instrument(meter, TELEMETRY_ERRORS, UNCOUNTED)

    def count(component: str) -> None:
        counter.add(1, {"midstream.component": component})

    return count


def _instrument(meter: Meter, metric: Metric, guards: Guards) -> Any:
    """The instrument of `metric`; a silent one where `meter` cannot create it, so that the others work."""
    with guards.metrics:
        instrument = _created(meter, metric)
        if instrument is not None:
            return instrument
        message = f"the meter made no {metric.instrument.value}"
        raise TypeError(message)
    return NoOpCounter(metric.name) if metric.instrument is _COUNTER else NoOpHistogram(metric.name)


def _recording(metric: Metric, instrument: Any) -> Callable[..., None]:
    """The method of the instrument of `metric` that takes a value."""
    record: Callable[..., None] = instrument.add if metric.instrument is _COUNTER else instrument.record
    return record


def _created(meter: Meter, metric: Metric) -> Any:
    if metric.instrument is _COUNTER:
        return meter.create_counter(metric.name, metric.unit, metric.brief)
    return meter.create_histogram(
        metric.name, metric.unit, metric.brief, explicit_bucket_boundaries_advisory=metric.buckets
    )
