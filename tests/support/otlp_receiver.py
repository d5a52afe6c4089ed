"""A small OTLP/HTTP receiver on loopback, and what arrived there, as plain values to compare."""

from __future__ import annotations

import gzip
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

if TYPE_CHECKING:
    from collections.abc import Collection, Generator, Iterable, Iterator, Mapping

__all__ = ("OtlpReceiver", "ReceivedLog", "ReceivedPoint", "ReceivedSpan", "otlp_receiver")

_SIGNALS: Final = ("traces", "metrics", "logs")


@dataclass(frozen=True)
class ReceivedSpan:
    """A span. Ids are in hexadecimal; `parent_id` is empty for a root span."""

    scope: str
    name: str
    attributes: Mapping[str, Any]
    status: str
    """`UNSET`, `OK` or `ERROR`."""
    status_description: str
    trace_id: str
    span_id: str
    parent_id: str
    resource: Mapping[str, Any]


@dataclass(frozen=True)
class ReceivedPoint:
    """One point of a metric: its sum, or its count of records if it is a histogram."""

    scope: str
    name: str
    unit: str
    attributes: Mapping[str, Any]
    value: float
    resource: Mapping[str, Any]

    def has(self, attributes: Mapping[str, object]) -> bool:
        """Whether it has all of `attributes`, in whose names `_` stands for a dot too."""
        own = {name.replace(".", "_"): value for name, value in self.attributes.items()}
        return attributes.items() <= own.items()


@dataclass(frozen=True)
class ReceivedLog:
    """A log record. Ids are in hexadecimal, and empty outside a span."""

    scope: str
    event_name: str
    """Before OpenTelemetry 1.35 it comes as the attribute `event.name`, which is not among `attributes`."""
    severity: int
    body: Any
    attributes: Mapping[str, Any]
    trace_id: str
    span_id: str
    resource: Mapping[str, Any]


@dataclass
class OtlpReceiver:
    """What arrived so far, in order. `url` is the base for exporters."""

    url: str = ""
    bodies: list[bytes] = field(default_factory=list[bytes])
    """The decompressed bodies, to be searched for what must not be in them."""
    spans: list[ReceivedSpan] = field(default_factory=list[ReceivedSpan])
    points: list[ReceivedPoint] = field(default_factory=list[ReceivedPoint])
    logs: list[ReceivedLog] = field(default_factory=list[ReceivedLog])
    signals: Collection[str] = _SIGNALS
    """What it takes."""
    _lock: Lock = field(default_factory=Lock)

    def spans_of(self, scope: str) -> list[ReceivedSpan]:
        """The spans of the instrumentation scope of that name."""
        return [span for span in self.spans if span.scope == scope]

    def total(self, metric: str, **attributes: object) -> float:
        """The sum over the newest points of `metric` that have `attributes`. See `ReceivedPoint.has`."""
        newest = {tuple(sorted(p.attributes.items())): p for p in self.points if p.name == metric}
        return sum(point.value for point in newest.values() if point.has(attributes))

    def take(self, path: str, body: bytes) -> bool:
        """Keeps the body of a request for `path`. Returns whether it accepts that path."""
        readers: dict[str, Any] = {
            "traces": self._take_spans,
            "metrics": self._take_points,
            "logs": self._take_logs,
        }
        signal = path.removeprefix("/v1/")
        if signal not in self.signals:
            return False
        reader = readers[signal]
        with self._lock:
            self.bodies.append(body)
            reader(body)
        return True

    def _take_spans(self, body: bytes) -> None:
        for resource, scope, span in _entries(ExportTraceServiceRequest.FromString(body), "spans"):
            self.spans.append(
                ReceivedSpan(
                    scope=scope,
                    name=span.name,
                    attributes=_values(span.attributes),
                    status=span.status.StatusCode.Name(span.status.code).removeprefix("STATUS_CODE_"),
                    status_description=span.status.message,
                    trace_id=span.trace_id.hex(),
                    span_id=span.span_id.hex(),
                    parent_id=span.parent_span_id.hex(),
                    resource=resource,
                )
            )

    def _take_points(self, body: bytes) -> None:
        for resource, scope, metric in _entries(ExportMetricsServiceRequest.FromString(body), "metrics"):
            for point in getattr(metric, metric.WhichOneof("data")).data_points:
                is_histogram = point.DESCRIPTOR.name.endswith("HistogramDataPoint")  # the exponential ones, too
                value = point.count if is_histogram else getattr(point, point.WhichOneof("value"))
                self.points.append(
                    ReceivedPoint(scope, metric.name, metric.unit, _values(point.attributes), value, resource)
                )

    def _take_logs(self, body: bytes) -> None:
        for resource, scope, record in _entries(ExportLogsServiceRequest.FromString(body), "log_records"):
            attributes = _values(record.attributes)
            self.logs.append(
                ReceivedLog(
                    scope=scope,
                    event_name=getattr(record, "event_name", "") or attributes.pop("event.name", ""),
                    severity=record.severity_number,
                    body=_value(record.body),
                    attributes=attributes,
                    trace_id=record.trace_id.hex(),
                    span_id=record.span_id.hex(),
                    resource=resource,
                )
            )


def _entries(request: Any, name: str) -> Iterator[tuple[Mapping[str, Any], str, Any]]:
    """The resource, the scope's name and the entry, for each entry of a request; the three kinds are built alike."""
    kind = {"spans": "spans", "metrics": "metrics", "log_records": "logs"}[name]
    for of_resource in getattr(request, f"resource_{kind}"):
        for of_scope in getattr(of_resource, f"scope_{kind}"):
            for entry in getattr(of_scope, name):
                yield _values(of_resource.resource.attributes), of_scope.scope.name, entry


def _values(attributes: Iterable[Any]) -> dict[str, Any]:
    return {attribute.key: _value(attribute.value) for attribute in attributes}


def _value(value: Any) -> Any:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return tuple(map(_value, value.array_value.values))
    return None if kind is None else getattr(value, kind)


@contextmanager
def otlp_receiver(*signals: str) -> Generator[OtlpReceiver]:
    """Receives on a free port of loopback, until the end of the `with` block: `signals` only, if any are given."""
    received = OtlpReceiver(signals=signals or _SIGNALS)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            if self.headers.get("content-encoding") == "gzip":
                body = gzip.decompress(body)
            self.send_response(200 if received.take(self.path, body) else 404)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it
            """Logs nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        received.url = f"http://127.0.0.1:{server.server_port}"
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield received
        finally:
            server.shutdown()
            thread.join()
