"""The entry of a call: one run of `request()`."""

from __future__ import annotations

from contextvars import ContextVar
from functools import cache, cached_property, lru_cache
from typing import TYPE_CHECKING, Any, Final

from opentelemetry import context

from midstream._guard import attempt
from midstream._sdk import request_attributes
from midstream._sdk.bodies import observe_body
from midstream._sdk.call import ObservedCall
from midstream._sdk.deferred import DEFERRED
from midstream._sdk.endpoints import endpoint_of
from midstream._sdk.event_types import EventTypes
from midstream._sdk.registry import CallRegistry
from midstream._sdk.reporting import CallReport, Reporter
from midstream._telemetry.call_observer import hidden_calls_are_seen
from midstream._telemetry.call_record import CallRequest
from midstream._telemetry.recorder import Recorder
from midstream._telemetry.series import MAX_REQUESTS
from midstream._telemetry.signals import Signals

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextvars import Token
    from types import TracebackType

    from midstream._corrections.errors import Corrections
    from midstream._outcomes.corrected import CorrectedError


_current: Final[ContextVar[ObservedRequest | None]] = ContextVar("midstream_call", default=None)


def current_request() -> ObservedRequest | None:
    """The run of `request()` that is in progress here."""
    return _current.get()


def current_call() -> ObservedCall | None:
    """The call whose `request()` is in progress here."""
    request = _current.get()
    return None if request is None else request.call


@cache
def _is_instrumentation_enabled() -> Callable[[], bool]:
    """The function that says whether `suppress_instrumentation()` is absent here."""
    from opentelemetry.instrumentation.utils import is_instrumentation_enabled  # noqa: PLC0415 - slow, and rarely needed

    return is_instrumentation_enabled


class RequestObserver:
    """Observes every `request()` of one `instrument()`.

    `streams_observed`: whether the patches that streams need are in place. `before_first_call` is called before the
    first call that is observed, with `hidden=False`, and before the first that must not be, with `hidden=True`.
    `corrections` gives what corrects the errors of a call that starts here, or `None`.
    """

    def __init__(
        self,
        reporter: Reporter,
        *,
        chunk_timings: bool = False,
        streams_observed: bool = True,
        before_first_call: Callable[..., object] | None = None,
        corrections: Callable[[], Corrections | None] = lambda: None,
    ) -> None:
        self.registry = CallRegistry()
        self._reporter = reporter
        self._streams_observed = streams_observed
        self._event_types = None if chunk_timings else EventTypes()
        self._before_first_call = before_first_call
        self._not_met = {False, True}
        # Calls that request the same share one request, which keeps their attributes and series.
        self._request = lru_cache(maxsize=MAX_REQUESTS)(CallRequest)
        self._corrections = corrections

    def enter(self, client: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> ObservedRequest:
        """The run of `request()` with these arguments, with its call if it is observed. Never raises."""
        try:
            return ObservedRequest(self._start(client, args, kwargs))
        except Exception:
            if not self._reporter.guards.calls.contains_error():
                raise
            return ObservedRequest(None)

    def returned(self, request: ObservedRequest, result: Any) -> CorrectedError | None:
        """`request` returned `result`. Returns the corrected exception, if it is to be raised instead. Never raises."""
        call = request.leave()
        if call is None:
            return None
        try:
            live, corrected = call.returned(result)
            if live is not None and observe_body(live, call):
                self.registry.add(live, call)
            elif live is not None:
                call.forget()
        except Exception:
            if not call.guards.calls.contains_error():
                raise
            call.forget()  # the end cannot be observed
            return None
        return corrected

    @cached_property
    def _silent(self) -> Reporter:
        return Reporter(Recorder(Signals.silent(), spans=False))

    def _start(self, client: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> ObservedCall | None:
        options = request_attributes.options_of(args, kwargs)
        endpoint = endpoint_of(options)
        stream = kwargs.get("stream") is True
        if endpoint is None or (stream and not self._streams_observed):
            return None
        where = context.get_current()
        # Most contexts without a span are empty, which is faster to find out.
        hidden = bool(where) and not _is_instrumentation_enabled()()
        if hidden in self._not_met:
            self._not_met.discard(hidden)
            if self._before_first_call is not None:
                self._before_first_call(hidden=hidden)
        corrections = self._corrections()
        if hidden and corrections is None and not hidden_calls_are_seen():
            return None
        DEFERRED.flush()
        make = CallRequest if hidden else self._request
        request = request_attributes.request_of(client, endpoint.operation, options, stream=stream, make=make)
        if hidden:
            # Its errors are corrected, observers may be notified, and nothing is recorded.
            report = CallReport(self._silent, request, where)
            call = ObservedCall(report, endpoint.stream, self._event_types, corrections)
            report.start_hidden()
            return call
        report = CallReport(self._reporter, request, where)
        call = ObservedCall(report, endpoint.stream, self._event_types, corrections)
        # Without a tracer on the client (SDK below 1.14, or switched off) or a name for its span (`client.post`), the
        # SDK makes no span: then midstream's is the current one during the request, as the SDK's would be.
        sdk_has_span = getattr(client, "_tracer", None) is not None and bool(getattr(options, "span_name", None))
        report.start(sdk_has_span=sdk_has_span)
        return call


class ObservedRequest:
    """One run of `request()`, with its call if it is observed.

    While entered, it is the current one here, and a span of midstream's the current span. When it is left it drops its
    call: event loops keep copies of the context as long as the connection lives that was opened in it.
    """

    __slots__ = ("_attached", "_reset", "call")

    def __init__(self, call: ObservedCall | None) -> None:
        self.call = call
        self._reset: Token[ObservedRequest | None] | None = None
        self._attached: tuple[context.Context, Token[context.Context]] | None = None

    def __enter__(self) -> None:
        # A request that is not observed hides the one around it, whose attempts are not its own.
        if self.call is not None or _current.get() is not None:
            self._reset = _current.set(self)
        self._attach()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        # A coroutine that is closed from outside, as at the end of its loop, is left in another context.
        call, attached, reset = self.call, self._attached, self._reset
        if call is not None and attached is not None:
            try:
                if context.get_current() is attached[0]:
                    context.detach(attached[1])
            except Exception:
                if not call.guards.spans.contains_error():
                    raise
        if reset is not None:
            attempt(_current.reset, reset)

    def within_span(self) -> None:
        """The SDK's own span of the call, if any, is the current span here. If not, one of midstream's becomes it."""
        if self.call is not None and self._attached is None:
            self.call.report.find_span()
            self._attach()

    def failed(self, error: BaseException) -> CorrectedError | None:
        """`request()` raised. Returns the corrected exception, if it is to be raised instead."""
        call = self.leave()
        return None if call is None else call.failed(error)

    def leave(self) -> ObservedCall | None:
        """Drops the call, and returns it."""
        call, self.call = self.call, None
        return call

    def _attach(self) -> None:
        call = self.call
        if call is None or self._attached is not None:
            return
        span = call.report.span
        if span is not None and span.is_own:
            try:
                where = span.context
                self._attached = (where, context.attach(where))
            except Exception:
                if not call.guards.spans.contains_error():
                    raise
