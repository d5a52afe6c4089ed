"""One call, from its first attempt to its verdict."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from midstream._guard import attempt
from midstream._outcomes import Outcome, StreamWatch
from midstream._outcomes.remains import Remains, keep
from midstream._outcomes.scan import EventScan
from midstream._outcomes.unexpected import failure_in_document, is_json, not_json_by_name, unexpected_by_name
from midstream._outcomes.values import UNDECODED, UNSEEN, is_known_answer, json_value
from midstream._sdk.closing import ClosableCall
from midstream._sdk.event_types import EventTypes, NoEvent
from midstream._sdk.results import encodings_in, is_inspectable, is_response, media_type_in, response_of, streams

if TYPE_CHECKING:
    from midstream._corrections.errors import Corrections
    from midstream._outcomes import Failure, Verdict
    from midstream._outcomes.corrected import CorrectedError
    from midstream._outcomes.kinds import StreamKind
    from midstream._sdk.reporting import CallReport


class Returned(NamedTuple):
    """What is to be done about the result of `request()`."""

    live: Any = None
    """Its HTTP response, if the body is still to be observed."""
    corrected: CorrectedError | None = None
    """The exception to be raised instead."""


_NOTHING: Final = Returned()


class ObservedCall(ClosableCall):
    """One call. Patches call its methods, so none raises unless it says so. It is also the sink of a scan of its body.

    Once its `request()` has returned, a call refers neither to the response nor to the stream nor to an exception. So
    it dies with its response, and a call that dies before its end was dropped by the application.
    """

    __slots__ = (
        "_event_types",
        "_read_before",
        "_response",
        "_stream_response",
        "corrections",
        "headers",
        "ignored_event_type",
        "kept",
    )

    def __init__(
        self,
        report: CallReport,
        kind: StreamKind,
        event_types: EventTypes | None = None,
        corrections: Corrections | None = None,
    ) -> None:
        """`event_types`: `None` shows the call every event, so that the time between them is measured.

        `corrections` makes the exceptions that the application requested in place of the SDK's. `None`: it did not.
        """
        self.report = report
        self._event_types = event_types
        self.ignored_event_type: type = NoEvent
        self.corrections = corrections
        self._stream_response: weakref.ref[Any] | None = None  # for `corrections`
        self._response: Any = None
        self.headers: Any = None
        """Those of the live response."""
        self._read_before = False
        self.kept: list[bytes] | None = None
        """The last chunks of the body of a stream of events."""
        self._parser = None
        self.is_reading = False
        self.watch = StreamWatch(report.reporter.clock, kind)  # last

    @property
    def wants_events(self) -> bool:
        """Whether the answer was requested as a stream of events."""
        return self.report.request.stream and self.watch.kind.is_events

    # While `request()` runs.

    def attempted(self, http_request: Any) -> None:
        """The SDK built an HTTP request for the call, and will send it."""
        self._response = None
        try:
            self.report.attempted(http_request)
        except Exception:
            if not self.guards.calls.contains_error():
                raise
        self.report.find_span()

    def parsing(self, response: Any) -> None:
        """The SDK is about to parse `response`."""
        self._response = response

    def failed(self, error: BaseException, last_event: object = None) -> CorrectedError | None:
        """`error` is on its way to the application, from `request()` or from the stream.

        Returns the corrected exception, if it is to be raised instead. So do the methods below that return one.
        """
        return self._failed(error, last_event, correct=True)

    def _failed(self, error: BaseException, last_event: object, *, correct: bool) -> CorrectedError | None:
        answered, self._response = self._response, None
        try:
            verdict = self.watch.failed(error, last_event, lambda: self._failure_in(answered), self._remains)
            # An exception of the application's may not let itself be examined.
            response = attempt(lambda: getattr(error, "response", None))
            is_http_error = verdict is not None and verdict.outcome is Outcome.HTTP_ERROR
            if (is_http_error or not self.report.has_response) and response is not None:
                attempt(self.report.responded, response)
            return self._report(verdict, error, answered if response is None else response, correct=correct)
        except Exception:
            if not self.guards.calls.contains_error():
                raise
            return None

    def _report(
        self, verdict: Verdict | None, error: BaseException | None, response: Any, *, correct: bool
    ) -> CorrectedError | None:
        corrected = None
        if correct and self.corrections is not None and verdict is not None and verdict.failure is not None:
            if response is None and self._stream_response is not None:
                response = self._stream_response()
            corrected = self.corrections.of(verdict.failure, error, response)
            if corrected is not None:
                verdict = verdict.corrected_to(corrected.failure.corrected_type)
        self.report.report_now(verdict, error)
        return corrected

    def returned(self, result: Any) -> Returned:
        """`request()` returned `result`: a message, a stream, or a raw response. Raises internal errors."""
        parsed, self._response = self._response, None
        if is_known_answer(result) and attempt(is_response, parsed):
            return self._judge_answer(result, parsed)  # the most frequent result
        # A result can be of any class of the application's, which may not let itself be examined.
        response = attempt(response_of, result)
        if response is None:
            # A response that is a double shows nothing.
            return Returned(corrected=self._judge_parsed(result, parsed if attempt(is_response, parsed) else None))
        if not attempt(is_response, response):
            self.forget()
        else:
            self.report.responded(response)
            if not response.is_closed or streams(result):
                return Returned(live=None if self.report.is_inherited else response)
            self._judge_read(response, correct=False)  # the application will parse it
        return Returned()

    def opened(self, response: Any) -> None:
        """The body of `response` is about to be observed. Raises what the response or a metric raises."""
        self.watch.open()
        self.report.stream_opened()
        if self.corrections is not None:
            self._stream_response = attempt(weakref.ref, response)
        self.headers = response.headers
        if self.watch.kind.is_events:
            self._read_before = response.is_closed is True
            content: bytes | None = attempt(lambda: response.content) if self._read_before else None
            self.kept = []
            if content:
                self.watch.received = len(content)
                keep(self.kept, content)

    def itself(self) -> ObservedCall:
        """The call: where what finds it later is asked for, and it is known."""
        return self

    def is_of(self, response: object) -> bool:
        """Whether `response` is the live response that the call has, or had."""
        # A weak reference to the response would take 80 bytes. Its headers are its own.
        return self.headers is not None and attempt(getattr, response, "headers", None) is self.headers

    # While a parser decodes events.

    def on_event(self, event: object) -> None:
        """An event was decoded."""
        try:
            since_last = self.watch.event(event)
            if self._event_types is None:
                if since_last is not None:
                    self.report.chunk(self.watch.model, since_last)
            elif self._event_types.can_ignore(event, self.watch):
                self.ignored_event_type = type(event)
        except Exception:
            if not self.guards.streams.contains_error():
                raise

    def on_end(self, last_event: object = None) -> CorrectedError | None:
        """The events came to their end."""
        try:
            unseen = last_event if type(last_event) is self.ignored_event_type else None
            return self._report(self.watch.read(unseen, self._remains), None, None, correct=self.is_parsed)
        except Exception:
            if not self.guards.calls.contains_error():
                raise
            return None

    # While the application reads the body undecoded.

    def on_hidden_failure(self, failure: Failure) -> None:
        """The application was given a failure in undecoded bytes, which nothing raises."""
        with self.guards.bodies:
            self.watch.found(failure)

    def on_document(self, document: object) -> None:
        """The undecoded body came to its end. It is `document`, or `UNSEEN` if that cannot be examined."""
        with self.guards.bodies:
            self.report.report_now(self.watch.answered(document))

    def body_read(self) -> None:
        """The body came to its end by its framing."""
        if self._parser is not None:
            return
        with self.guards.bodies:
            media_type = "" if self.headers is None else media_type_in(self.headers)
            failure = unexpected_by_name(media_type, self.watch.kind, events=self.wants_events)
            if failure is not None:
                self.watch.found(failure)
            self.report.report_now(self.watch.read_without_events())

    def body_failed(self, error: BaseException) -> None:
        """Reading the body raised `error`."""
        if self._parser is None:
            self._failed(error, None, correct=False)

    # Answers that were read before `request()` returned.

    def _judge_answer(self, answer: Any, response: Any) -> Returned:
        """The SDK made `answer`, one of its objects, of the whole `response`."""
        self.report.parsed(response.status_code, getattr(answer, "_request_id", None))
        corrected = self._report(self.watch.answered(answer), None, response, correct=True)
        return _NOTHING if corrected is None else Returned(corrected=corrected)

    def _judge_parsed(self, result: Any, response: Any) -> CorrectedError | None:
        """The SDK made `result` of the whole `response`. `None`: a middleware made it, or the response is a double."""
        is_shown = attempt(is_inspectable, result) is True
        if response is not None:
            self.report.parsed(response.status_code, attempt(lambda: getattr(result, "_request_id", None)))
            if not is_shown:
                # A text, or a class of the application's, which does not show what arrived.
                self.report.responded(response)
                return self._judge_read(response, correct=True)
        verdict = self.watch.answered(result, judge=is_shown and response is not None)
        return self._report(verdict, None, response, correct=True)

    def _judge_read(self, response: Any, *, correct: bool) -> CorrectedError | None:
        media_type = media_type_in(response.headers)
        kind = self.watch.kind
        if self.wants_events:
            body: bytes = response.content
            EventScan(self, kind).feed(body)
            verdict = self.watch.read(None, lambda: Remains.of(media_type, (), body, len(body)))
            return self._report(verdict, None, response, correct=correct)
        document: object = UNSEEN
        if kind.proof is not None:
            try:
                document = response.json()
            except ValueError as error:
                if is_json(media_type):
                    # What the SDK will raise when the application parses it.
                    return self._failed(error, None, correct=correct)
                self.on_hidden_failure(not_json_by_name(media_type, is_empty=not response.content))
            except RecursionError:
                pass  # too deep to be examined
        return self._report(self.watch.answered(document), None, response, correct=correct)

    def _failure_in(self, response: Any) -> Failure | None:
        """The failure that is the document of `response`, over which the SDK raised.

        `None` if it is an answer, or cannot be examined.
        """
        kind = self.watch.kind
        if self.watch.opened or self.wants_events or kind.proof is None or not attempt(is_response, response):
            return None
        media_type = media_type_in(response.headers)
        document = attempt(lambda: json_value(response.content))
        if document is not UNDECODED:
            failure = failure_in_document(document, kind)
        elif is_json(media_type):
            return None
        else:
            failure = not_json_by_name(media_type, is_empty=not response.content)
        if failure is not None:
            self.report.responded(response)
        return failure

    def _remains(self) -> Remains | None:
        """What is known about the body of a stream of events."""
        if self.headers is None or self.kept is None:
            return None
        encodings = () if self._read_before else encodings_in(self.headers)
        return Remains.of(media_type_in(self.headers), encodings, b"".join(self.kept), self.watch.received)
