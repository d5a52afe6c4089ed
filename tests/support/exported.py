"""What a process exported through a real OpenTelemetry SDK, as plain values to compare."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import opentelemetry.sdk._logs.export
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import HistogramDataPoint, InMemoryMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry.sdk._logs import ReadableLogRecord
    from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter
    from opentelemetry.sdk.trace.sampling import Sampler

__all__ = ("Exported", "Point", "event_of", "resource_of")

_exporters: Any = vars(opentelemetry.sdk._logs.export)
_logs_in_memory: Any = _exporters.get("InMemoryLogRecordExporter") or _exporters["InMemoryLogExporter"]


@dataclass(frozen=True)
class Point:
    """One series of a metric: its attributes, and its sum, or its count of records if it is a histogram."""

    attributes: Mapping[str, Any]
    value: float
    total: float | None = None
    """The sum of a histogram."""


@dataclass
class Exported:
    """Providers that export into memory, and what has arrived there."""

    sampler: Sampler | None = None
    meter_options: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """Further arguments of its meter provider."""
    spans_in_memory: InMemorySpanExporter = field(default_factory=InMemorySpanExporter)
    metrics_in_memory: InMemoryMetricReader = field(default_factory=InMemoryMetricReader)
    logs_in_memory: InMemoryLogRecordExporter = field(default_factory=_logs_in_memory)

    def __post_init__(self) -> None:
        nowhere = Resource.get_empty()  # to ask the machine what it is takes longer than a call
        self.tracer_provider = TracerProvider(sampler=self.sampler, resource=nowhere, shutdown_on_exit=False)
        self.tracer_provider.add_span_processor(SimpleSpanProcessor(self.spans_in_memory))
        self.meter_provider = MeterProvider(
            [self.metrics_in_memory], resource=nowhere, shutdown_on_exit=False, **self.meter_options
        )
        self.logger_provider = LoggerProvider(resource=nowhere, shutdown_on_exit=False)
        self.logger_provider.add_log_record_processor(SimpleLogRecordProcessor(self.logs_in_memory))

    @property
    def providers(self) -> dict[str, Any]:
        """The arguments that make `instrument()` export here."""
        return {
            "tracer_provider": self.tracer_provider,
            "meter_provider": self.meter_provider,
            "logger_provider": self.logger_provider,
        }

    @property
    def spans(self) -> list[ReadableSpan]:
        """The spans that have ended, in that order."""
        return list(self.spans_in_memory.get_finished_spans())

    @property
    def span(self) -> ReadableSpan:
        """The one span that has ended."""
        (span,) = self.spans
        return span

    @property
    def told_span(self) -> ReadableSpan:
        """The one span that says how a call ended."""
        (span,) = [span for span in self.spans if "midstream.outcome" in (span.attributes or {})]
        return span

    @property
    def logs(self) -> list[ReadableLogRecord]:
        """The log records, in the order of their emission."""
        return list(self.logs_in_memory.get_finished_logs())

    def metrics(self) -> dict[str, list[Point]]:
        """By name of a metric, its series."""
        data = self.metrics_in_memory.get_metrics_data()
        found: dict[str, list[Point]] = {}
        for resource in data.resource_metrics if data else ():
            for scope in resource.scope_metrics:
                for metric in scope.metrics:
                    found.setdefault(metric.name, []).extend(_point(point) for point in metric.data.data_points)
        return found

    def counted(self, name: str) -> list[Point]:
        """The series of a counter that have counted something."""
        return [point for point in self.metrics().get(name, []) if point.value]

    def outcomes(self) -> dict[str, int]:
        """The number of calls by outcome, from `midstream.client.operations`."""
        totals: dict[str, int] = {}
        for point in self.counted("midstream.client.operations"):
            outcome = point.attributes["midstream.outcome"]
            totals[outcome] = totals.get(outcome, 0) + int(point.value)
        return totals

    def everything(self) -> str:
        """Everything that was exported, as one text to search in."""
        spans = [span.to_json() for span in self.spans]
        logs = [repr((*event_of(log), log.log_record.body)) for log in self.logs]
        return "\n".join([*spans, *logs, repr(self.metrics())])

    def shutdown(self) -> None:
        """Ends the providers."""
        self.tracer_provider.shutdown()
        self.meter_provider.shutdown()
        self.logger_provider.shutdown()


def event_of(log: ReadableLogRecord) -> tuple[str | None, dict[str, Any]]:
    """The name of the event that a log record is, and its attributes."""
    attributes: dict[str, Any] = dict(log.log_record.attributes or {})
    # Records before OpenTelemetry 1.35 have no such name; there it is an attribute.
    return getattr(log.log_record, "event_name", None) or attributes.pop("event.name", None), attributes


def resource_of(log: Any) -> Resource:
    """The resource that a log record was emitted by, which before OpenTelemetry 1.39 it has itself."""
    found: Resource = getattr(log, "resource", None) or log.log_record.resource
    return found


def _point(point: Any) -> Point:
    attributes = dict(point.attributes or {})
    if isinstance(point, HistogramDataPoint):
        return Point(attributes, point.count, point.sum)
    return Point(attributes, point.value)
