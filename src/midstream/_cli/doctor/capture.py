"""Captures what the providers of the OpenTelemetry SDK create, and what their exporters do with it.

Neither a provider nor an exporter reports that to its caller.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from threading import get_ident
from typing import Any, Final

from midstream._cli.console.captured import CapturedException, captured_logs
from midstream._cli.doctor.findings import in_words, one_line
from midstream._cli.doctor.providers import Destination
from midstream._guard import attempt
from midstream._telemetry.log_events import name_of

# What is created. Each captured_... returns a function that reads what `provider` has created since then.


def captured_spans(provider: Any) -> Callable[[], Any]:
    """For spans."""
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor  # noqa: PLC0415 - the SDK may be missing
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter  # noqa: PLC0415

    memory = InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(memory))
    return memory.get_finished_spans


def captured_metrics(provider: Any) -> Callable[[], Any]:
    """For metrics. They can be read once."""
    from opentelemetry.sdk.metrics.export import InMemoryMetricReader  # noqa: PLC0415 - the SDK may be missing

    reader = InMemoryMetricReader()
    provider.add_metric_reader(reader)
    return reader.get_metrics_data


def captured_log_events(provider: Any) -> Callable[[], Any]:
    """For log records."""
    from opentelemetry.sdk._logs import export  # noqa: PLC0415 - the SDK may be missing

    names = ("InMemoryLogRecordExporter", "InMemoryLogExporter")  # the latter before OpenTelemetry 1.39
    memory: Any = next(filter(None, (getattr(export, name, None) for name in names)))()
    provider.add_log_record_processor(export.SimpleLogRecordProcessor(memory))
    read: Callable[[], Any] = memory.get_finished_logs
    return read


def spans(batch: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """The scope and the attributes of each span in a batch."""
    for span in batch:
        scope = span.instrumentation_scope
        yield scope.name if scope is not None else "", dict(span.attributes or {})


def points(batch: Any) -> Iterator[tuple[str, dict[str, Any], float]]:
    """The name, the attributes and, for a sum, the value of each point in a batch of metrics."""
    for resource in batch.resource_metrics:
        for scope in resource.scope_metrics:
            for metric in scope.metrics:
                for point in metric.data.data_points:
                    yield metric.name, dict(point.attributes or {}), getattr(point, "value", 0)


def log_events(batch: Any) -> Iterator[tuple[str | None, dict[str, Any]]]:
    """The event name and the attributes of each log record in a batch."""
    for entry in batch:
        yield name_of(entry.log_record), dict(entry.log_record.attributes or {})


# What is exported.


@dataclass(frozen=True)
class Delivery:
    """An export to one destination."""

    to: str
    failure: str | None
    """Why it failed. `None` if it did not."""


@dataclass
class ProbedExporter:
    """Records what an exporter does with the batches that contain the doctor's call."""

    destination: Destination
    is_ours: Callable[[Any], bool]
    deliveries: list[Delivery] = field(default_factory=list[Delivery])
    closed: bool = False
    """Whether to export nothing more: to fail again at exit would take as long as it took before."""

    def install(self) -> bool:
        """Wraps the exporter's `export`. Returns whether that was possible."""
        exporter: Any = self.destination.exporter
        with CapturedException() as captured:
            exporter.export = self._wrapped(exporter.export)
        return captured.error is None

    def _wrapped(self, export: Callable[..., Any]) -> Callable[..., Any]:
        def probed_export(batch: Any, *args: Any, **kwargs: Any) -> Any:
            if self.closed:
                return None
            thread, lines, result = get_ident(), list[str](), None

            def note(record: logging.LogRecord) -> None:
                if record.thread == thread:
                    lines.append(record.getMessage())

            with captured_logs(note, "opentelemetry"), CapturedException() as captured:
                result = export(batch, *args, **kwargs)
            if attempt(self.is_ours, batch):
                self.deliveries.append(Delivery(self.destination.name, _failure(captured.error, result, lines)))
            if captured.error is not None:
                raise captured.error
            return result

        return probed_export


def probed(destinations: tuple[Destination, ...], is_ours: Callable[[Any], bool]) -> tuple[ProbedExporter, ...]:
    """The exporters among `destinations` that can be probed, with the probe installed."""
    exporters = (ProbedExporter(place, is_ours) for place in destinations if place.exporter is not None)
    return tuple(exporter for exporter in exporters if exporter.install())


_REASONS: Final = {
    r"Connection refused": "connection refused",
    r"Name or service not known|NameResolution|Failed to resolve|getaddrinfo|No address associated": "no such host",
    r"CERTIFICATE_VERIFY_FAILED|SSLError|SSL_ERROR|WRONG_VERSION_NUMBER": "TLS failed",
    r"code: (\d+), reason: (.*)": "HTTP {} {}",
    r"timed out|Timeout|DEADLINE_EXCEEDED": "timed out",
    r"due to timeout, max retries": "no answer in time",
    r"StatusCode\.(\w+)": "{}",
}
"""By what exporters log, the reason for a failure."""


def _failure(error: Exception | None, result: Any, logged: list[str]) -> str | None:
    if error is not None:
        return in_words(error)
    if getattr(result, "name", None) == "SUCCESS":
        return None
    for line in logged:
        for pattern, reason in _REASONS.items():
            if found := re.search(pattern, line):
                return one_line(reason.format(*found.groups()))
    return one_line(logged[0]) if logged else "it gives no reason"
