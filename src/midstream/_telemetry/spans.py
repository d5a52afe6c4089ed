"""The span of a call: one of ours, or none. sdk_span.py has the SDK's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import SpanKind, Status, StatusCode

from midstream._guard import Guard, attempt
from midstream._telemetry.attributes import request_attributes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from midstream._telemetry.call_record import CallRequest, Value


_FREED: Final = Context()
"""Stands for the context of a working span, which has to be made again."""


class CallSpan:
    """The one span of a call, or the lack of one."""

    __slots__ = ("_context", "_where", "span")

    is_own = False
    """Whether it is midstream's."""

    def __init__(self, where: Context, span: Any = None) -> None:
        self._where = where
        self._context: Context | None = None
        self.span: Final = span
        """`None` if there is none."""

    @property
    def context(self) -> Context:
        """Where the metrics and the log event of the call belong."""
        found = self._context
        if found is None or found is _FREED:
            found = self._context = _context_of(self.span, self._where, works=found is _FREED)
        return found

    def stream_opened(self) -> None:
        """Frees what can be made again at the end of the stream, which may be far away."""
        if self._context is not None and self._context is not self._where:
            self._context = _FREED

    def finish(
        self,
        request: CallRequest | None,
        result_attributes: Mapping[str, Value],
        failure: str | None,
        ended_ns: int,
    ) -> None:
        """Ends the span, as failed if `failure` describes a failure. `ended_ns` is since the epoch.

        `request`: the call's, whose attributes the span gets if it lacks them. `None`: it gets none.
        """

    def close(self) -> None:
        """Ends a finished span that the SDK has not ended by the exit of the interpreter."""


class SilentSpan(CallSpan):
    """No span: spans are off, or the SDK's own is sampled out."""

    __slots__ = ()


class OwnSpan(CallSpan):
    """A span of ours."""

    __slots__ = ("_guard", "_request")

    is_own = True

    def __init__(
        self, tracer: trace.Tracer, request: CallRequest, where: Context, started_ns: int, *, spans: Guard
    ) -> None:
        operation = request.operation._value_
        span = tracer.start_span(
            f"{operation} {request.model}" if request.model else operation,
            context=where,
            kind=SpanKind.CLIENT,
            attributes={**request_attributes(request)},  # a sampler may change its own
            start_time=started_ns,
        )
        super().__init__(where, span)
        self._guard = spans
        self._request = request

    def finish(
        self,
        request: CallRequest | None,
        result_attributes: Mapping[str, Value],
        failure: str | None,
        ended_ns: int,
    ) -> None:
        """Ends the span. The status of a call that did not fail stays unset, as the conventions require."""
        try:
            try:
                if request is not None and request is not self._request:
                    result_attributes = {**request_attributes(request), **result_attributes}
                self.span.set_attributes(result_attributes)
            except Exception:
                if not self._guard.contains_error():
                    raise
            if failure is not None:
                with self._guard:
                    self.span.set_status(Status(StatusCode.ERROR, failure))
        finally:
            self.span.end(ended_ns)


def _context_of(span: Any, where: Context, *, works: bool) -> Context:
    """`where` with `span` as the current one, if it `works`, or is found to: another would break its children."""
    return trace.set_span_in_context(span, where) if works or attempt(_works, span) else where


def _works(span: object) -> bool:
    found: object = span.get_span_context() if isinstance(span, trace.Span) else None
    return isinstance(found, trace.SpanContext)
