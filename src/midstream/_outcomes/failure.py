"""How a call failed, and that in one line for people."""

from __future__ import annotations

from dataclasses import dataclass, field
from http import HTTPStatus
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from midstream._outcomes.values import compiled
from midstream._outcomes.vocabulary import Outcome, Phase

if TYPE_CHECKING:
    from collections.abc import Mapping


OTHER: Final = "_OTHER"
"""The `error.type` of a failure that has no better one (OpenTelemetry semantic conventions)."""

TRUNCATED_TYPE: Final = "stream_truncated"
"""The `error.type` of a stream that ended without an error and without its end event."""

UNEXPECTED_MEDIA_TYPE: Final = "unexpected_media_type"
UNEXPECTED_BODY: Final = "unexpected_body"
"""The `error.type` of something other than an answer."""

WITH_STATUS: Final = frozenset({Outcome.HTTP_ERROR, Outcome.IN_BAND_ERROR})
"""The outcomes whose failures have an effective status."""

MAX_MESSAGE_LENGTH: Final = 1024
"""Characters. Longer messages are cut."""


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
    """The status on the exception that the SDK raised. `None` if it raised none, or one without a status."""
    leaked: bool = False
    misreported: bool = False
    retryable: bool = False
    """Whether the same call may succeed later, by the rules of the SDK's own retries."""
    retry_after: float | None = None
    """The seconds that the server asks to wait, at most 4,294,967. `None` if it did not say. An in-band error never
    says."""
    request_id: str | None = None
    """The API's id of the request: the one in the error event if it has one, and the header's otherwise."""
    phase: Phase | None = None
    """Where in the call it happened. `None` for an exception on its own, which does not know."""
    in_band_request_id: str | None = None
    """The `request_id` of the error event's body. `None` for every other failure."""
    exception_type: str | None = None
    """The qualified class of the exception that the SDK raised. `None` if it raised none."""
    message: str | None = field(default=None, repr=False)
    """One line from the API, the SDK or the transport, or a description of what arrived instead of an answer. `None`
    where it could quote the body."""
    code: str | None = None
    """The API's name of the cause, more precise than the type. `None` if it has none."""
    reason: str | None = field(default=None, repr=False, compare=False)
    """The reason phrase of an HTTP error without a type, as it was on the wire. `None` for every other failure."""
    end_seen: bool = field(default=False, repr=False, compare=False)
    """Whether the end event of the stream had arrived. `False` for an exception on its own."""
    corrected_type: str | None = field(default=None, compare=False)
    """The qualified class of the corrected exception that the application got instead. `None` if it got none."""

    def __str__(self) -> str:
        """The failure in one line of at most 1,024 characters. Never contains the raw event. Never raises."""
        ending = "; not an anthropic.APIError" if self.leaked else ""
        if self.corrected_type is not None:
            ending = f"; corrected to {self.corrected_type}"
        if self.outcome in WITH_STATUS:
            return shortened(_status_and_type(self, ending))
        return shortened(_event_and_time(self)[: MAX_MESSAGE_LENGTH - len(ending)] + ending)

    @classmethod
    def of(cls, fields: dict[str, Any]) -> Failure:
        """The failure with these fields, and the defaults of the others. Keeps the dict.

        A sixth of the time of its construction by name, which sets every field of a frozen class with a function.
        """
        made = object.__new__(cls)
        object.__setattr__(made, "__dict__", fields)  # the defaults are attributes of the class
        return made

    def at(self, phase: Phase, *, end_seen: bool) -> Failure:
        """The same failure at its place in a call."""
        return self.of({**self.__dict__, "phase": phase, "end_seen": end_seen})


def shortened(text: str) -> str:
    """`text` without line breaks, runs of spaces and control characters, cut at `MAX_MESSAGE_LENGTH` characters."""
    if len(text) <= MAX_MESSAGE_LENGTH and text.isprintable() and "  " not in text and text == text.strip():
        return text
    # Cut first, so that a huge text costs no more than a long one.
    line = " ".join(text[: 2 * MAX_MESSAGE_LENGTH].split())
    printable = line if line.isprintable() else compiled(_UNPRINTABLE).sub("\ufffd", line)
    return printable[:MAX_MESSAGE_LENGTH]


_UNPRINTABLE: Final = "[\x00-\x1f\x7f-\x9f\ud800-\udfff]"
"""Control characters, which could steer a terminal, and halves of surrogate pairs, which cannot be encoded."""

_PHRASES: Final[Mapping[int | None, str]] = MappingProxyType({status.value: status.phrase for status in HTTPStatus})

_TIMES: Final[Mapping[Phase | None, str]] = MappingProxyType(
    {
        Phase.REQUEST: " before the response headers",
        Phase.OPENING: " before any content had arrived",
        Phase.CONTENT: " after content had arrived",
        Phase.CLOSING: " after all but the end event had arrived",
        None: "",
    }
)


def _status_and_type(failure: Failure, ending: str) -> str:
    start = f"{failure.status_code} {_type_or_phrase(failure)}"
    if failure.request_id:
        ending = f" (request {failure.request_id}){ending}"
    # The message is cut, because what comes after it matters more than its end.
    room = max(MAX_MESSAGE_LENGTH - len(start) - len(ending), 0)
    return start + (f": {failure.message}"[:room] if failure.message else "") + ending


def _type_or_phrase(failure: Failure) -> str:
    if failure.error_type == str(failure.status_code):
        return failure.reason or _PHRASES.get(failure.status_code, "without a reason")
    return "error without a type" if failure.error_type == OTHER else failure.error_type


def _event_and_time(failure: Failure) -> str:
    time = " after the whole answer had arrived" if failure.end_seen else _TIMES[failure.phase]
    if failure.outcome is Outcome.TRUNCATED:
        event = failure.message or "the stream ended before its end event"
        return f"{TRUNCATED_TYPE}: {event},{time}".rstrip(",")
    # The SDK may also raise over a whole answer that is not streamed, and that has the same phase.
    if failure.outcome is Outcome.CLIENT_ERROR and failure.phase is Phase.REQUEST:
        time = ""
    named = failure.exception_type if failure.error_type == OTHER else failure.error_type
    return f"{named or failure.outcome.value}{time}{f': {failure.message}' if failure.message else ''}"
