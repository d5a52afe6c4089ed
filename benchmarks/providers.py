"""OpenTelemetry's providers for a subject: those of its SDK, with nothing behind them but a reader in memory."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from opentelemetry.sdk._logs import LoggerProvider, LogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider, TraceBasedExemplarFilter
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from subjects import Providers

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from opentelemetry.context import Context
    from opentelemetry.sdk._logs import ReadWriteLogRecord
    from opentelemetry.util.types import Attributes
    from subjects import Subject

__all__ = ("Told", "providers", "started", "told")


def providers() -> Providers:
    """New ones."""
    return Providers(
        TracerProvider(shutdown_on_exit=False),
        MeterProvider([InMemoryMetricReader()], shutdown_on_exit=False),
        LoggerProvider(shutdown_on_exit=False),
    )


@contextmanager
def started(given: Providers, *subjects: Subject | None) -> Generator[None]:
    """The subjects observe what is done in the `with` block, the first beneath the others."""
    with ExitStack() as stack:
        for subject in subjects:
            if subject is not None:
                stack.callback(subject.start(given))
        yield


@dataclass(frozen=True)
class Told:
    """How much telemetry something made."""

    records: int
    spans: int
    logs: int
    attributes: int
    """On all of its spans."""

    def less(self, other: Told) -> Told:
        """What this has more than `other`."""
        return Told(
            self.records - other.records,
            self.spans - other.spans,
            self.logs - other.logs,
            self.attributes - other.attributes,
        )


class _Measurements(TraceBasedExemplarFilter):
    """Is asked about every measurement, and answers as by default."""

    def __init__(self) -> None:
        self.count = 0

    def should_sample(self, value: float, time_unix_nano: int, attributes: Attributes, context: Context) -> bool:
        self.count += 1
        return super().should_sample(value, time_unix_nano, attributes, context)


class _Spans(SpanProcessor):
    def __init__(self) -> None:
        self.count = 0
        self.attributes = 0

    def on_end(self, span: ReadableSpan) -> None:
        self.count += 1
        self.attributes += len(span.attributes or ())


class _Logs(LogRecordProcessor):
    def __init__(self) -> None:
        self.count = 0

    def on_emit(self, log_record: ReadWriteLogRecord) -> None:
        del log_record
        self.count += 1

    def shutdown(self) -> None:
        """Has nothing to end."""

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Has nothing to wait for."""
        del timeout_millis
        return True


def told(run: Callable[[], object], *subjects: Subject | None) -> Told:
    """How much telemetry the subjects make of `run`."""
    measurements, spans, logs = _Measurements(), _Spans(), _Logs()
    given = Providers(
        TracerProvider(shutdown_on_exit=False),
        MeterProvider([InMemoryMetricReader()], exemplar_filter=measurements, shutdown_on_exit=False),
        LoggerProvider(shutdown_on_exit=False),
    )
    given.tracer_provider.add_span_processor(spans)
    given.logger_provider.add_log_record_processor(logs)
    with started(given, *subjects):
        run()
    return Told(measurements.count, spans.count, logs.count, spans.attributes)
