"""The telemetry of a call: its measurements, spans and log events, caught on their way into OpenTelemetry's SDK."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from inspect import signature
from types import SimpleNamespace
from typing import Any, Final, TypeVar, cast

from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.metrics import Meter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode
from subjects import Providers, Subject, observed_by

METHODS: Final = {
    "create_counter": "add",
    "create_up_down_counter": "add",
    "create_histogram": "record",
    "create_gauge": "set",
}
"""The methods of a meter that create an instrument, each with the method of the instrument that measures. Observable
instruments are left out: they are read when metrics are collected, not during a call."""


@dataclass(frozen=True)
class Instrument:
    """The call that created an instrument."""

    method: str
    """A key of `METHODS`."""
    arguments: tuple[Any, ...]
    options: Mapping[str, Any]

    @property
    def name(self) -> str:
        """The name of the metric."""
        return str(self.arguments[0] if self.arguments else self.options["name"])


@dataclass(frozen=True)
class Measurement:
    """A value that an instrument recorded."""

    instrument: Instrument
    value: float
    attributes: Mapping[str, Any]

    @property
    def name(self) -> str:
        """The name of the metric."""
        return self.instrument.name


@dataclass(frozen=True)
class EndedSpan:
    """A span as it was when it ended."""

    name: str
    kind: SpanKind
    attributes: Mapping[str, Any]
    status: StatusCode = StatusCode.UNSET
    description: str | None = None
    """The description of the status."""


@dataclass(frozen=True)
class LogEvent:
    """A log event."""

    name: str | None
    severity_number: SeverityNumber | None
    severity_text: str | None
    body: Any
    attributes: Mapping[str, Any]


@dataclass(frozen=True)
class Recorded:
    """Telemetry, in the order in which it was recorded."""

    measurements: tuple[Measurement, ...] = ()
    spans: tuple[EndedSpan, ...] = ()
    events: tuple[LogEvent, ...] = ()
    added: tuple[EndedSpan, ...] = ()
    """What was added to spans of another instrumentation: these spans have nothing else."""

    def after(self, earlier: Recorded) -> Recorded:
        """The rest, without as many items as `earlier` has."""
        return Recorded(
            self.measurements[len(earlier.measurements) :],
            self.spans[len(earlier.spans) :],
            self.events[len(earlier.events) :],
        )

    def beyond(self, base: Recorded) -> Recorded:
        """What this has and `base` has not. Items are compared by name, and attributes of the same span one by one."""
        known = {span.name: span for span in base.spans}
        additions = (_addition(span, known[span.name]) for span in self.spans if span.name in known)
        return Recorded(
            _new(self.measurements, base.measurements),
            _new(self.spans, base.spans),
            _new(self.events, base.events),
            tuple(span for span in additions if span.attributes),
        )


_Named = TypeVar("_Named", Measurement, EndedSpan, LogEvent)


def _new(items: tuple[_Named, ...], base: tuple[_Named, ...]) -> tuple[_Named, ...]:
    known = {item.name for item in base}
    return tuple(item for item in items if item.name not in known)


def _addition(span: EndedSpan, base: EndedSpan) -> EndedSpan:
    """The attributes that `span` adds to `base`. Changed values do not count: durations differ in every run."""
    attributes = {name: value for name, value in span.attributes.items() if name not in base.attributes}
    if (span.status, span.description) == (base.status, base.description):
        return EndedSpan(span.name, span.kind, attributes)
    return EndedSpan(span.name, span.kind, attributes, span.status, span.description)


def recorded(run: Callable[[Providers], object], *subjects: Subject | None) -> Recorded:
    """Everything that `run` and the subjects record during the run."""
    measurements: list[Measurement] = []
    spans = InMemorySpanExporter()
    logs = cast("Any", InMemoryLogRecordExporter)()  # its __init__ has no annotations
    given = Providers(
        TracerProvider(shutdown_on_exit=False),
        _RecordedMeters(measurements),
        LoggerProvider(shutdown_on_exit=False),
    )
    given.tracer_provider.add_span_processor(SimpleSpanProcessor(spans))
    given.logger_provider.add_log_record_processor(SimpleLogRecordProcessor(logs))
    with observed_by(given, *subjects):
        run(given)
    return Recorded(
        tuple(measurements),
        tuple(
            EndedSpan(
                span.name, span.kind, dict(span.attributes or {}), span.status.status_code, span.status.description
            )
            for span in spans.get_finished_spans()
        ),
        tuple(_event(log.log_record) for log in logs.get_finished_logs()),
    )


def _event(log: LogRecord) -> LogEvent:
    return LogEvent(log.event_name, log.severity_number, log.severity_text, log.body, dict(log.attributes or {}))


class _RecordedMeters(MeterProvider):
    """Its meters append every measurement to a list."""

    def __init__(self, measurements: list[Measurement]) -> None:
        super().__init__([InMemoryMetricReader()], shutdown_on_exit=False)
        self._measurements = measurements

    def get_meter(self, *arguments: Any, **options: Any) -> Meter:
        return cast("Meter", _RecordedMeter(super().get_meter(*arguments, **options), self._measurements))


@dataclass(frozen=True)
class _RecordedMeter:
    _meter: Meter
    _measurements: list[Measurement]

    def __getattr__(self, name: str) -> Any:
        method: Any = getattr(self._meter, name)
        if name not in METHODS:
            return method

        def create(*arguments: Any, **options: Any) -> Any:
            made = Instrument(name, arguments, options)
            measure: Any = getattr(method(*arguments, **options), METHODS[name])

            def measured(*values: Any, **named: Any) -> None:
                measure(*values, **named)
                given = signature(measure).bind(*values, **named).arguments
                attributes = dict(given.get("attributes") or {})
                self._measurements.append(Measurement(made, next(iter(given.values())), attributes))

            return SimpleNamespace(**{METHODS[name]: measured})

        return create
