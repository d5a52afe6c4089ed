"""What the providers of the OpenTelemetry SDK in this process make, exported or not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from midstream._telemetry.log_events import name_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def made_spans(provider: Any) -> Callable[[], Any]:
    """Gives, when it is asked, the spans that `provider` has made from now on."""
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor  # noqa: PLC0415 - the SDK may be missing
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter  # noqa: PLC0415

    memory = InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(memory))
    return memory.get_finished_spans


def made_metrics(provider: Any) -> Callable[[], Any]:
    """The same for metrics. To be asked once."""
    from opentelemetry.sdk.metrics.export import InMemoryMetricReader  # noqa: PLC0415 - the SDK may be missing

    reader = InMemoryMetricReader()
    provider.add_metric_reader(reader)
    return reader.get_metrics_data


def made_log_events(provider: Any) -> Callable[[], Any]:
    """The same for log records."""
    from opentelemetry.sdk._logs import export  # noqa: PLC0415 - the SDK may be missing

    names = ("InMemoryLogRecordExporter", "InMemoryLogExporter")  # the latter before OpenTelemetry 1.39
    memory: Any = next(filter(None, (getattr(export, name, None) for name in names)))()
    provider.add_log_record_processor(export.SimpleLogRecordProcessor(memory))
    read: Callable[[], Any] = memory.get_finished_logs
    return read


def spans(batch: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """Of each span in a batch, its scope and its attributes."""
    for span in batch:
        scope = span.instrumentation_scope
        yield scope.name if scope is not None else "", dict(span.attributes or {})


def points(batch: Any) -> Iterator[tuple[str, dict[str, Any], float]]:
    """Of each point in a batch of metrics, its name, its attributes and, if it is a sum, its value."""
    for resource in batch.resource_metrics:
        for scope in resource.scope_metrics:
            for metric in scope.metrics:
                for point in metric.data.data_points:
                    yield metric.name, dict(point.attributes or {}), getattr(point, "value", 0)


def log_events(batch: Any) -> Iterator[tuple[str | None, dict[str, Any]]]:
    """Of each log record in a batch, the name of its event and its attributes."""
    for one in batch:
        yield name_of(one.log_record), dict(one.log_record.attributes or {})
