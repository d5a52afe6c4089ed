"""In which of two ways a logger gets an event, with any OpenTelemetry."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry._logs import Logger, NoOpLogger, SeverityNumber
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, set_span_in_context

from midstream._telemetry.log_events import log_events, name_of

if TYPE_CHECKING:
    from opentelemetry.context import Context

SPAN = SpanContext(0x1234, 0x56, is_remote=False, trace_flags=TraceFlags(TraceFlags.SAMPLED))
WHERE = set_span_in_context(NonRecordingSpan(SPAN))


class TakesRecords:
    def __init__(self) -> None:
        self.record: Any = None

    def emit(self, record: Any) -> None:
        self.record = record


class TakesWhatTheNewestTakes:
    def __init__(self) -> None:
        self.keywords: dict[str, Any] = {}

    def emit(
        self,
        *,
        timestamp: int,
        context: Context,
        severity_number: SeverityNumber,
        severity_text: str,
        body: str,
        attributes: Any,
        event_name: str,
    ) -> None:
        self.keywords = {**locals()}


class TakesAnything:
    def __init__(self) -> None:
        self.given: list[tuple[tuple[Any, ...], dict[str, Any]]] = []

    def emit(self, *arguments: Any, **keywords: Any) -> None:
        self.given.append((arguments, keywords))


class CannotBeLookedAt:
    def __getattr__(self, name: str) -> Any:
        raise LookupError(name)


def test_a_logger_that_accepts_records_gets_a_complete_one_with_the_name_and_the_span() -> None:
    logger = TakesRecords()
    events = log_events(logger, "an.event")
    assert events.wanted(WHERE)
    events.emit("what happened", {"which": "first"}, WHERE)
    record = logger.record
    attributes = dict(record.attributes)
    attributes.pop("event.name", None)
    assert (name_of(record), record.body, attributes) == ("an.event", "what happened", {"which": "first"})
    assert (record.severity_number, record.severity_text) == (SeverityNumber.WARN, "WARN")
    assert (record.trace_id, record.span_id, record.trace_flags) == (SPAN.trace_id, SPAN.span_id, SPAN.trace_flags)
    assert record.timestamp


def test_a_logger_that_makes_records_is_given_what_belongs_into_them() -> None:
    logger = TakesWhatTheNewestTakes()
    log_events(logger, "an.event").emit("what happened", {"which": "first"}, WHERE)
    wanted = {
        "event_name": "an.event",
        "body": "what happened",
        "attributes": {"which": "first"},
        "context": WHERE,
        "severity_number": SeverityNumber.WARN,
        "severity_text": "WARN",
    }
    assert {name: logger.keywords[name] for name in wanted} == wanted
    assert logger.keywords["timestamp"]


def test_a_logger_of_any_signature_gets_the_arguments_of_this_opentelemetry() -> None:
    anything = TakesAnything()
    log_events(anything, "an.event").emit("what happened", {}, WHERE)
    ((arguments, keywords),) = anything.given
    takes_keywords = "event_name" in Logger.emit.__kwdefaults__ if Logger.emit.__kwdefaults__ else False
    assert (len(arguments), "event_name" in keywords) == ((0, True) if takes_keywords else (1, False))


def test_a_logger_that_does_nothing_wants_no_event() -> None:
    assert not log_events(NoOpLogger("a.library"), "an.event").wanted(WHERE)


def test_what_cannot_be_looked_at_raises_where_it_is_used_and_not_before() -> None:
    events = log_events(CannotBeLookedAt(), "an.event")
    with pytest.raises(LookupError):
        events.emit("what happened", {}, WHERE)
