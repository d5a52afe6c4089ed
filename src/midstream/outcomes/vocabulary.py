"""The words of midstream, as types.

- A *call* is one invocation of an SDK method, with every retry and the reading of the stream that it returns.
- An *attempt* is one HTTP request within a call.
- The *observed* status is the number on the wire; the *synthesized* one is the number that the failure would have
  had, derived from the API's error type; the *reported* one is the number on the exception that the application got.
- *leaked*: the exception that reached the application is outside the SDK's hierarchy (`anthropic.AnthropicError`),
  so `except anthropic.APIError` misses it.
- *misreported*: the reported status is not the effective one, that is the observed status if it is an error, and
  the synthesized one otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Final

__all__ = ("NO_ANSWER", "Answer", "Failure", "Outcome", "Phase", "Verdict")


class Outcome(str, Enum):
    """How a call really ended: a closed set of ten."""

    COMPLETED = "completed"
    """The answer arrived whole. For a message stream: `message_stop` was seen."""
    HTTP_ERROR = "http_error"
    """The API answered with an error status, before any stream."""
    CONNECTION_ERROR = "connection_error"
    """A transport failure before the response headers. The SDK wraps these."""
    IN_BAND_ERROR = "in_band_error"
    """The API sent an error inside a 200 stream."""
    TRANSPORT_ERROR = "transport_error"
    """A transport failure while the body was being read."""
    TRUNCATED = "truncated"
    """The body ended without an error and without the end event."""
    MALFORMED = "malformed"
    """Bytes arrived that could not be decoded: JSON, UTF-8, content encoding, frame checksum."""
    CLIENT_ERROR = "client_error"
    """Any other exception out of the SDK."""
    CANCELLED = "cancelled"
    """The application cancelled the call."""
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
    """No response headers yet."""
    OPENING = "opening"
    """The stream was open, and no content had been delivered."""
    CONTENT = "content"
    """Content had been delivered."""
    CLOSING = "closing"
    """`message_delta` was seen: the answer was whole but for its end event."""
