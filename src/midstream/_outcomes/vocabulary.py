"""The words of midstream, as types.

- A *call* is one invocation of an SDK method, with every retry and the reading of the stream that it returns.
- An *attempt* is one HTTP request within a call.
- The *observed* status is the number on the wire; the *synthesized* one is the number that the failure would have
  had, derived from the API's error type; the *reported* one is the number on the exception that the application got.
- *leaked*: the exception that escaped from the SDK is not an `anthropic.APIError`, so `except anthropic.APIError`
  misses it.
- *misreported*: the reported status is not the effective one, that is the observed status if it is an error, and
  the synthesized one otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Final, NamedTuple


class Outcome(str, Enum):
    """How a call really ended: a closed set of ten."""

    COMPLETED = "completed"
    """The answer arrived whole. For a message stream: `message_stop` was seen."""
    HTTP_ERROR = "http_error"
    """The API, or the token endpoint that it needs, returned an error status."""
    CONNECTION_ERROR = "connection_error"
    """A transport failure before the response headers. The SDK wraps these."""
    IN_BAND_ERROR = "in_band_error"
    """The API sent an error inside a 200 response: in a stream, or as the document."""
    TRANSPORT_ERROR = "transport_error"
    """A transport failure while the body was being read."""
    TRUNCATED = "truncated"
    """The body ended without an error and without the end event."""
    MALFORMED = "malformed"
    """What arrived is not an answer: it could not be decoded, or it is not the kind of answer that was requested."""
    CLIENT_ERROR = "client_error"
    """Any other exception out of the SDK."""
    CANCELLED = "cancelled"
    """The application cancelled the call, or stopped it by a deadline or out of a signal handler."""
    ABANDONED = "abandoned"
    """The application closed or dropped the stream before its end, or raised inside the `with` block."""

    @property
    def is_failure(self) -> bool:
        """Whether the call failed. An application that stops a call by itself has no failure."""
        return self not in _NO_FAILURE


_NO_FAILURE: Final = frozenset({Outcome.COMPLETED, Outcome.CANCELLED, Outcome.ABANDONED})


class Phase(str, Enum):
    """Where a call was when it failed."""

    REQUEST = "request"
    """No stream and no answer yet."""
    OPENING = "opening"
    """The stream was open, and no content had been delivered."""
    CONTENT = "content"
    """Content had been delivered."""
    CLOSING = "closing"
    """`message_delta` was seen: the answer was whole but for its end event."""


class StreamTruncatedError(Exception):
    """What an application raises when a stream has ended without `message_stop`. midstream never does.

    The SDK raises nothing then, so that there is nothing to catch. `classify` knows this one: `truncated`, retryable.
    """

    # As it is imported, and as a traceback should name it.
    __module__ = "midstream"

    def __init__(self, message: str = "the stream ended without message_stop") -> None:
        super().__init__(message)


@dataclass(frozen=True)
class Failure:
    """How a call failed, or an exception or an error body on its own. `str()` gives it in one line."""

    outcome: Outcome
    error_type: str
    """The `error.type`: the API's error type, a status, the class of an exception, `stream_truncated`,
    `unexpected_media_type`, `unexpected_body` or `_OTHER`."""
    status_code: int | None = None
    """The effective status: observed for an HTTP error, synthesized for an in-band one, `None` for all others."""
    reported_status_code: int | None = None
    """The status on the exception that the application got. `None` if it got none, or one without a status."""
    leaked: bool = False
    misreported: bool = False
    retryable: bool = False
    """Whether the same call may succeed later, by the rules of the SDK's own retries."""
    retry_after: float | None = None
    """The seconds that the server asks to wait, at most 4,294,967. `None` if it did not say. An error in band never
    says."""
    request_id: str | None = None
    """The API's id of the request: the one in the error event if it has one, and the header's otherwise."""
    phase: Phase | None = None
    """Where in the call it happened. `None` for an exception on its own, which does not know."""
    in_band_request_id: str | None = None
    """The `request_id` of the error event's body. `None` for every other failure."""
    exception_type: str | None = None
    """The qualified class of the exception that the application got. `None` if it got none."""
    message: str | None = field(default=None, repr=False)
    """What the API, the SDK or the transport said, or what arrived instead of an answer, in one line. `None` where it
    could quote the body."""
    code: str | None = None
    """The API's name of the cause, more precise than the type. `None` if it has none."""
    reason: str | None = field(default=None, repr=False, compare=False)
    """The reason phrase of an HTTP error, as it was on the wire. `None` for every other failure."""
    end_seen: bool = field(default=False, repr=False, compare=False)
    """Whether the end event of the stream had arrived. `False` for an exception on its own."""

    def __str__(self) -> str:
        """The failure in one line that can be shown or logged. Never the raw event. Never raises."""
        from midstream._outcomes.wording import in_one_line  # noqa: PLC0415 - it imports this module

        return in_one_line(self)

    def at(self, phase: Phase, *, end_seen: bool) -> Failure:
        """The same failure where it happened in a call."""
        # Not `dataclasses.replace`, which takes ten times as long.
        there = object.__new__(Failure)
        vars(there).update(vars(self), phase=phase, end_seen=end_seen)
        return there


class Answer(NamedTuple):
    """What the API said about its answer, as far as it got. `None` is: not said."""

    id: str | None = None
    model: str | None = None
    stop_reason: str | None = None
    input_tokens: int | None = None
    """All input tokens, those read from and written to the cache included."""
    output_tokens: int | None = None
    """`None` before `message_delta`, for `message_start` carries a placeholder."""
    cache_read_tokens: int | None = None
    cache_write_tokens: int | None = None


NO_ANSWER: Final = Answer()


class Verdict(NamedTuple):
    """How one call really ended. There is one per call. Times are readings of the clock of its `StreamWatch`."""

    outcome: Outcome
    ended_at: float
    failure: Failure | None = None
    """`None` exactly when the outcome is no failure."""
    answer: Answer = NO_ANSWER
    opened: bool = False
    """Whether the call got a live stream."""
    first_chunk_at: float | None = None
    """When the first content arrived. `None` if none did, or if the answer was not streamed."""
    received: int = 0
    """The bytes of the body that were read from a live stream."""
    longest_wait: float = 0.0
    """The longest time in seconds that the reader waited for the next bytes of a live stream."""
    last_event: str | None = None
    """The type of the last event that was decoded."""
