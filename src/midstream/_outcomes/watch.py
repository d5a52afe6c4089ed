"""`StreamWatch`: observes one call and gives its one `Verdict`."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from midstream._outcomes.api_errors import error_data
from midstream._outcomes.classify import failure_of, in_band_error
from midstream._outcomes.kinds import MESSAGES, TURN_ERRORS, StreamKind, Turn, turn_is_over
from midstream._outcomes.remains import TRUNCATED, Remains, cause_of_end, ends_in, error_in, last_event_in, not_events
from midstream._outcomes.summary import NO_ANSWER, MessageSummary, summary_of, updated
from midstream._outcomes.unexpected import failure_in_document, failure_in_line
from midstream._outcomes.values import UNSEEN, Fields, as_label, as_text, field, from_json, new_tuple
from midstream._outcomes.verdict import Verdict
from midstream._outcomes.vocabulary import Outcome, Phase

if TYPE_CHECKING:
    from collections.abc import Callable

    from midstream._outcomes.failure import Failure


_START_EVENT: Final = "message_start"
_FINAL_EVENT: Final = "message_delta"
_ERROR_EVENT: Final = "error"

_OF_A_BODY: Final = frozenset({Outcome.IN_BAND_ERROR, Outcome.TRANSPORT_ERROR, Outcome.TRUNCATED, Outcome.MALFORMED})
"""The failures for which the response headers must have arrived, also where the answer is not streamed."""

_SESSION_ERROR: Final = Fields("type", "message", "retry_status")

_ORDER: Final = {phase: place for place, phase in enumerate(Phase)}
"""The phases of a call never go back."""


class StreamWatch:
    """Watches one call: fed with events and with one end, it gives one `Verdict`, exactly once.

    `kind` says what the events of its stream mean. The end methods return the verdict to the first caller, and `None`
    to every later one, from any thread. The reader of the body counts `received` (bytes) and `longest_wait` (seconds).
    """

    __slots__ = (
        "_answer",
        "_end_seen",
        "_first_chunk_at",
        "_found",
        "_last_chunk_at",
        "_last_event",
        "_phase",
        "_unjudged",
        "clock",
        "ended",
        "kind",
        "longest_wait",
        "opened",
        "received",
    )

    def __init__(self, clock: Callable[[], float] = time.perf_counter, kind: StreamKind = MESSAGES) -> None:
        self.clock: Final = clock
        """Seconds; never raises."""
        self.kind: Final = kind
        """What the events of the stream mean."""
        self._unjudged = True
        self.ended = False
        """Whether the verdict has been given."""
        self._phase = Phase.REQUEST
        self.opened = False
        """Whether the response headers of a live stream have arrived."""
        self._end_seen = False
        self._found: tuple[Failure, Phase] | None = None
        self._answer: MessageSummary = NO_ANSWER
        self._first_chunk_at: float | None = None
        self._last_chunk_at: float | None = None
        self._last_event: str | None = None
        self.received = 0
        self.longest_wait = 0.0

    @property
    def model(self) -> str | None:
        """The model that answers. `None` before `message_start`."""
        return self._answer.model

    def open(self) -> None:
        """The response headers of a live stream have arrived."""
        self.opened = True
        if self._phase is Phase.REQUEST:
            self._phase = Phase.OPENING

    @property
    def is_redundant(self) -> bool:
        """Whether more events like the last one would add nothing to the verdict."""
        return self.kind.is_redundant(self._last_event)

    def event(self, event: object) -> float | None:
        """An event was decoded: an object or a mapping with a `type`.

        Returns the seconds since the event before it if both carried content, and `None` otherwise. Of a run of
        redundant events, only the first has to be passed.
        """
        name = self._last_event = as_label(field(event, "type"))
        kind = self.kind
        if name in kind.idle:
            return None
        phase = kind.phases.get(name or "", kind.other)
        if phase is not None and phase is not self._phase and _ORDER[phase] > _ORDER[self._phase]:
            self._phase = phase
        if name is None or kind.line is not None:
            self._line(event)
            return None
        if name == _START_EVENT:
            self._answer = summary_of(field(event, "message"), complete=False)
        elif name == _FINAL_EVENT:
            self._answer = updated(self._answer, event)
        elif name == _ERROR_EVENT:
            # The SDK raises it, but for Bedrock, below 0.110, it returns it like any other event.
            self.found(in_band_error({name: field(event, name) for name in ("error", "request_id")}))
        elif name == kind.answer:
            self._answer = summary_of(event, complete=True)
        elif name in kind.turns:
            self._turn(kind.turns[name], event)
        if not self._end_seen and (name == kind.end or kind.end is None):
            self._end_seen = kind.ends_with(name, self._answer.stop_reason)
        return self._content_arrived() if name == kind.content else None

    def _line(self, line: object) -> None:
        failure = failure_in_line(line, self.kind)
        if failure is not None:
            self.found(failure)

    def found(self, failure: Failure) -> None:
        """The bytes of the body contain a failure that raises nothing in the application.

        The call ends with it, whatever follows. The first of several counts.
        """
        if self._found is None:
            self._found = failure, self._phase

    def answered(self, document: object = UNSEEN, *, judge: bool = True) -> Verdict | None:
        """The call returned the whole `document`, an object or a mapping, or one that cannot be inspected.

        `judge` says whether the document has everything that arrived, so that what it lacks did not arrive.
        """
        failure = failure_in_document(document, self.kind) if judge and document is not UNSEEN else None
        if failure is not None:
            return self._end(failure.outcome, failure)
        self._answer = summary_of(document, complete=True)
        return self._end(Outcome.COMPLETED)

    def read(self, last_event: object = None, remains: Callable[[], Remains | None] = lambda: None) -> Verdict | None:
        """The stream ended without an error.

        `last_event` is the last event decoded, if it was not passed to `event`. `remains` returns the last bytes of
        the body, and `None` if they are unknown. It is called only if the end event is missing.
        """
        self._note(last_event)
        is_settled = self._end_seen or self._found is not None or not self.kind.is_events
        cause = None if is_settled else self._cause_of_end(remains())
        return self._end(Outcome.COMPLETED) if cause is None else self._end(cause.outcome, cause)

    def read_without_events(self) -> Verdict | None:
        """The body ended by its framing, and no events were decoded from it."""
        return self._end(Outcome.COMPLETED)

    def failed(
        self,
        error: BaseException,
        last_event: object = None,
        document_failure: Callable[[], Failure | None] = lambda: None,
        remains: Callable[[], Remains | None] = lambda: None,
    ) -> Verdict | None:
        """`error` came out of the SDK on its way to the application.

        `document_failure` returns the failure in the document over which the SDK raised, and `None` for an answer. It
        is called only if the exception itself says nothing. `remains` returns the last bytes of a stream whose
        connection broke, since the API may have sent an error before, or whose decoder raised over its beginning.
        """
        if self.ended:
            return None
        self._note(last_event)
        failure = failure_of(error, opened=self.opened)
        if not failure.outcome.is_failure:
            return self._end(Outcome.COMPLETED if self._end_seen else failure.outcome)
        cause = document_failure() if failure.outcome is Outcome.CLIENT_ERROR else None
        if self.opened and self._found is None and not self._end_seen:
            if failure.outcome is Outcome.TRANSPORT_ERROR:
                cause = self._error_before_the_break(remains())
            elif failure.outcome is Outcome.MALFORMED and self.kind.is_events and not self._knows_events:
                cause = not_events(remains(), self.kind)
        if cause is not None:
            failure = replace(cause, leaked=failure.leaked, exception_type=failure.exception_type)
            self._found = None if self._found is None else (failure, self._found[1])
        return self._end(failure.outcome, failure)

    def closed(self, last_event: object = None) -> Verdict | None:
        """The application closed or dropped the stream."""
        self._note(last_event)
        return self._end(Outcome.COMPLETED if self._end_seen else Outcome.ABANDONED)

    def _end(self, outcome: Outcome, failure: Failure | None = None) -> Verdict | None:
        phase = self._phase
        if self._found is not None:
            failure, phase = self._found
            outcome = failure.outcome
        if phase is Phase.REQUEST and outcome in _OF_A_BODY:
            phase = Phase.OPENING
        try:
            del self._unjudged  # atomic, so that of two threads that end the call only one succeeds
        except AttributeError:
            return None
        self.ended = True
        verdict: Verdict = new_tuple(
            Verdict,
            (
                outcome,
                self.clock(),
                None if failure is None else failure.at(phase, end_seen=self._end_seen),
                self._answer,
                self.opened,
                self._first_chunk_at,
                self.received,
                self.longest_wait,
                self._last_event,
            ),
        )
        return verdict

    def _turn(self, turn: Turn, event: object) -> None:
        if turn is not Turn.ERROR:
            self._end_seen = turn_is_over(turn, as_text(field(field(event, "stop_reason"), "type")))
            return
        kind, message, status = _SESSION_ERROR.of(field(event, "error"))
        goes_on = TURN_ERRORS.get(as_text(field(status, "type")) or "")
        if goes_on is not None:
            failure = in_band_error({"error": {"type": kind, "message": message}})
            self.found(replace(failure, retryable=failure.retryable and goes_on))

    @property
    def _knows_events(self) -> bool:
        """Whether an event of the API was decoded."""
        return self._phase in (Phase.CONTENT, Phase.CLOSING) or self._answer is not NO_ANSWER

    def _cause_of_end(self, remains: Remains | None) -> Failure | None:
        """Why the stream ended without its end event. `None` if it is whole."""
        cause = None
        if remains is not None:
            self._accept_last_event(remains)
            if self._end_seen:
                return None
            cause = cause_of_end(remains, self.kind, known_events=self._knows_events)
        return TRUNCATED if cause is None and self.kind.has_end_event else cause

    def _error_before_the_break(self, remains: Remains | None) -> Failure | None:
        if remains is None or not self.kind.is_events:
            return None
        self._accept_last_event(remains)
        if self._found is not None:
            return self._found[0]
        return None if self._end_seen else error_in(remains, self.kind)

    def _accept_last_event(self, remains: Remains) -> None:
        """Accepts a last event that lacks only its blank line, and an end event that lacks its data."""
        self._end_seen = self._end_seen or ends_in(remains, self.kind)
        name, data = last_event_in(remains) or ("", b"")
        if name == _ERROR_EVENT:
            self.found(in_band_error(error_data(data)))
        elif event := from_json(data):
            self.event(self.kind.named(name, event))

    def _note(self, last_event: object) -> None:
        if last_event is not None:
            self._last_event = _event_type(last_event)

    def _content_arrived(self) -> float | None:
        before, now = self._last_chunk_at, self.clock()
        self._last_chunk_at = now
        if before is None:
            self._first_chunk_at = now
            return None
        return now - before


def _event_type(event: object) -> str | None:
    """The type of a decoded event. `None` if it has none, or one that is not a text. Never raises."""
    return as_label(field(event, "type"))
