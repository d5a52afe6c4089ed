"""The SDK's own span, enriched at the true end of the call.

SDK 1.14 and later ends its span before the application has seen the exception of a broken stream, and an ended span
takes no attributes. So instance attributes replace two of its methods until the call has ended. Only public methods of
the span are used.

| state | begins when | `end()` | `set_status()` |
|---|---|---|---|
| recording | the SDK starts the span | the span's own | the span's own |
| deferred | midstream finds the span | keeps the time | keeps the status |
| ended | the call ends after the SDK's `end()` | the span's own | the span's own |
| settled | the call fails before the SDK's `end()` | restores both, and ends the span | does nothing |
| closed | the interpreter exits before the SDK's `end()` | does nothing | does nothing |

A call that does not fail before the SDK's `end()` leaves the span recording.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, cast

from opentelemetry import trace
from opentelemetry.trace import Status, StatusCode

from midstream._guard import Guard, attempt
from midstream._outcomes.vocabulary import Outcome
from midstream._telemetry.attributes import CALL_ATTRIBUTES, REQUEST_ATTRIBUTES, request_attributes
from midstream._telemetry.spans import CallSpan

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.context import Context

    from midstream._telemetry.call_record import CallRequest, Value


_Statuses = tuple[tuple[Status | StatusCode, str | None], ...]

_SDK_SCOPE: Final = "com.anthropic.sdk.python"

_OF_THE_SDK: Final = frozenset(
    [a.name for a in REQUEST_ATTRIBUTES if a.of_sdk] + [a.name for a in CALL_ATTRIBUTES if a.of_sdk]
)
"""The attributes that the SDK's own span normally has."""

_DEFERRED: Final = ("end", "set_status")
"""The methods that instance attributes replace until the call has ended."""

_COMPLETED: Final = Outcome.COMPLETED.value


def sdk_span(entered_in: Context) -> trace.Span | None:
    """The SDK's own span of the running call, or `None` if it has none.

    To be called where the SDK builds a request: there its span is the current one. `entered_in` is the context in
    which the call was entered, whose span is the application's.
    """
    current = trace.get_current_span()
    if current is trace.get_current_span(entered_in):
        return None
    # A middleware of the application may have started a span in between. The SDK's kind of span has a scope.
    scope = getattr(getattr(current, "instrumentation_scope", None), "name", _SDK_SCOPE)
    return current if str(scope).startswith(_SDK_SCOPE) else None


class SdkSpan(CallSpan):
    """The SDK's own span. It keeps its name, its parent and its times."""

    __slots__ = ("_deferred", "_guard")

    def __init__(self, span: trace.Span, where: Context, *, spans: Guard) -> None:
        super().__init__(where, span)
        self._guard = spans
        self._deferred = _DeferredEnd()
        _replace(span, end=self._deferred, set_status=self._deferred.set_status)

    def finish(
        self,
        request: CallRequest | None,
        result_attributes: Mapping[str, Value],
        failure: str | None,
        ended_ns: int,
    ) -> None:
        """Ends the span at the time at which the SDK ended it, or leaves that to the SDK if it has not.

        The SDK may not know of a failure and later report success. Then that status does not count.
        """
        del ended_ns
        _restore(self.span)
        completed = result_attributes.get("midstream.outcome") == _COMPLETED
        try:
            if self.span.is_recording():
                requested: Mapping[str, Value] = {} if request is None else request_attributes(request)
                self._add({**requested, **result_attributes})
                for status in self._statuses(failure, completed=completed):
                    self.span.set_status(*status)
        except Exception:
            if not self._guard.contains_error():
                raise
        finally:
            state = _state(self.span)
            if self._deferred.ended_ns is not None:
                self.span.end(self._deferred.ended_ns)
            elif failure is not None and state:
                state.update(end=_last_end(self.span), set_status=_noop)

    def _add(self, attributes: Mapping[str, Value]) -> None:
        """Adds the attributes that the SDK has not set."""
        known = self._known()
        try:
            self.span.set_attributes({name: v for name, v in attributes.items() if name not in known})
        except Exception:
            if not self._guard.contains_error():
                raise

    def close(self) -> None:
        """Ends the span if the SDK has not. Calls of the SDK during the exit of the interpreter are ignored."""
        if self.span.is_recording():
            self.span.end()
            _state(self.span).update(dict.fromkeys((*_DEFERRED, "set_attribute", "set_attributes"), _noop))

    def _statuses(self, failure: str | None, *, completed: bool) -> _Statuses:
        if failure is not None:
            return ((Status(StatusCode.ERROR, failure), None),)
        if completed and any(_is_error(status) for status, _ in self._deferred.statuses):
            # The SDK considers a stream truncated whose end event lacks only its blank line.
            return ((StatusCode.OK, None),)
        return self._deferred.statuses

    def _known(self) -> frozenset[str]:
        """The SDK's attributes that it has set; all of them for a span that does not show its attributes."""
        try:
            attributes: object = getattr(self.span, "attributes", None)
            if isinstance(attributes, Mapping):
                # The host of a base URL that is not known yet is an empty text.
                items = cast("Mapping[str, Any]", attributes).items()
                return _OF_THE_SDK.intersection([name for name, value in items if value != ""])
        except Exception:
            if not self._guard.contains_error():
                raise
        return _OF_THE_SDK


class _DeferredEnd:
    """Keeps the SDK's calls at the end of its span, as its `end`. Does not refer to the span, so no cycle arises."""

    __slots__ = ("ended_ns", "statuses")

    def __init__(self) -> None:
        self.ended_ns: int | None = None
        self.statuses: _Statuses = ()

    def __call__(self, end_time: int | None = None) -> None:
        if self.ended_ns is None:
            self.ended_ns = time.time_ns() if end_time is None else end_time

    def set_status(self, status: Status | StatusCode, description: str | None = None) -> None:
        self.statuses += ((status, description),)


def _last_end(span: trace.Span) -> Callable[..., None]:
    """The `end` of a span whose status is settled."""

    # Not weak: the collector clears weak references before it calls the finalizer with which the SDK ends the span.
    def end(end_time: int | None = None) -> None:
        _restore(span)  # also ends the cycle
        span.end(end_time)

    return end


def _replace(span: trace.Span, **methods: Callable[..., None]) -> None:
    """Replaces methods of `span`, if it has instance attributes. Otherwise it gets what it can while it records."""
    kind = type(span)
    # In a new dict, because to the span's own they would add 1,500 bytes. A proxy sets attributes in its own way.
    if kind.__setattr__ is not object.__setattr__ or not attempt(_set_state, span, methods):
        for name, method in methods.items():
            attempt(setattr, span, name, method)


def _set_state(span: Any, methods: dict[str, Any]) -> bool:
    span.__dict__ = {**span.__dict__, **methods}
    return True


def _restore(span: trace.Span) -> None:
    for name in _DEFERRED:
        attempt(delattr, span, name)


def _state(span: trace.Span) -> dict[str, Any]:
    """The instance attributes of `span`; a dict of no object if it has none."""
    state: object = getattr(span, "__dict__", None)
    return cast("dict[str, Any]", state) if isinstance(state, dict) else {}


def _is_error(status: Status | StatusCode) -> bool:
    return (status.status_code if isinstance(status, Status) else status) is StatusCode.ERROR


def _noop(*_args: Any, **_kwargs: Any) -> None:
    """Replaces a method of a span that has ended, which would log a warning."""
