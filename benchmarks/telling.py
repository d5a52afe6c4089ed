"""What a call tells: its measurements, spans and log events, caught on their way into OpenTelemetry's SDK."""

from __future__ import annotations

from dataclasses import dataclass
from inspect import signature
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

from opentelemetry.sdk._logs import LoggerProvider, LogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.trace import SpanKind, StatusCode
from providers import started
from subjects import Providers

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from opentelemetry._logs import SeverityNumber
    from opentelemetry.metrics import Meter
    from opentelemetry.sdk._logs import ReadWriteLogRecord
    from subjects import Subject

__all__ = ("METHODS", "Event", "Instrument", "Record", "Span", "Told", "told")

METHODS: Final = {
    "create_counter": "add",
    "create_up_down_counter": "add",
    "create_histogram": "record",
    "create_gauge": "set",
}
"""By the method of a meter that makes an instrument, the one that measures with it. What is observed when metrics are
collected is no work of a call."""


@dataclass(frozen=True)
class Instrument:
    """How an instrument was made."""

    method: str
    """Of the meter: one of `METHODS`."""
    arguments: tuple[Any, ...]
    options: Mapping[str, Any]

    @property
    def name(self) -> str:
        """What it is called."""
        return str(self.arguments[0] if self.arguments else self.options["name"])


@dataclass(frozen=True)
class Record:
    """One measurement."""

    instrument: Instrument
    value: float
    attributes: Mapping[str, Any]

    @property
    def name(self) -> str:
        """That of its instrument."""
        return self.instrument.name


@dataclass(frozen=True)
class Span:
    """One span, as it was when it ended."""

    name: str
    kind: SpanKind
    attributes: Mapping[str, Any]
    status: StatusCode = StatusCode.UNSET
    description: str | None = None
    """That of its status."""


@dataclass(frozen=True)
class Event:
    """One log event."""

    name: str | None
    severity_number: SeverityNumber | None
    severity_text: str | None
    body: Any
    attributes: Mapping[str, Any]


@dataclass(frozen=True)
class Told:
    """Telemetry, of each kind in its order."""

    records: tuple[Record, ...] = ()
    spans: tuple[Span, ...] = ()
    events: tuple[Event, ...] = ()
    added: tuple[Span, ...] = ()
    """What spans of somebody else were given beyond what is theirs: only that is in these."""

    @property
    def attributes(self) -> int:
        """How many its own spans have."""
        return sum(len(span.attributes) for span in self.spans)

    def after(self, other: Told) -> Told:
        """What comes after as much as `other` has."""
        return Told(
            self.records[len(other.records) :], self.spans[len(other.spans) :], self.events[len(other.events) :]
        )

    def beyond(self, base: Told) -> Told:
        """What is not of `base`, which is told here too."""
        known = {span.name: span for span in base.spans}
        given = [_given(span, known[span.name]) for span in self.spans if span.name in known]
        return Told(
            _but(self.records, base.records),
            _but(self.spans, base.spans),
            _but(self.events, base.events),
            tuple(span for span in given if span.attributes),
        )


_Named = TypeVar("_Named", Record, Span, Event)


def _but(those: tuple[_Named, ...], of_base: tuple[_Named, ...]) -> tuple[_Named, ...]:
    names = {one.name for one in of_base}
    return tuple(one for one in those if one.name not in names)


def _given(span: Span, known: Span) -> Span:
    """What `span` has that it lacks as `known`. Times are never the same twice, so another value is nothing given."""
    attributes = {name: value for name, value in span.attributes.items() if name not in known.attributes}
    if (span.status, span.description) == (known.status, known.description):
        return Span(span.name, span.kind, attributes)
    return Span(span.name, span.kind, attributes, span.status, span.description)


def told(run: Callable[[Providers], object], *subjects: Subject | None) -> Told:
    """What `run` tells, which is given the providers, and what the subjects tell of it."""
    records: list[Record] = []
    spans, events = _Spans(), _Events()
    given = Providers(
        TracerProvider(shutdown_on_exit=False),
        _Meters(records),
        LoggerProvider(shutdown_on_exit=False),
    )
    given.tracer_provider.add_span_processor(spans)
    given.logger_provider.add_log_record_processor(events)
    with started(given, *subjects):
        run(given)
    return Told(tuple(records), tuple(spans.kept), tuple(events.kept))


class _Meters(MeterProvider):
    """Keeps every measurement that is made with its meters."""

    def __init__(self, kept: list[Record]) -> None:
        super().__init__([InMemoryMetricReader()], shutdown_on_exit=False)
        self._kept = kept

    def get_meter(self, *arguments: Any, **options: Any) -> Meter:
        """One that is listened to."""
        return cast("Meter", _Meter(super().get_meter(*arguments, **options), self._kept))


class _Meter:
    """Stands for a meter."""

    def __init__(self, meter: Meter, kept: list[Record]) -> None:
        self._meter = meter
        self._kept = kept

    def __getattr__(self, name: str) -> Any:
        found: Any = getattr(self._meter, name)
        if name not in METHODS:
            return found

        def make(*arguments: Any, **options: Any) -> _Instrument:
            return _Instrument(found(*arguments, **options), Instrument(name, arguments, options), self._kept)

        return make


class _Instrument:
    """Stands for an instrument."""

    def __init__(self, instrument: Any, made: Instrument, kept: list[Record]) -> None:
        self._instrument = instrument
        self._made = made
        self._kept = kept

    def __getattr__(self, name: str) -> Any:
        found: Any = getattr(self._instrument, name)
        if name != METHODS[self._made.method]:
            return found

        def measure(*arguments: Any, **options: Any) -> None:
            found(*arguments, **options)
            given = signature(found).bind(*arguments, **options).arguments
            self._kept.append(Record(self._made, next(iter(given.values())), dict(given.get("attributes") or {})))

        return measure


class _Spans(SpanProcessor):
    def __init__(self) -> None:
        self.kept: list[Span] = []

    def on_end(self, span: ReadableSpan) -> None:
        attributes = dict(span.attributes or {})
        self.kept.append(Span(span.name, span.kind, attributes, span.status.status_code, span.status.description))


class _Events(LogRecordProcessor):
    def __init__(self) -> None:
        self.kept: list[Event] = []

    def on_emit(self, log_record: ReadWriteLogRecord) -> None:
        one = log_record.log_record
        self.kept.append(
            Event(one.event_name, one.severity_number, one.severity_text, one.body, dict(one.attributes or {}))
        )

    def shutdown(self) -> None:
        """Has nothing to end."""

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Has nothing to wait for."""
        del timeout_millis
        return True
