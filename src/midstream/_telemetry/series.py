"""The series in which calls are recorded: the caches of a recorder, which are all here.

What metrics distinguish about calls has few combinations. For each of them, instruments and attributes are looked up
once. A cache that is full is emptied, and fills again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from midstream._outcomes.classify import bounded_error_type
from midstream._telemetry.attributes import call_attributes, request_attributes
from midstream._telemetry.limits import Limits
from midstream._telemetry.metrics import (
    COUNTER_DEFAULTS,
    NORMAL_FLAGS,
    OF_STREAMS,
    OPEN_STREAMS,
    OPERATIONS,
    RESENDS,
    metrics_of,
)
from midstream._telemetry.operation import Operation

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from midstream._telemetry.call_record import CallRecord, CallRequest, Value
    from midstream._telemetry.metrics import Measure, Metric, Read
    from midstream._telemetry.open_streams import OpenStreams, StreamSeries
    from midstream._telemetry.scope import GenAIMetrics
    from midstream._telemetry.totals import Totals

MAX_REQUESTS: Final = 100
"""The combinations of requests that are cached."""

MAX_ENDS: Final = 30
"""The combinations of ends that are cached for each of them."""


class SeriesValue:
    """A value that calls record in one series, if they have it."""

    __slots__ = ("attributes", "known", "name", "record", "value")

    def __init__(
        self, metric: Metric, measure: Measure, record: Callable[..., object], known: Mapping[str, Value]
    ) -> None:
        self.name: Final = metric.name
        self.known: Final = {**known, **measure.attributes} if measure.attributes else known
        """The limited attributes of its calls, those of other metrics included."""
        self.value: Final[Read] = measure.value
        self.record: Final = record
        """Takes a value, the attributes, and the context."""
        self.attributes: Mapping[str, Value] | None = None
        """`None` before the first value: a series without one does not count for the limit of series."""


class EndSeries:
    """Where calls are recorded that are the same to metrics."""

    __slots__ = ("added", "added_often", "recorded")

    def __init__(
        self,
        added: list[Callable[[], object]],
        added_often: list[tuple[Callable[[], object], Read]],
        recorded: list[SeriesValue],
    ) -> None:
        self.added: Final = added
        """The totals that count the call: what adds 1 and never raises."""
        self.added_often: Final = added_often
        """Those that count something of it, with how often to add 1."""
        self.recorded: Final = recorded


class RequestSeries:
    """Where calls are recorded whose requests are the same to metrics."""

    __slots__ = ("ends", "open_stream")

    def __init__(self) -> None:
        self.ends: Final[dict[object, EndSeries]] = {}
        self.open_stream: StreamSeries | None = None


class CallSeries:
    """The series of one recorder."""

    def __init__(
        self, records: Mapping[str, Callable[..., Any]], totals: Totals, open_streams: OpenStreams, names: GenAIMetrics
    ) -> None:
        """`records`: by name of a histogram, or of a counter that is not a total, what takes its values."""
        self.limits: Final = Limits()
        self._records: Final = records
        self._totals: Final = totals
        self._open_streams: Final = open_streams
        self._metrics: Final = {operation: metrics_of(operation, names) for operation in Operation}
        self._requests: Final[dict[object, RequestSeries]] = {}

    def of(self, request: CallRequest) -> RequestSeries:
        """The series of `request`. The first time, those of all outcomes, so that `rate()` sees the first failure."""
        known = request.series
        if type(known) is RequestSeries:
            return known
        key = (
            request.operation,
            request.provider,
            request.model,
            request.stream,
            request.server_address,
            request.server_port,
        )
        found = self._requests.get(key)
        if found is None:
            self._create_outcomes(request)
            found = RequestSeries()
            _keep(self._requests, key, found, MAX_REQUESTS)
        request.series = found
        return found

    def open_stream(self, request: CallRequest) -> StreamSeries:
        """The series of open streams with `request`."""
        found = self.of(request)
        if found.open_stream is None:
            known = self.limits.of(request_attributes(request))
            found.open_stream = self._open_streams.series(self.limits.series(OPEN_STREAMS.name, known))
        return found.open_stream

    def end_of(self, call: CallRecord) -> EndSeries:
        """The series of `call`."""
        verdict, resent = call.verdict, call.attempts > 1
        failure = verdict.failure
        timed = verdict.first_chunk_at is not None
        key: object = (verdict.outcome, verdict.answer.model, resent, verdict.opened, timed)
        if failure is not None:
            key = (
                verdict.outcome,
                verdict.answer.model,
                resent,
                verdict.opened,
                timed,
                failure.corrected_type is not None,
                call.observed_status_code,
                failure.error_type,
                failure.exception_type,
                failure.status_code,
                failure.phase,
                failure.leaked,
                failure.misreported,
            )
        ends = self.of(call.request).ends
        found = ends.get(key)
        if found is None:
            found = self._new_end(call)
            _keep(ends, key, found, MAX_ENDS)
        return found

    def attributes_of(self, recorded: SeriesValue) -> Mapping[str, Value]:
        """The attributes of the series of `recorded`, which has its first value."""
        attributes = self.limits.series(recorded.name, recorded.known)
        recorded.attributes = attributes
        return attributes

    def _create_outcomes(self, request: CallRequest) -> None:
        requested = request_attributes(request)
        known = self.limits.of({name: requested[name] for name in OPERATIONS.attributes if name in requested})
        for outcome, (leaked, misreported) in NORMAL_FLAGS.items():
            flags: dict[str, Value] = {
                "midstream.outcome": outcome.value,
                "midstream.leaked": leaked,
                "midstream.misreported": misreported,
            }
            series = self.limits.series(OPERATIONS.name, {**COUNTER_DEFAULTS, **known, **flags})
            self._totals.adder(OPERATIONS, series)

    def _new_end(self, call: CallRecord) -> EndSeries:
        attributes = {**request_attributes(call.request), **call_attributes(call)}
        metrics = self._metrics[call.request.operation]
        names = {name for metric in metrics for name in metric.attributes}
        known = {
            **COUNTER_DEFAULTS,
            **self.limits.of({name: value for name, value in attributes.items() if name in names}),
        }
        if call.verdict.failure is not None:
            known["error.type"] = bounded_error_type(call.verdict.failure)
        totals = [
            (metric, self._totals.adder(metric, self.limits.series(metric.name, known)), measure.value)
            for metric in metrics
            if metric.name not in self._records
            for measure in metric.measures
            if measure.value(call) is not None
        ]
        recorded = [
            SeriesValue(metric, measure, self._records[metric.name], known)
            for metric in metrics
            if metric.name in self._records
            for measure in metric.measures
            if metric not in OF_STREAMS or measure.value(call) is not None
        ]
        return EndSeries(
            [add for metric, add, _ in totals if metric is not RESENDS],
            [(add, times) for metric, add, times in totals if metric is RESENDS],
            recorded,
        )


def _keep(cache: dict[Any, Any], key: object, value: object, most: int) -> None:
    if len(cache) >= most:
        cache.clear()
    cache[key] = value
