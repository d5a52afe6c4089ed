"""The telemetry of a call, said by hand: what it takes where calls are made, with caches that calls have filled.

In a loop of its own (`floor`) OpenTelemetry takes half of that, or less. What is observed costs beyond this is the
instrumentation's own.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.sdk.trace import SpanProcessor
from opentelemetry.trace import Status, StatusCode, set_span_in_context
from telling import METHODS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import Span as SdkSpan
    from subjects import Providers
    from telling import Record, Span, Told

__all__ = ("by_hand",)

_SCOPE: Final = "by hand"


def by_hand(told: Told, given: Providers) -> Callable[[], None]:
    """What says `told` again each time it is called, with nothing to find out: to be called where a call has ended.

    A span is started with all its attributes and ended at once; the rest is in its context. What was added to the spans
    of somebody else is set as they start, for at their end nobody gets at them: so `given` is to be used for nothing
    else from now on.
    """
    tracer = given.tracer_provider.get_tracer(_SCOPE)
    logger = given.logger_provider.get_logger(_SCOPE)
    measurements = _measurements(told.records, given)
    spans = [(span, _status(span)) for span in told.spans]
    adding = _Adding(told.added)
    if told.added:
        given.tracer_provider.add_span_processor(adding)

    def say() -> None:
        where = adding.where
        for one, status in spans:
            span = tracer.start_span(one.name, kind=one.kind, attributes=one.attributes)
            where = set_span_in_context(span)
            if status is not None:
                span.set_status(status)
            span.end()
        for measure, value, attributes in measurements:
            measure(value, attributes, where)
        for event in told.events:
            logger.emit(
                context=where,
                timestamp=time.time_ns(),
                severity_number=event.severity_number,
                severity_text=event.severity_text,
                body=event.body,
                event_name=event.name,
                attributes=event.attributes,
            )

    return say


def _measurements(
    records: Sequence[Record], given: Providers
) -> list[tuple[Callable[..., None], float, Mapping[str, Any]]]:
    meter = given.meter_provider.get_meter(_SCOPE)
    made: dict[str, Any] = {}
    for one in records:
        instrument = one.instrument
        if one.name not in made:
            made[one.name] = getattr(meter, instrument.method)(*instrument.arguments, **instrument.options)
    return [
        (getattr(made[one.name], METHODS[one.instrument.method]), one.value, dict(one.attributes)) for one in records
    ]


def _status(span: Span) -> Status | None:
    """What there is to say of it."""
    return None if span.status is StatusCode.UNSET else Status(span.status, span.description)


class _Adding(SpanProcessor):
    """Adds to the spans of somebody else, and remembers the last of them."""

    def __init__(self, added: Sequence[Span]) -> None:
        self._added = {span.name: (span.attributes, _status(span)) for span in added}
        self.where: Context | None = None
        """Where what belongs to that one is said."""

    def on_start(self, span: SdkSpan, parent_context: Context | None = None) -> None:
        del parent_context
        added = self._added.get(span.name)
        if added is not None:
            attributes, status = added
            span.set_attributes(attributes)
            if status is not None:
                span.set_status(status)
            self.where = set_span_in_context(span)
