"""Reads OTLP: the points of metrics, and log events."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from google.protobuf import json_format
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.metrics.v1.metrics_pb2 import AGGREGATION_TEMPORALITY_DELTA, Metric
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from midstream._cli.watch.distribution import Distribution
from midstream._outcomes.failure import shortened

PROTOBUF: Final = "application/x-protobuf"
JSON: Final = "application/json"


@dataclass(frozen=True)
class Source:
    """A process or service that telemetry comes from."""

    attributes: tuple[tuple[str, str], ...]
    """Of its resource. They identify it."""

    @property
    def pid(self) -> int | None:
        """The id of the process, if it is known."""
        found = dict(self.attributes).get("process.pid", "")
        return int(found) if found.isdecimal() else None

    def __str__(self) -> str:
        known = dict(self.attributes)
        return known.get("service.name") or f"process {known.get('process.pid', 'unknown')}"


@dataclass(frozen=True)
class Point:
    """One point of a metric."""

    source: Source
    metric: str
    attributes: Mapping[str, str]
    started: int | None
    """The start of what it adds up, in nanoseconds since the epoch. `None` if it is a difference."""
    value: Distribution
    """A sum is a distribution without a count."""


@dataclass(frozen=True)
class LogEvent:
    """One log event."""

    source: Source
    name: str
    body: str
    attributes: Mapping[str, str]
    time: int
    """In nanoseconds since the epoch. 0 if unknown."""


def points_in(body: bytes, media_type: str) -> Iterator[Point]:
    """The points in the body of a request for metrics. Raises `ValueError` if it is not one."""
    for of_resource in _parsed(ExportMetricsServiceRequest(), body, media_type).resource_metrics:
        source = _source(of_resource.resource)
        for of_scope in of_resource.scope_metrics:
            for metric in of_scope.metrics:
                yield from _points(source, metric)


def events_in(body: bytes, media_type: str) -> Iterator[LogEvent]:
    """The log events in the body of a request for logs. Raises `ValueError` if it is not one."""
    for of_resource in _parsed(ExportLogsServiceRequest(), body, media_type).resource_logs:
        source = _source(of_resource.resource)
        for of_scope in of_resource.scope_logs:
            for record in of_scope.log_records:
                attributes = _attributes(record.attributes)
                # Older versions have the name among the attributes.
                name = getattr(record, "event_name", "") or attributes.get("event.name", "")
                time = record.time_unix_nano or record.observed_time_unix_nano
                yield LogEvent(source, name, _text(record.body), attributes, time)


def _parsed(request: Any, body: bytes, media_type: str) -> Any:
    try:
        if media_type == JSON:
            return json_format.Parse(body, request, ignore_unknown_fields=True)
        request.ParseFromString(body)
    except Exception as error:  # each version of protobuf has exceptions of another kind
        message = "the body is not OTLP"
        raise ValueError(message) from error
    return request


def _points(source: Source, metric: Metric) -> Iterator[Point]:
    kind = metric.WhichOneof("data")
    if kind not in _VALUES:
        return
    data: Any = getattr(metric, kind)
    is_delta = getattr(data, "aggregation_temporality", None) == AGGREGATION_TEMPORALITY_DELTA
    for point in data.data_points:
        started = None if is_delta else point.start_time_unix_nano
        yield Point(source, metric.name, _attributes(point.attributes), started, _VALUES[kind](point))


def _number(point: Any) -> Distribution:
    return Distribution(total=float(getattr(point, point.WhichOneof("value") or "as_int")))


def _histogram(point: Any) -> Distribution:
    bounds = getattr(point, "explicit_bounds", ())  # an exponential histogram has none
    counts = point.bucket_counts if bounds else ()
    largest = point.max if point.HasField("max") else None
    return Distribution(point.count, point.sum, largest, tuple(bounds), tuple(counts))


_VALUES: Final = {
    "sum": _number,
    "gauge": _number,
    "histogram": _histogram,
    "exponential_histogram": _histogram,
}


def _source(resource: Resource) -> Source:
    return Source(tuple(sorted(_attributes(resource.attributes).items())))


def _attributes(attributes: Iterable[KeyValue]) -> Mapping[str, str]:
    return {attribute.key: _text(attribute.value) for attribute in attributes}


def _text(value: AnyValue) -> str:
    """A value in one line, with `true` and `false` as JSON has them."""
    kind = value.WhichOneof("value")
    found = "" if kind is None else getattr(value, kind)
    return str(found).lower() if isinstance(found, bool) else shortened(str(found))
