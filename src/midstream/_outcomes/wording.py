"""A failure in one line, for people."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from midstream._outcomes.vocabulary import Outcome, Phase

if TYPE_CHECKING:
    from collections.abc import Mapping

    from midstream._outcomes.vocabulary import Failure


OTHER: Final = "_OTHER"
"""The `error.type` of a failure that has no better one (OpenTelemetry semantic conventions)."""

TRUNCATED_TYPE: Final = "stream_truncated"
"""The `error.type` of a stream that ended without an error and without its end event."""

UNEXPECTED_MEDIA_TYPE: Final = "unexpected_media_type"
UNEXPECTED_BODY: Final = "unexpected_body"
"""The `error.type` of what arrived instead of an answer."""

MAX_MESSAGE_LENGTH: Final = 1024
"""Characters. Longer messages are cut."""

_CANNOT_BE_SHOWN: Final = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
"""Control characters, which could steer a terminal, and halves of surrogate pairs, which cannot be encoded."""

_WHEN: Final[Mapping[Phase | None, str]] = {
    Phase.REQUEST: " before the response headers",
    Phase.OPENING: " before any content had arrived",
    Phase.CONTENT: " after content had arrived",
    Phase.CLOSING: " after all but the end event had arrived",
    None: "",
}

_AFTER_THE_END: Final = " after the whole answer had arrived"

_NOT_AN_API_ERROR: Final = "; not an anthropic.APIError"


def in_one_line(failure: Failure) -> str:
    """`failure` as a sentence without line breaks, of at most `MAX_MESSAGE_LENGTH` characters. Never raises."""
    with_status = failure.outcome in (Outcome.HTTP_ERROR, Outcome.IN_BAND_ERROR)
    ending = _NOT_AN_API_ERROR if failure.leaked else ""
    if with_status:
        return shortened(_status_and_type(failure, ending))
    return shortened(_what_and_when(failure)[: MAX_MESSAGE_LENGTH - len(ending)] + ending)


def shortened(text: str) -> str:
    """`text` without line breaks, runs of spaces and control characters, cut at `MAX_MESSAGE_LENGTH` characters."""
    # Cut first, so that a huge text costs no more than a long one.
    line = " ".join(text[: 2 * MAX_MESSAGE_LENGTH].split())
    return _CANNOT_BE_SHOWN.sub("\ufffd", line)[:MAX_MESSAGE_LENGTH]


def _status_and_type(failure: Failure, ending: str) -> str:
    start = f"{failure.status_code} {_name(failure)}"
    if failure.request_id:
        ending = f" (request {failure.request_id}){ending}"
    # The message gives way: what comes after it is worth more than its end.
    room = max(MAX_MESSAGE_LENGTH - len(start) - len(ending), 0)
    return start + (f": {failure.message}"[:room] if failure.message else "") + ending


def _name(failure: Failure) -> str:
    if failure.error_type == str(failure.status_code):
        return failure.reason or _PHRASES.get(failure.status_code, "without a reason")
    if failure.error_type == OTHER:
        return "error without a type"
    return failure.error_type


_PHRASES: Final[Mapping[int | None, str]] = {status.value: status.phrase for status in HTTPStatus}


def _what_and_when(failure: Failure) -> str:
    if failure.outcome is Outcome.TRUNCATED:
        what = failure.message or "the stream ended before its end event"
        return f"{TRUNCATED_TYPE}: {what},{_when(failure)}".rstrip(",")
    named = failure.exception_type if failure.error_type == OTHER else failure.error_type
    # Of a call that is not streamed, the SDK may also raise over an answer that is there.
    is_unknown = failure.outcome is Outcome.CLIENT_ERROR and failure.phase is Phase.REQUEST
    reason = f": {failure.message}" if failure.message else ""
    return f"{named or failure.outcome.value}{'' if is_unknown else _when(failure)}{reason}"


def _when(failure: Failure) -> str:
    return _AFTER_THE_END if failure.end_seen else _WHEN[failure.phase]
