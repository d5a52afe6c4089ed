"""The words of midstream, as types.

- A *call* is one invocation of an SDK method, with every retry and the reading of the stream that it returns.
- An *attempt* is one HTTP request within a call.
- The *observed* status is the number on the wire; the *synthesized* one is the number that the failure would have
  had, derived from the API's error type; the *reported* one is the number on the exception that the SDK raised.
- *leaked*: the exception that escaped from the SDK is not an `anthropic.APIError`, so `except anthropic.APIError`
  misses it.
- *misreported*: the reported status is not the effective one, that is the observed status if it is an error, and
  the synthesized one otherwise.
"""

from __future__ import annotations

from enum import Enum
from typing import Final


class Outcome(str, Enum):
    """How a call really ended: a closed set of ten."""

    __hash__ = str.__hash__  # that of its text, which is equal to it; and faster than that of an enum

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
        """Whether the call failed. A call that the application stops by itself does not fail."""
        return self not in _NO_FAILURE

    @property
    def is_seen_by_http(self) -> bool:
        """Whether it is a failure for HTTP monitoring too: an error status, or no response."""
        return self in _SEEN_BY_HTTP


_SEEN_BY_HTTP: Final = frozenset({Outcome.HTTP_ERROR, Outcome.CONNECTION_ERROR})
_NO_FAILURE: Final = frozenset({Outcome.COMPLETED, Outcome.CANCELLED, Outcome.ABANDONED})


class Phase(str, Enum):
    """Where a call was when it failed."""

    __hash__ = str.__hash__  # that of its text, which is equal to it; and faster than that of an enum

    REQUEST = "request"
    """Before a stream or an answer."""
    OPENING = "opening"
    """The stream was open, and no content had been delivered."""
    CONTENT = "content"
    """Content had been delivered."""
    CLOSING = "closing"
    """`message_delta` was seen: the answer was whole but for its end event."""


class StreamTruncatedError(Exception):
    """For applications to raise when a stream has ended without `message_stop`, where the SDK raises nothing.

    midstream never raises it. `classify` knows it: `truncated`, retryable.
    """

    # The name under which it is imported, which a traceback should show.
    __module__ = "midstream"

    def __init__(self, message: str = "the stream ended without message_stop") -> None:
        super().__init__(message)
