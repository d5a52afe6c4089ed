"""Inside a watched process: reports each call to the watcher when it starts and when it ends.

Needs the core only. The application's providers, exporters and spans are not touched.
"""

from __future__ import annotations

import math
import platform
import time
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from importlib.metadata import version
from typing import Any, Final, Protocol

from midstream._guard import attempt
from midstream._instrumentor import observe_always
from midstream._telemetry.attributes import call_attributes, request_attributes
from midstream._telemetry.call_observer import add_call_observer
from midstream._telemetry.call_record import CallRecord, CallRequest, Value
from midstream._telemetry.metrics import COUNTER_DEFAULTS, OPEN_STREAMS, Instrument, Metric, metrics_of
from midstream._telemetry.scope import EVENT_NAME, GenAIMetrics
from midstream._version import __version__

PROCESS: Final = "midstream.watch.process"
"""The name of the log event of a process that imports the SDK. Its body names the versions."""

_DELTA: Final = 1
_PATIENCE: Final = 3
"""After so many reports in a row that it does not take, a watcher gets no more."""


class Receiver(Protocol):
    """The watcher, as `boot.midstream_watch` has it. Its methods return `True`, or raise."""

    def post_metrics(self, metrics: Sequence[Mapping[str, Any]]) -> bool:
        """Sends metrics, in the JSON of OTLP."""
        ...

    def post_event(self, name: str, body: str, attributes: Sequence[Mapping[str, Any]] = ()) -> bool:
        """Sends a log event, whose `attributes` are in the JSON of OTLP."""
        ...


def watch(watcher: Receiver) -> None:
    """Reports the calls of this process, and of its forks, to `watcher` from now on. The SDK is being imported."""
    sdk = attempt(version, "anthropic") or "of an unknown version"
    body = f"Python {platform.python_version()}, anthropic {sdk}, midstream {__version__}"
    attempt(watcher.post_event, PROCESS, body)
    add_call_observer(_ProcessReporter(watcher), hidden=True)  # logfire hides the calls that it instruments
    observe_always()


class _ProcessReporter:
    """Reports calls as points of midstream's metrics, and failures as log events.

    Each point is the difference that one call makes. So nothing is kept here, and reports may overtake each other.
    """

    def __init__(self, watcher: Receiver) -> None:
        self._watcher = watcher
        self._refused = 0

    def started(self, request: CallRequest) -> Callable[[CallRecord | None], None]:
        """A call has started. A stream counts as open from here."""
        if request.stream:
            self._send(self._watcher.post_metrics, [_point(OPEN_STREAMS, 1, request_attributes(request))])
        return partial(self._ended, request)

    def _ended(self, request: CallRequest, record: CallRecord | None) -> None:
        points = [_point(OPEN_STREAMS, -1, request_attributes(request))] if request.stream else []
        if record is None:  # how it ended could not be observed
            self._send(self._watcher.post_metrics, points)
            return
        known = {**request_attributes(record.request), **call_attributes(record)}
        failure = record.verdict.failure
        if failure is not None:
            attributes = [_attribute(*pair) for pair in known.items()]
            self._send(self._watcher.post_event, EVENT_NAME, _encodable(str(failure)), attributes)
        self._send(self._watcher.post_metrics, [*points, *_points(record, {**COUNTER_DEFAULTS, **known})])

    def _send(self, post: Callable[..., bool], *arguments: Any) -> None:
        if self._refused < _PATIENCE:
            self._refused = 0 if attempt(post, *arguments) else self._refused + 1


def _points(record: CallRecord, known: Mapping[str, Value]) -> Sequence[Mapping[str, Any]]:
    measured = [
        (metric, measure.value(record), {**known, **measure.attributes})
        for metric in metrics_of(record.request.operation, GenAIMetrics.V1_41)
        for measure in metric.measures
    ]
    return [
        _point(metric, value, more) for metric, value, more in measured if value is not None and math.isfinite(value)
    ]


def _point(metric: Metric, value: float, known: Mapping[str, Value]) -> Mapping[str, Any]:
    """A metric with one point, in the JSON of OTLP."""
    attributes = [_attribute(name, known[name]) for name in metric.attributes if name in known]
    point: dict[str, Any] = {"timeUnixNano": str(time.time_ns()), "attributes": attributes}
    if metric.instrument is Instrument.HISTOGRAM:
        kind = "histogram"
        bounds = metric.buckets or ()
        counts = ["0"] * (len(bounds) + 1)
        counts[bisect_left(bounds, value)] = "1"
        point |= {"count": "1", "sum": value, "max": value, "explicitBounds": bounds, "bucketCounts": counts}
    else:
        kind = "sum"
        point["asDouble"] = value
    return {"name": metric.name, kind: {"aggregationTemporality": _DELTA, "dataPoints": [point]}}


def _attribute(name: str, value: Value) -> Mapping[str, Any]:
    return {"key": name, "value": _any_value(value)}


def _any_value(value: Value) -> Mapping[str, Any]:
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value}
    if isinstance(value, str):
        return {"stringValue": _encodable(value)}
    return {"arrayValue": {"values": [_any_value(item) for item in value]}}


def _encodable(text: str) -> str:
    """`text` without halves of surrogate pairs."""
    return text.encode(errors="replace").decode()
