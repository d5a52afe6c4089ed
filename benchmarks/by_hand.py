"""The telemetry of a call, recorded by hand: the floor of what an instrumentation that records the same can cost."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Final

from opentelemetry.context import Context
from opentelemetry.sdk.trace import Span, SpanProcessor
from opentelemetry.trace import Status, StatusCode, set_span_in_context
from recorded import METHODS, EndedSpan, Recorded
from subjects import Providers

_SCOPE: Final = "by hand"


def by_hand(telemetry: Recorded, given: Providers) -> Callable[[], None]:
    """Returns a function that records `telemetry` again, with nothing to find out; call it when a call has ended.

    A span starts with all its attributes and ends immediately; the rest is recorded in its context. What was added to
    spans of another instrumentation is set when these start, because they cannot be reached when they end. So use
    `given` for nothing else afterwards.
    """
    tracer = given.tracer_provider.get_tracer(_SCOPE)
    logger = given.logger_provider.get_logger(_SCOPE)
    meter = given.meter_provider.get_meter(_SCOPE)
    measures: dict[str, Callable[..., None]] = {}
    for instrument in {item.name: item.instrument for item in telemetry.measurements}.values():
        made = getattr(meter, instrument.method)(*instrument.arguments, **instrument.options)
        measures[instrument.name] = getattr(made, METHODS[instrument.method])
    measurements = [(measures[item.name], item.value, dict(item.attributes)) for item in telemetry.measurements]
    spans = [(span, _status(span)) for span in telemetry.spans]
    additions = _Additions(telemetry.added)
    if telemetry.added:
        given.tracer_provider.add_span_processor(additions)

    def record() -> None:
        context = additions.context
        for ended, status in spans:
            span = tracer.start_span(ended.name, kind=ended.kind, attributes=ended.attributes)
            context = set_span_in_context(span)
            if status is not None:
                span.set_status(status)
            span.end()
        for measure, value, attributes in measurements:
            measure(value, attributes, context)
        for event in telemetry.events:
            logger.emit(
                context=context,
                timestamp=time.time_ns(),
                severity_number=event.severity_number,
                severity_text=event.severity_text,
                body=event.body,
                event_name=event.name,
                attributes=event.attributes,
            )

    return record


def _status(span: EndedSpan) -> Status | None:
    return None if span.status is StatusCode.UNSET else Status(span.status, span.description)


class _Additions(SpanProcessor):
    """Adds to the spans of another instrumentation when they start."""

    def __init__(self, added: Sequence[EndedSpan]) -> None:
        self._added = {span.name: (span.attributes, _status(span)) for span in added}
        self.context: Context | None = None
        """The context of the last span that got an addition."""

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        del parent_context
        if span.name in self._added:
            attributes, status = self._added[span.name]
            span.set_attributes(attributes)
            if status is not None:
                span.set_status(status)
            self.context = set_span_in_context(span)
