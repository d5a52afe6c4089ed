"""Documents and media types other than those that were requested."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Final, Literal, cast

from midstream._outcomes.api_errors import says_error
from midstream._outcomes.classify import classify, in_band_error
from midstream._outcomes.failure import UNEXPECTED_BODY, UNEXPECTED_MEDIA_TYPE, Failure
from midstream._outcomes.values import UNSEEN, Fields, as_text, field
from midstream._outcomes.vocabulary import Outcome

if TYPE_CHECKING:
    from midstream._outcomes.kinds import StreamKind


FRAMES: Final = "application/vnd.amazon.eventstream"
EVENTS: Final = frozenset({"", "text/event-stream", FRAMES})
"""The media types of a stream of events, and of a response that does not name its own."""

_ERROR_FIELDS: Final = ("type", "__type", "object", "error", "message", "Message", "code", "status", "request_id")


def unexpected_body(description: str) -> Failure:
    """The failure of a body that is not of the kind that was requested."""
    return Failure(Outcome.MALFORMED, UNEXPECTED_BODY, message=description)


def unexpected_media_type(media_type: str, requested: Literal["JSON", "events"]) -> Failure:
    """The failure of a body of `media_type` where `requested` was requested."""
    message = f"{as_text(media_type) or 'no media type'} instead of {requested}"
    return Failure(Outcome.MALFORMED, UNEXPECTED_MEDIA_TYPE, message=message)


def unexpected_by_name(media_type: str, kind: StreamKind, *, events: bool) -> Failure | None:
    """The failure of a body that cannot be inspected, if its media type is not what was requested."""
    if events:
        return None if media_type in EVENTS else unexpected_media_type(media_type, "events")
    if kind.proof is None or not media_type or is_json(media_type):
        return None
    return unexpected_media_type(media_type, "JSON")


def not_json_by_name(media_type: str, *, is_empty: bool) -> Failure:
    """The failure of a body that is not JSON, nor called JSON by its `media_type`, where JSON was requested."""
    return unexpected_body("an empty body") if is_empty else unexpected_media_type(media_type, "JSON")


def not_json(media_type: str, error: Exception, *, is_empty: bool) -> Failure:
    """The failure of a body where a JSON document was requested, and decoding raised `error`."""
    failure = classify(error)
    if is_json(media_type) and not is_empty:
        return failure
    unexpected = not_json_by_name(media_type, is_empty=is_empty)
    return replace(unexpected, leaked=failure.leaked, exception_type=failure.exception_type)


def is_json(media_type: str) -> bool:
    """Whether the SDK takes a body of this type for JSON, whatever it is."""
    return media_type.endswith("json")


def failure_in_document(document: object, kind: StreamKind) -> Failure | None:
    """The failure in `document`, an object or a mapping. `None` if it has what every answer of `kind` has."""
    proof, named = _proof_and_type(kind.proof or "").of(document)
    # A document that looks like an answer but has the type of an error is an error.
    is_error = named == "error" and not issubclass(type(document), list)
    proven = kind.proof is None or issubclass(type(proof), kind.proof_type)
    if proven and not is_error:
        return None
    error = _error_document(document)
    return (
        in_band_error(error) if is_error or says_error(error) else unexpected_body(f"a document without {kind.proof}")
    )


@cache
def _proof_and_type(proof: str) -> Fields:
    return Fields(proof, "type")


def failure_in_line(line: object, kind: StreamKind) -> Failure | None:
    """The failure that stands in place of a `line`. `None` if it is one of `kind`, or `UNSEEN`."""
    if kind.line is None or line is UNSEEN or field(line, kind.line) is not None:
        return None
    error = _error_document(line)
    return in_band_error(error) if says_error(error) else unexpected_body(f"a line without {kind.line}")


def _error_document(document: object) -> object:
    """The fields of an error in `document`, which can be an object of the SDK, as a mapping; a list stays a list."""
    if type(document) is list:
        return cast("object", document)
    values = Fields(*_ERROR_FIELDS).of(document)
    return {name: value for name, value in zip(_ERROR_FIELDS, values, strict=True) if value is not None}
