"""The span of a call: the SDK's own, enriched at its true end, or one of ours.

SDK 1.14 and later ends its span before the application has seen the exception of a broken stream, and an ended span
takes no attributes. So its `end` and its `set_status` are put off by instance attributes of the same names, which are
taken away again when the call has ended. Only public methods of the span are used.
"""

from __future__ import annotations

import time
import weakref
from collections.abc import Mapping
from enum import Enum, auto
from typing import TYPE_CHECKING, Any, Final, Protocol, cast

from opentelemetry import context, trace
from opentelemetry.trace import SpanKind, Status, StatusCode

from midstream._guard import Guard, attempt
from midstream._outcomes.vocabulary import Outcome
from midstream._telemetry.contract import CALL_ATTRIBUTES, REQUEST_ATTRIBUTES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from midstream._telemetry.contract import Value


_SDK_SCOPE: Final = "com.anthropic.sdk.python"

_OF_THE_SDK: Final = frozenset(
    [a.name for a in REQUEST_ATTRIBUTES if a.own_spans_only] + [a.name for a in CALL_ATTRIBUTES if a.own_spans_only]
)
"""The attributes that the SDK's own span normally has."""


class SpanSource(Enum):
    """Whose span a call has."""

    OURS = auto()
    SDK = auto()
    NONE = auto()


class CallSpan(Protocol):
    """The one span of a call, or the lack of one."""

    source: SpanSource
    context: context.Context
    """Where the metrics and the log event of the call belong."""

    def finish(
        self, asked: Mapping[str, Value], found: Mapping[str, Value], failure: str | None, ended_ns: int
    ) -> None:
        """Ends the span with the attributes of the request, `asked`, and with those of its end, `found`.

        As failed if `failure` describes one. `ended_ns` is since the epoch.
        """
        ...

    def close(self) -> None:
        """Ends a finished span that somebody else was to end, and will not any more."""
        ...


class SilentSpan:
    """No span: spans are off, or the SDK's own is sampled out."""

    __slots__ = ("context",)

    source = SpanSource.NONE

    def __init__(self, where: context.Context) -> None:
        self.context = where

    def finish(
        self, asked: Mapping[str, Value], found: Mapping[str, Value], failure: str | None, ended_ns: int
    ) -> None:
        """Does nothing."""

    def close(self) -> None:
        """Does nothing."""


class OwnSpan:
    """A span of ours."""

    __slots__ = ("_asked", "_guard", "context", "span")

    source = SpanSource.OURS

    def __init__(  # noqa: PLR0913 - what a span needs at its start, and the guard
        self,
        tracer: trace.Tracer,
        name: str,
        asked: Mapping[str, Value],
        where: context.Context,
        started_ns: int,
        *,
        spans: Guard,
    ) -> None:
        self._guard = spans
        self.span = tracer.start_span(
            name, context=where, kind=SpanKind.CLIENT, attributes=asked, start_time=started_ns
        )
        self.context = _within(self.span, where)
        self._asked = asked

    def finish(
        self, asked: Mapping[str, Value], found: Mapping[str, Value], failure: str | None, ended_ns: int
    ) -> None:
        """Ends the span. The status of a call that did not fail stays unset, as the conventions want it."""
        try:
            with self._guard:
                self.span.set_attributes(found if asked is self._asked else {**asked, **found})
            if failure is not None:
                with self._guard:
                    self.span.set_status(Status(StatusCode.ERROR, failure))
        finally:
            self.span.end(ended_ns)

    def close(self) -> None:
        """Does nothing: it has ended."""


class EnrichedSpan:
    """The SDK's own span. It keeps its name, its parent and its times."""

    __slots__ = ("_guard", "_put_off", "context", "span")

    source = SpanSource.SDK

    def __init__(self, span: trace.Span, where: context.Context, *, spans: Guard) -> None:
        self._guard = spans
        self.span = span
        self.context = _within(span, where)
        self._put_off = _DeferredEnd()
        # A span of a class with slots takes no instance attributes: then it gets what it can while it records.
        state = _state(span)
        if state:
            put_off = {"end": self._put_off.end, "set_status": self._put_off.set_status}
            # In a dict of their size, for one that grows takes twice as much, for as long as the stream is open.
            attempt(setattr, span, "__dict__", {**state, **put_off})
            _state(span).update(put_off)

    def finish(
        self, asked: Mapping[str, Value], found: Mapping[str, Value], failure: str | None, ended_ns: int
    ) -> None:
        """Ends the span at the time at which the SDK ended it, or leaves that to the SDK if it has not.

        Of a failure the SDK may know nothing, and still say that all is well: its later word on that does not count.
        """
        del ended_ns
        state = _state(self.span)
        for name in _PUT_OFF:
            state.pop(name, None)
        statuses = self._put_off.statuses if failure is None else ((Status(StatusCode.ERROR, failure), None),)
        if (
            failure is None
            and any(_is_error(*status) for status in statuses)
            and found.get("midstream.outcome") == _COMPLETED
        ):
            # The SDK takes a stream for cut whose end event lacks only its blank line.
            statuses = ((StatusCode.OK, None),)
        try:
            with self._guard:
                if self.span.is_recording():
                    known = self._known()
                    lacking = {name: value for name, value in {**asked, **found}.items() if name not in known}
                    self._tell(lacking, statuses)
        finally:
            if self._put_off.ended_ns is not None:
                self.span.end(self._put_off.ended_ns)
            elif failure is not None and state:
                state.update(end=_FinalEnd(self.span).end, set_status=self._put_off.set_status)

    def _known(self) -> frozenset[str]:
        """The attributes that the SDK has set of those that are its own; of a span that does not tell, all of them."""
        with self._guard:
            told: object = getattr(self.span, "attributes", None)
            if isinstance(told, Mapping):
                # A base URL that is not known yet is an empty one for the SDK, and its host an empty text.
                known = cast("Mapping[str, Any]", told).items()
                return _OF_THE_SDK.intersection([name for name, value in known if value != ""])
        return _OF_THE_SDK

    def _tell(
        self, attributes: Mapping[str, Value], statuses: Iterable[tuple[Status | StatusCode, str | None]]
    ) -> None:
        with self._guard:
            self.span.set_attributes(attributes)
        for status in statuses:
            self.span.set_status(*status)

    def close(self) -> None:
        """Ends the span if the SDK has not. What the SDK still does to it at the exit of the interpreter is ignored."""
        if self.span.is_recording():
            self.span.end()
            _state(self.span).update(dict.fromkeys((*_PUT_OFF, "set_attribute", "set_attributes"), _ignore))


_COMPLETED: Final = Outcome.COMPLETED.value

_PUT_OFF: Final = ("end", "set_status")
"""The methods of the SDK's span that instance attributes stand for until the call has ended."""


def _state(span: trace.Span) -> dict[str, Any]:
    """The instance attributes of `span`, and nobody's where it has none."""
    state: object = getattr(span, "__dict__", None)
    return cast("dict[str, Any]", state) if isinstance(state, dict) else {}


def _within(span: object, where: context.Context) -> context.Context:
    """`where` with `span` as the current one, if it is a span that works: others would stumble over it."""
    told = attempt(lambda: isinstance(span, trace.Span) and span.get_span_context())
    return trace.set_span_in_context(cast("Any", span), where) if isinstance(told, trace.SpanContext) else where


def _is_error(status: Status | StatusCode, _description: str | None) -> bool:
    return (status.status_code if isinstance(status, Status) else status) is StatusCode.ERROR


def _ignore(*_args: Any, **_kwargs: Any) -> None:
    """Stands for a method of a span that has ended, which would warn."""


class _DeferredEnd:
    """Keeps what the SDK does to its span at the end. Does not refer to the span, so no cycle arises."""

    __slots__ = ("ended_ns", "statuses")

    def __init__(self) -> None:
        self.ended_ns: int | None = None
        self.statuses: tuple[tuple[Status | StatusCode, str | None], ...] = ()

    def end(self, end_time: int | None = None) -> None:
        if self.ended_ns is None:
            self.ended_ns = time.time_ns() if end_time is None else end_time

    def set_status(self, status: Status | StatusCode, description: str | None = None) -> None:
        self.statuses += ((status, description),)


class _FinalEnd:
    """Ends a span of which the status is settled."""

    def __init__(self, span: trace.Span) -> None:
        # Weak, so no cycle arises. It lives: its `end` is called.
        self._span = weakref.ref(span)

    def end(self, end_time: int | None = None) -> None:
        span = self._span()
        if span is not None:
            for name in _PUT_OFF:
                _state(span).pop(name, None)
            span.end(end_time)


def sdk_span(entered_in: context.Context) -> trace.Span | None:
    """The SDK's own span of the running call, or `None` if it has none.

    To be asked where the SDK builds a request: there its span is the current one. `entered_in` is the context in
    which the call was entered, whose span is the application's.
    """
    current = trace.get_current_span()
    if current is trace.get_current_span(entered_in):
        return None
    # A span that a middleware of the application started is in between. Spans of the SDK's kind name their scope.
    scope = getattr(getattr(current, "instrumentation_scope", None), "name", _SDK_SCOPE)
    return current if str(scope).startswith(_SDK_SCOPE) else None
