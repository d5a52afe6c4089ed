"""What is recorded of a call: its span from the start, everything else once, at its end."""

from __future__ import annotations

import time
from contextvars import copy_context
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from midstream._guard import safe_clock
from midstream._outcomes import Outcome
from midstream._outcomes.values import as_int, as_text
from midstream._sdk import callers, request_attributes
from midstream._sdk.deferred import DEFERRED
from midstream._sdk.forks import at_fork
from midstream._telemetry import call_observer
from midstream._telemetry.call_record import CallRecord
from midstream._telemetry.spans import SilentSpan

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.context import Context

    from midstream._outcomes import Verdict
    from midstream._telemetry.call_record import CallRequest
    from midstream._telemetry.recorder import Recorder
    from midstream._telemetry.spans import CallSpan


class Reporter:
    """What the reports of one `instrument()` share.

    `clock` gives seconds and may raise. `spans_observed`: whether the patches that run inside the SDK's own spans are
    in place.
    """

    def __init__(
        self, recorder: Recorder, *, spans_observed: bool = False, clock: Callable[[], float] = time.perf_counter
    ) -> None:
        self.recorder = recorder
        self.guards = recorder.guards
        self.clock = safe_clock(clock, self.guards.clock)
        self.spans_observed = spans_observed
        self.process = object()
        """Identifies this process: a forked child has another one."""
        at_fork(self)

    def forked(self) -> None:
        """This process is a forked child. Calls nothing of OpenTelemetry: a thread that is gone may hold its lock."""
        self.process = object()
        self.recorder.forked()


class CallReport:
    """What will be recorded of one call. Nothing here raises."""

    __slots__ = (
        "_attempts",
        "_on_end",
        "_process",
        "_request_id",
        "_started_ns",
        "_status_code",
        "entered_in",
        "is_open",
        "reporter",
        "request",
        "span",
        "started_at",
    )

    def __init__(self, reporter: Reporter, request: CallRequest, entered_in: Context) -> None:
        self.reporter = reporter
        self._process = reporter.process
        self.request = request
        self.entered_in = entered_in
        self.started_at = reporter.clock()
        self._started_ns = time.time_ns()
        self.span: CallSpan | None = None
        """`None` until it is known whether the SDK has one."""
        self._on_end: Callable[[CallRecord | None], object] | None = None
        self.is_open = False
        """Whether the call counts as an open stream."""
        self._attempts = 0
        self._status_code: int | None = None
        self._request_id: str | None = None

    @property
    def is_inherited(self) -> bool:
        """Whether this process was forked during the call, which its parent reports."""
        return self._process is not self.reporter.process

    def start(self, *, sdk_has_span: bool) -> None:
        """The call starts, with a span of midstream's unless the SDK may have one. Raises what the recorder raises."""
        recorder = self.reporter.recorder
        if self.request.series is None:
            recorder.first_seen(self.request)
        self._on_end = call_observer.notify_started(self.request)
        if not sdk_has_span:
            self.span = recorder.own_span(self.request, self.entered_in, self._started_ns)

    def start_hidden(self) -> None:
        """The call starts, and only observers that see hidden calls are notified."""
        self._on_end = call_observer.notify_started(self.request, hidden=True)

    def find_span(self) -> None:
        """Takes the SDK's own span, which is the current one if the call has one, or else one of ours."""
        if self.span is None:
            try:
                self.span = self.reporter.recorder.span_within(self.request, self.entered_in, self._started_ns)
            except Exception:
                if not self.reporter.guards.spans.contains_error():
                    raise

    def attempted(self, http_request: Any) -> None:
        """The SDK will send `http_request`, whose URL may differ from the client's base URL."""
        self._attempts += 1
        address, port = request_attributes.endpoint(http_request.url)
        if (address, port) != (self.request.server_address, self.request.server_port):
            self.request = replace(self.request, server_address=address, server_port=port)

    def responded(self, response: Any) -> None:
        """The status and the id of the last `response` are known. Raises what it raises."""
        self._status_code = as_int(response.status_code)  # HTTP/2 allows numbers of any size
        self._request_id = as_text(response.headers.get("request-id"))

    def parsed(self, status_code: object, request_id: object) -> None:
        """The same, where the SDK keeps the id with what it parsed."""
        self._status_code = as_int(status_code)
        self._request_id = as_text(request_id)

    @property
    def has_response(self) -> bool:
        """Whether a response is known."""
        return self._status_code is not None

    def stream_opened(self) -> None:
        """The call counts as an open stream until its end."""
        self.reporter.recorder.stream_opened(self, self.request)
        self.is_open = True
        if self.span is not None:
            self.span.stream_opened()
            self._started_ns = 0  # the span has it

    def stream_closed(self) -> None:
        """The call does not count as an open stream any more. To be called if it `is_open`."""
        self.reporter.recorder.stream_closed(self)
        self.is_open = False

    def chunk(self, model: str | None, seconds: float) -> None:
        """A piece of content came from `model`, `seconds` after the one before."""
        if not self.is_inherited:
            where = self.entered_in if self.span is None else self.span.context
            self.reporter.recorder.chunk(self.request, model, seconds, where)

    def report(self, verdict: Verdict | None, *, by_application: bool = False) -> None:
        """Reports a call that was closed or dropped: now, or a little later if this is inside OpenTelemetry.

        `by_application` excludes a finalizer. The garbage collector runs anywhere, so for what it closes a stack that
        is too deep to be examined counts as OpenTelemetry's.
        """
        if verdict is None:
            return
        with self.reporter.guards.calls:
            if callers.inside_telemetry(if_unknown=not by_application):
                DEFERRED.add(partial(self.report_now, verdict))
                return
        self.report_now(verdict)

    def report_now(self, verdict: Verdict | None, error: BaseException | None = None) -> None:
        """Reports the call, with the exception that the SDK raised. `None`: another end came first."""
        if verdict is None or self.is_inherited:
            return
        if verdict.outcome is Outcome.ABANDONED:
            # Perhaps by the garbage collector, perhaps inside ContextVar.set(), which before Python 3.12 damages memory
            # if its context changes meanwhile; span processors attach contexts.
            copy_context().run(self._report_in_context, verdict, error)
        else:
            self._report_in_context(verdict, error)

    def _report_in_context(self, verdict: Verdict, error: BaseException | None) -> None:
        reporter = self.reporter
        try:
            record = CallRecord(
                self.request, verdict, self.started_at, self._attempts, self._status_code, self._request_id
            )
            try:
                reporter.recorder.ended(record, self.span or self._late_span(), error)
            finally:
                self._ended(record)
        except Exception:
            if not reporter.guards.calls.contains_error():
                raise

    def discard(self) -> None:
        """Ends the span without an outcome: how the call ended cannot be observed."""
        try:
            if self.span is not None:
                with self.reporter.guards.spans:
                    self.span.finish(None, {}, None, time.time_ns())
        finally:
            self._ended(None)

    def close_span(self) -> None:
        """Ends a span that the SDK will not end any more: the interpreter exits."""
        if self.span is not None:
            with self.reporter.guards.spans:
                self.span.close()

    def _ended(self, record: CallRecord | None) -> None:
        if self.is_open:
            self.stream_closed()
        if self._on_end is not None:
            self._on_end(record)

    def _late_span(self) -> CallSpan:
        """The span of a call that ended before it was known whether the SDK has one."""
        span: CallSpan = SilentSpan(self.entered_in)
        # `_request` is the first method that runs inside the SDK's span: where it is observed, there was none.
        if self.reporter.spans_observed:
            with self.reporter.guards.spans:
                span = self.reporter.recorder.own_span(self.request, self.entered_in, self._started_ns)
        return span
