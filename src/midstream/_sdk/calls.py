"""`request()` and `_build_request()`: a call from its start to its verdict."""

from __future__ import annotations

import atexit
import time
import weakref
from contextvars import ContextVar, copy_context
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from opentelemetry import context
from opentelemetry.instrumentation.utils import is_instrumentation_enabled

from midstream._guard import attempt, safe_clock
from midstream._outcomes import Outcome, StreamWatch
from midstream._outcomes.remains import Remains, keep
from midstream._outcomes.scan import EventScan
from midstream._outcomes.unexpected import failure_in_document, is_json, not_json_by_name, unexpected_by_name
from midstream._outcomes.values import UNDECODED, UNSEEN, as_int, as_text, is_mapping, json_value
from midstream._sdk import callers, request_attributes
from midstream._sdk.bodies import ObservedBody
from midstream._sdk.closing import Closing
from midstream._sdk.deferred import DEFERRED
from midstream._sdk.endpoints import endpoint_of
from midstream._sdk.forks import at_fork
from midstream._sdk.results import Head, format_of, is_inspectable, is_response, response_of, streams
from midstream._telemetry import call_observer
from midstream._telemetry.call_record import CallRecord
from midstream._telemetry.spans import SilentSpan

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextvars import Token
    from types import TracebackType

    from midstream._outcomes import Failure, Verdict
    from midstream._outcomes.kinds import StreamKind
    from midstream._telemetry.call_record import CallRequest
    from midstream._telemetry.recorder import Recorder
    from midstream._telemetry.spans import CallSpan


_current: Final[ContextVar[Entry | None]] = ContextVar("midstream_call", default=None)


def current_entry() -> Entry | None:
    """The run of `request()` that is under way here."""
    return _current.get()


def current_call() -> Call | None:
    """The call whose `request()` is running here."""
    entry = _current.get()
    return None if entry is None else entry.call


class NoEvent:
    """The class of no event."""


class Calls:
    """The calls of one `instrument()`."""

    def __init__(
        self, recorder: Recorder, *, chunk_timings: bool, clock: Callable[[], float] = time.perf_counter
    ) -> None:
        self.recorder = recorder
        self.guards = recorder.guards
        self.chunk_timings = chunk_timings
        self.clock = safe_clock(clock, self.guards.clock)
        self.at_first_call: dict[bool, Callable[[], object]] = {}
        """What is to be done, once, before the first call that is observed (False) and that is not to be (True)."""
        self.telling: weakref.WeakSet[type] = weakref.WeakSet()
        """The classes of events that have to be looked at each time. Of all calls, as they are the SDK's."""
        self.streams_observed = True
        """Whether the patches that streams need are in place."""
        self.spans_observed = False
        """Whether the patches that see the SDK's own spans begin are in place."""
        # By response, for a Stream can be made later than its call, and can be a copy. Weak on both sides: a call that
        # only the body of its response keeps alive is garbage together with it, and is told when the collector finds
        # that. Kept from here, it would be told a collection later.
        self._by_response: weakref.WeakKeyDictionary[Any, weakref.ref[Call]] = weakref.WeakKeyDictionary()
        # By id, and no set: threads may open streams while this is looked through.
        self._open: weakref.WeakValueDictionary[int, Call] = weakref.WeakValueDictionary()
        self._ends_at_exit = False
        self._stopped = False
        self.process = object()
        """Stands for this process: a forked child has another one than its parent."""
        at_fork(self)

    def enter(self, client: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Entry:
        """The call that these arguments of `request()` start. Never raises."""
        call: Call | None = None
        with self.guards.calls:
            call = self._call(client, args, kwargs)
        return Entry(call)

    def of(self, response: object) -> Call | None:
        """The call that `response` belongs to. `None` for a response that is not observed. Never raises."""
        # A test may put anything there, and not all of it can be hashed, compared and weakly referenced.
        call = attempt(self._by_response.get, response)
        return None if call is None else call()

    def closing(self, stream: Any) -> Closing:
        """To be entered while the application closes `stream`. Never raises."""
        call = self.of(attempt(response_of, stream))
        # A wrapper that closes the stream whenever its response is closed does so at the end of the SDK's parser too.
        if call is None or call.closed_by_parser():
            return Closing(None, None)
        return Closing(call, call.closing(), by_application=True)

    def forked(self) -> None:
        """This process is a forked child: the calls that are under way are its parent's, which tells them.

        Calls nothing of OpenTelemetry, where a thread that is no more may hold a lock.
        """
        self.process = object()
        self._open = weakref.WeakValueDictionary()
        self.recorder.forked()

    def opened(self, response: object, call: Call) -> bool:
        """`call` has begun to stream `response`, and can be found by it as long as both live.

        `False` for a response that nothing can be found by: then nothing has changed.
        """
        attempt(self._by_response.__setitem__, response, weakref.ref(call))
        if self.of(response) is not call:
            return False
        self._open[id(call)] = call
        self.recorder.stream_opened(id(call), call.request)
        call.is_open = True
        if not self._ends_at_exit:
            # Not before the first stream: handlers run last in, first out, and the providers have theirs by now.
            self._ends_at_exit = True
            atexit.register(self.end_open_calls)
        if self._stopped:
            # A call that was under way at `stop()`. This would keep everything here until the exit.
            atexit.unregister(self.end_open_calls)
        return True

    def closed(self, call: Call) -> None:
        """The stream of `call` is open no more."""
        self.recorder.stream_closed(id(call))
        call.is_open = False

    def stop(self) -> None:
        """No more calls are to come. Those that are open are recorded when they end."""
        self._stopped = True
        atexit.unregister(self.end_open_calls)
        DEFERRED.flush()

    def end_open_calls(self) -> None:
        """Ends the calls that are still open, at the exit of the interpreter."""
        for call in filter(None, (ref() for ref in self._open.valuerefs())):
            call.closed()
            with self.guards.spans:
                if call.span is not None:
                    call.span.close()
        DEFERRED.flush()

    def _call(self, client: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Call | None:
        options = request_attributes.options_of(args, kwargs)
        endpoint = endpoint_of(options)
        stream = kwargs.get("stream") is True
        if endpoint is None or (stream and not self.streams_observed):
            return None
        hidden = not is_instrumentation_enabled()
        at_first_call = self.at_first_call.pop(hidden, None)
        if at_first_call is not None:
            at_first_call()
        if hidden:
            return None
        DEFERRED.flush()
        request = request_attributes.request_of(client, endpoint.operation, options, stream=stream)
        call = Call(self, request, endpoint.stream)
        self.recorder.first_seen(request)
        call.heard = call_observer.notify_started(request)
        # Without a tracer on the client (SDK below 1.14, or switched off) or a name for its span (`client.post`), the
        # SDK makes no span: then ours is the current one of the request, as its span would be.
        if getattr(client, "_tracer", None) is None or not getattr(options, "span_name", None):
            call.span = self.recorder.own_span(request, call.entered_in, call.started_ns)
        return call


class Entry:
    """One run of `request()`, with its call or with none.

    While entered, the call is the current one here, and a span of ours the current span. Afterwards it lets go of the
    call: event loops keep copies of the context for as long as the connection lives that was opened in it.
    """

    __slots__ = ("_attached", "_reset", "call")

    def __init__(self, call: Call | None) -> None:
        self.call = call
        self._reset: Token[Entry | None] | None = None
        self._attached: tuple[context.Context, Token[context.Context]] | None = None

    def __enter__(self) -> None:
        call = self.call
        # A request that is not observed hides the one around it: its attempts are not that one's.
        if call is not None or _current.get() is not None:
            self._reset = _current.set(self)
        self._attach()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        # A coroutine that is closed from elsewhere, as at the end of its loop, leaves in a context that is not its own.
        call, attached, reset = self.call, self._attached, self._reset
        if call is not None and attached is not None:
            with call.guards.spans:
                if context.get_current() is attached[0]:
                    context.detach(attached[1])
        if reset is not None:
            attempt(_current.reset, reset)

    def within_span(self) -> None:
        """The SDK's own span of the call, if it has one, is the current span here. If not, one of ours becomes it."""
        if self.call is not None:
            self.call.within_span()
            self._attach()

    def failed(self, error: BaseException) -> None:
        """`request()` raised."""
        call, self.call = self.call, None
        if call is not None:
            call.failed(error)

    def returned(self, result: Any) -> None:
        """`request()` returned."""
        call, self.call = self.call, None
        if call is not None:
            call.returned(result)

    def _attach(self) -> None:
        call = self.call
        span = None if call is None else call.span
        if call is not None and span is not None and span.is_own and self._attached is None:
            with call.guards.spans:
                self._attached = (span.context, context.attach(span.context))


class Call:
    """One call. Everything here is to be called from patches, so nothing here raises.

    Nothing that a call refers to, once its `request()` has returned, refers to the response, the stream or an
    exception: a call dies with its response, and a call that dies before its end was dropped by the application.
    """

    __slots__ = (
        "__weakref__",
        "_attempts",
        "_calls",
        "_head",
        "_observed",
        "_parser",
        "_process",
        "_read_before",
        "_request_id",
        "_response",
        "entered_in",
        "guards",
        "heard",
        "is_open",
        "kept",
        "request",
        "skipped",
        "span",
        "started_at",
        "started_ns",
        "watch",
    )

    def __init__(self, calls: Calls, request: CallRequest, kind: StreamKind) -> None:
        self._calls = calls
        self.guards = calls.guards
        """What contains the faults of the call, and counts them where the call is recorded."""
        self._process = calls.process
        self.request = request
        self.entered_in = context.get_current()
        self.started_at = calls.clock()
        self.started_ns = time.time_ns()
        self.span: CallSpan | None = None
        self.heard: Callable[[CallRecord | None], object] | None = None
        """Hears how the call ended. `None`: it could not be observed to its end."""
        self.skipped: type = NoEvent
        """The class of the events that need not be looked at: once content has come, more of it tells nothing new."""
        self.is_open = False
        """Whether its stream is counted as one that is open."""
        self._attempts = 0
        self._response: Any = None
        self._head: Head | None = None
        self._read_before = False
        self.kept: list[bytes] | None = None
        """The last chunks of the body of a stream of events."""
        self._observed: int | None = None
        self._request_id: str | None = None
        self._parser: weakref.ref[Any] | None = None
        self.watch = StreamWatch(calls.clock, kind)  # last: a call without it was interrupted here, and never began

    def attempted(self, http_request: Any) -> None:
        """The SDK built an HTTP request for the call, and will send it."""
        with self.guards.calls:
            self._attempts += 1
            self._response = None
            address, port = request_attributes.endpoint(http_request.url)
            if (address, port) != (self.request.server_address, self.request.server_port):
                self.request = replace(self.request, server_address=address, server_port=port)
        self.within_span()

    def within_span(self) -> None:
        """The SDK's own span, if the call has one, is the current span here."""
        with self.guards.spans:
            if self.span is None:
                self.span = self._calls.recorder.span_within(self.request, self.entered_in, self.started_ns)

    def responded(self, response: Any) -> None:
        """The SDK is about to make of `response` what `request()` returns."""
        self._response = response

    def returned(self, result: Any) -> None:
        """`request()` returned `result`: a message, a stream, or a raw response."""
        with self.guards.calls:
            hidden, self._response = self._response, None
            if not attempt(is_response, hidden):
                hidden = None  # a double, which shows nothing
            # An answer is of any class that the application asks for: it may not let itself be looked at.
            response = attempt(lambda: response_of(result))
            if response is None:
                self._parsed(result, hidden)
                return
            if not attempt(is_response, response):
                self.forget()
                return
            self._note(response)
            if response.is_closed and not streams(result):
                self._read_whole(response)
                return
            self._open(response)
            return
        self.forget()  # what became of it is not known: a fault of ours

    def failed(self, error: BaseException, last_event: object = None) -> None:
        """`error` is on its way to the application."""
        answered, self._response = self._response, None
        with self.guards.calls:
            verdict = self.watch.failed(error, last_event, lambda: self._failure_in(answered), self._remains)
            # An exception can be one of the application's, which may not let itself be looked at.
            response = attempt(lambda: getattr(error, "response", None))
            is_http_error = verdict is not None and verdict.outcome is Outcome.HTTP_ERROR
            if (self._observed is None or is_http_error) and response is not None:
                attempt(lambda: self._note(response))
            self.tell_now(verdict, error)

    def on_end(self, last_event: object = None) -> None:
        """The event iterator came to its end."""
        with self.guards.calls:
            self.tell_now(self.watch.read(last_event, self._remains))

    def closing(self, last_event: object = None) -> Verdict | None:
        """The application closes the stream. The verdict is to be told when it is closed."""
        # Asked first, here and below: what outlives the modules at the exit of the interpreter finds no guard any more.
        if self._is_settled:
            return None
        with self.guards.calls:
            return self.watch.closed(last_event)
        return None

    def closed(self) -> None:
        """The application is done with the stream."""
        self.tell(self.closing())

    def parsed_by(self, parser: Any) -> None:
        """`parser` decodes the body from now on, so the ends of the body itself say nothing any more."""
        with self.guards.streams:
            self._parser = weakref.ref(parser)

    def on_event(self, event: object) -> None:
        """An event was decoded."""
        with self.guards.streams:
            since_last = self.watch.event(event)
            if self._calls.chunk_timings:
                if since_last is not None and not self._is_inherited:
                    self._calls.recorder.chunk(self.request, self.watch.model, since_last, self.where)
                return
            kind = type(event)
            if not self.watch.is_redundant:
                self._calls.telling.add(kind)
            elif kind not in self._calls.telling and not is_mapping(event):
                self.skipped = kind

    def on_hidden_failure(self, failure: Failure) -> None:
        """Who reads the undecoded body has been given a failure in it, which nobody raises."""
        with self.guards.bodies:
            self.watch.found(failure)

    def on_document(self, document: object) -> None:
        """The undecoded body came to its end, and is `document`; `UNSEEN` if that cannot be looked at."""
        with self.guards.bodies:
            self.tell_now(self.watch.answered(document))

    @property
    def is_parsed(self) -> bool:
        """Whether a parser decodes the body."""
        return self._parser is not None

    def body_read(self) -> None:
        """The body came to its end by its framing."""
        with self.guards.bodies:
            if self._parser is None:
                media_type = "" if self._head is None else format_of(*self._head).media_type
                failure = unexpected_by_name(media_type, self.watch.kind, events=self.wants_events)
                if failure is not None:
                    self.watch.found(failure)
                self.tell_now(self.watch.read_without_events())

    def body_failed(self, error: BaseException) -> None:
        """Reading the body raised `error`."""
        if self._parser is None:
            self.failed(error)

    def body_closing(self, *, reading: bool) -> Verdict | None:
        """The body is being closed, `reading` if in the middle of a read. The verdict is to be told when it is closed.

        The SDK's parser closes the body itself when it ends, while it runs and between two reads. Any other close is
        the application's.
        """
        if self._is_settled:
            return None
        with self.guards.bodies:
            if reading or not self._parser_runs():
                return self.watch.closed()
        return None

    def closed_by_parser(self) -> bool:
        """Whether what is running here was called by the SDK's parser, and not by the application."""
        with self.guards.streams:
            parser = None if self._parser is None else self._parser()
            running = getattr(parser, "gi_frame", getattr(parser, "ag_frame", None))
            # Between two events it does not run at all, and that is when an application closes a stream.
            return running is not None and self._parser_runs() and callers.runs_within(running)
        return False

    def tell(self, verdict: Verdict | None, *, by_application: bool = False) -> None:
        """Tells `verdict` of a call that was closed or dropped: at once, but inside of OpenTelemetry a little later.

        `by_application`: not by a finalizer. The garbage collector runs anywhere, so for what it closes OpenTelemetry
        is assumed beneath a stack that is too deep to be looked through.
        """
        if verdict is None:
            return
        with self.guards.calls:
            if callers.inside_telemetry(if_unknown=not by_application):
                DEFERRED.add(self, verdict)
                return
        self.tell_now(verdict)

    def tell_now(self, verdict: Verdict | None, error: BaseException | None = None) -> None:
        """Tells `verdict`; there is nothing to tell in `None`, the answer to an end that was not the first."""
        if verdict is None or self._is_inherited:
            return
        if verdict.outcome is Outcome.ABANDONED:
            # Perhaps by the garbage collector, perhaps inside ContextVar.set(). Before Python 3.12 that one damages
            # memory if its context is changed meanwhile, and span processors attach contexts.
            copy_context().run(self._tell_here, verdict, error)
        else:
            self._tell_here(verdict, error)

    def _tell_here(self, verdict: Verdict, error: BaseException | None) -> None:
        with self.guards.calls:
            ended = CallRecord(self.request, verdict, self.started_at, self._attempts, self._observed, self._request_id)
            try:
                self._calls.recorder.ended(ended, self.span or self._late_span(), error)
            finally:
                if self.is_open:
                    self._calls.closed(self)
                if self.heard is not None:
                    self.heard(ended)

    def __del__(self) -> None:
        if hasattr(self, "watch"):
            self.dropped()
            if self.is_open:
                # What told it was interrupted before it came to this, or was too near the recursion limit.
                with self.guards.calls:
                    self._calls.closed(self)

    def dropped(self) -> None:
        """The application dropped the call, or what reads its body, before its end."""
        if self._is_settled:
            return
        with self.guards.calls:
            self.tell(self.watch.closed())

    def forget(self) -> None:
        """The call cannot be observed any more: its span ends, and how it ended is not recorded. Never raises."""
        with self.guards.calls:
            if self._is_settled or self.watch.closed() is None:
                return
            try:
                if self.span is not None:
                    with self.guards.spans:
                        self.span.finish({}, {}, None, time.time_ns())
            finally:
                if self.is_open:
                    self._calls.closed(self)
                if self.heard is not None:
                    self.heard(None)

    def _late_span(self) -> CallSpan:
        """The span of a call that ended before it could be seen whether the SDK has one."""
        # `_request` is the first thing that runs inside the SDK's span: without it, there was none.
        if self._calls.spans_observed:
            with self.guards.spans:
                return self._calls.recorder.own_span(self.request, self.entered_in, self.started_ns)
        return SilentSpan(self.entered_in)

    @property
    def clock(self) -> Callable[[], float]:
        """The clock of the watch. Seconds; never raises."""
        return self._calls.clock

    @property
    def _is_settled(self) -> bool:
        """Whether there is nothing to tell any more, here."""
        return self.watch.ended or self._is_inherited

    @property
    def _is_inherited(self) -> bool:
        """Whether this process was forked in the middle of the call: its parent tells it."""
        return self._process is not self._calls.process

    @property
    def where(self) -> context.Context:
        """Where the metrics of the call belong."""
        return self.entered_in if self.span is None else self.span.context

    @property
    def wants_events(self) -> bool:
        """Whether the answer was requested as a stream of events."""
        return self.request.stream and self.watch.kind.is_events

    def _parsed(self, result: Any, response: Any) -> None:
        """The SDK made `result` of the whole `response`, or a middleware made it of none, which is `None`."""
        # It may not let itself be looked at.
        shows_it = attempt(is_inspectable, result) is True
        if response is not None:
            self._observed = as_int(response.status_code)
            self._request_id = as_text(attempt(lambda: getattr(result, "_request_id", None)))
            if not shows_it:
                # A text, or a class of the application's, which does not show what arrived.
                self._note(response)
                self._read_whole(response)
                return
        self.tell_now(self.watch.answered(result, judge=shows_it and response is not None))

    def _read_whole(self, response: Any) -> None:
        """`response` was read before it was returned."""
        media_type = format_of(response.headers, response.__class__).media_type
        kind = self.watch.kind
        if self.wants_events:
            body: bytes = response.content
            EventScan(self, kind).feed(body)
            self.tell_now(self.watch.read(None, lambda: Remains.of(media_type, "", body, len(body))))
            return
        document: object = UNSEEN
        if kind.proof is not None:
            try:
                document = response.json()
            except ValueError as error:
                if is_json(media_type):
                    self.failed(error)  # what the SDK will raise when the application parses it
                    return
                self.on_hidden_failure(not_json_by_name(media_type, is_empty=not response.content))
            except RecursionError:
                pass  # too deep to be looked at
        self.tell_now(self.watch.answered(document))

    def _failure_in(self, response: Any) -> Failure | None:
        """The failure that the document is over which the SDK raised, of a `response` that was read.

        `None` if it is an answer, or cannot be looked at.
        """
        if self.watch.opened or self.watch.kind.proof is None or not attempt(is_response, response):
            return None
        media_type = format_of(response.headers, response.__class__).media_type
        document = attempt(lambda: json_value(response.content))
        if document is not UNDECODED:
            failure = failure_in_document(document, self.watch.kind)
        elif is_json(media_type):
            return None
        else:
            failure = not_json_by_name(media_type, is_empty=not response.content)
        if failure is not None:
            self._note(response)
        return failure

    def _remains(self) -> Remains | None:
        """What is known about the body of a stream of events."""
        if self._head is None or self.kept is None:
            return None
        form = format_of(*self._head)
        if self._read_before:
            return Remains.of(form.media_type, "", b"".join(self.kept), self.watch.received)
        return Remains.of(form.media_type, form.encoding, b"".join(self.kept), self.watch.received)

    def _open(self, response: Any) -> None:
        if self._is_inherited:
            return
        self.watch.open()
        # Opened first: where it cannot be, the response stays as it is.
        if not (self._calls.opened(response, self) and self._takes_observed_body(response)):
            self.forget()

    def _takes_observed_body(self, response: Any) -> bool:
        self._head = Head(response.headers, type(response))
        if self.watch.kind.is_events:
            self._read_before = response.is_closed is True
            content: bytes | None = attempt(lambda: response.content) if self._read_before else None
            self.kept = []
            if content:
                self.watch.received = len(content)
                keep(self.kept, content)
        body = attempt(lambda: response.stream)
        # Also where it was read before it was returned, by an event hook for instance: the body keeps the call.
        observed = ObservedBody(body, self, self._head)
        attempt(setattr, response, "stream", observed)
        return attempt(lambda: response.stream) is observed

    def _note(self, response: Any) -> None:
        self._observed = as_int(response.status_code)  # HTTP/2 has numbers of any size
        self._request_id = as_text(response.headers.get("request-id"))

    def _parser_runs(self) -> bool:
        parser = None if self._parser is None else self._parser()
        if parser is None:
            return False
        # An iterator that is neither kind of generator does not tell.
        return bool(getattr(parser, "gi_running", getattr(parser, "ag_running", True)))
