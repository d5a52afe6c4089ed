"""The span of a call: one of ours, or none. sdk_span.py has the SDK's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from opentelemetry import context, trace
from opentelemetry.trace import SpanKind, Status, StatusCode

from midstream._guard import Guard, attempt
from midstream._telemetry.attributes import request_attributes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from midstream._telemetry.call_record import CallRequest, Value


class CallSpan:
    """The one span of a call, or the lack of one."""

    __slots__ = ("context",)

    is_own = False
    """Whether it is midstream's."""

    def __init__(self, where: context.Context) -> None:
        self.context = where
        """Where the metrics and the log event of the call belong."""

    def finish(
        self,
        request_attributes: Mapping[str, Value],
        result_attributes: Mapping[str, Value],
        failure: str | None,
        ended_ns: int,
    ) -> None:
        """Ends the span, as failed if `failure` describes a failure. `ended_ns` is since the epoch."""

    def close(self) -> None:
        """Ends a finished span that the SDK has not ended by the exit of the interpreter."""


class SilentSpan(CallSpan):
    """No span: spans are off, or the SDK's own is sampled out."""

    __slots__ = ()


class OwnSpan(CallSpan):
    """A span of ours."""

    __slots__ = ("_guard", "_started_with", "span")

    is_own = True

    def __init__(
        self, tracer: trace.Tracer, request: CallRequest, where: context.Context, started_ns: int, *, spans: Guard
    ) -> None:
        operation = request.operation._value_
        self._guard = spans
        self._started_with = request_attributes(request)
        self.span = tracer.start_span(
            f"{operation} {request.model}" if request.model else operation,
            context=where,
            kind=SpanKind.CLIENT,
            attributes=self._started_with,
            start_time=started_ns,
        )
        super().__init__(context_of(self.span, where))

    def finish(
        self,
        request_attributes: Mapping[str, Value],
        result_attributes: Mapping[str, Value],
        failure: str | None,
        ended_ns: int,
    ) -> None:
        """Ends the span. The status of a call that did not fail stays unset, as the conventions require."""
        is_same = request_attributes is self._started_with
        try:
            with self._guard:
                self.span.set_attributes(result_attributes if is_same else {**request_attributes, **result_attributes})
            if failure is not None:
                with self._guard:
                    self.span.set_status(Status(StatusCode.ERROR, failure))
        finally:
            self.span.end(ended_ns)


def context_of(span: object, where: context.Context) -> context.Context:
    """`where` with `span` as the current one, if it is a working span: another would break its children."""
    found = attempt(lambda: isinstance(span, trace.Span) and span.get_span_context())
    return trace.set_span_in_context(cast("Any", span), where) if isinstance(found, trace.SpanContext) else where
