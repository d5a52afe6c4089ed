"""What an exception reports about its response, and the failures that have a status."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast

from midstream._guard import attempt
from midstream._outcomes.api_errors import ErrorBody, api_error_in, error_status, shape_name, type_name
from midstream._outcomes.failure import OTHER, Failure
from midstream._outcomes.redaction import shown
from midstream._outcomes.retry import header, helps, hints_in, retry_after
from midstream._outcomes.status import API_STATUS, BEDROCK_STATUS, GOOGLE_STATUS, SESSION_STATUS, UNKNOWN_STATUS
from midstream._outcomes.values import Fields, as_int, as_text, attributes, compiled, field, words_of
from midstream._outcomes.vocabulary import Outcome

if TYPE_CHECKING:
    from midstream._outcomes.exceptions import Chain, Link


_STATUSES: Final = range(100, 1000)

_RESPONSE: Final = Fields("status_code", "headers")

_AWS_TYPE: Final = "x-amzn-errortype"
"""The header with the type of an AWS error."""

# The SDK below 1.7 raises a ValueError for an exception or error frame of Bedrock, with nothing but text.
_BEDROCK_TEXT: Final = "Bad response code, expected 200"
_BEDROCK_TYPE: Final = r"':(?:exception-type|error-code)': '(\w{1,64})'"


class Reported(NamedTuple):
    """What an exception reports about its response. `None` means that it does not say."""

    observed: int | None = None
    status: int | None = None
    """The status on the exception."""
    response: object = None
    request_id: str | None = None
    headers: object = None
    leaked: bool = False
    exception_type: str | None = None


def reported_by(wrappers: Chain) -> Reported:
    """The report of the last of `wrappers`, the exception that decides. The others were raised from it."""
    response, status_code, request_id = attributes(wrappers[-1].error, "response", "status_code", "request_id")
    observed, headers = (None, None) if response is None else _RESPONSE.of(response)
    status = _status(status_code)
    return Reported(
        observed=_status(observed) or status or foreign_status(wrappers[-1]),
        status=status,
        response=response,
        request_id=as_text(request_id),
        headers=headers,
        leaked=not any(link.kind.is_api_error for link in wrappers),
        exception_type=wrappers[0].kind.name,
    )


def foreign_status(link: Link) -> int | None:
    """The error status on an exception of anything but the SDK, an HTTP client or a codec."""
    if link.kind.outcome is not Outcome.CLIENT_ERROR or link.kind.is_api_error:
        return None
    values = (
        field(link.error, "status_code"),
        field(link.error, "status"),
        field(field(link.error, "response"), "status_code"),
    )
    return next(filter(None, map(error_status, values)), None)


def api_error_of(error: BaseException, headers: object) -> ErrorBody:
    """The API's error on `error`, with the `headers` of its response."""
    frame = bedrock_frame(error)
    if frame is not None:
        return ErrorBody(type=type_name(frame))
    found = api_error_in(attempt(getattr, error, "body", None))
    if found.type is not None:
        return found  # the attribute exists from SDK 0.87 on
    return found._replace(type=type_name(field(error, "type")) or shape_name(header(headers, _AWS_TYPE)))


def bedrock_frame(error: BaseException) -> str | None:
    """The type in a Bedrock frame that the SDK below 1.7 raises as a ValueError. `None` for every other exception."""
    words = words_of(error, None) if type(error) is ValueError else None
    if words is None or not words.startswith(_BEDROCK_TEXT):
        return None
    found = compiled(_BEDROCK_TYPE).search(words)
    return found.group(1) if found else OTHER


def with_status(outcome: Outcome, error: ErrorBody, reported: Reported) -> Failure:
    """A failure with a status: observed for an HTTP error, and synthesized for an in-band error."""
    in_band = outcome is Outcome.IN_BAND_ERROR
    status = _synthesized(error) if in_band else cast("int", reported.observed)
    # The headers of a 200 were sent before the error.
    hints = hints_in(None if in_band else reported.headers)
    unnamed = error.status if in_band else status
    fields: dict[str, Any] = {
        "outcome": outcome,
        "error_type": error.type or (OTHER if unnamed is None else str(unnamed)),
        "status_code": status,
        "reported_status_code": reported.status,
        "leaked": reported.leaked,
        "misreported": reported.status is not None and reported.status != status,
        "retryable": helps(status, hints),
        "retry_after": retry_after(hints),
        "request_id": reported.request_id or error.request_id,
        "exception_type": reported.exception_type,
        "message": shown(error.message),
        "code": error.code,
    }
    if in_band:
        fields["request_id"] = error.request_id or reported.request_id
        fields["in_band_request_id"] = error.request_id
    elif not error.type:
        # Only a failure without a type is shown with it.
        fields["reason"] = shown(as_text(field(reported.response, "reason_phrase")))
    return Failure.of(fields)


def _synthesized(error: ErrorBody) -> int:
    kind = error.type or ""
    known = next((table[kind] for table in (API_STATUS, BEDROCK_STATUS, SESSION_STATUS) if kind in table), None)
    # AWS writes the same names with a capital where it does not stream.
    implied = GOOGLE_STATUS.get(kind) or BEDROCK_STATUS.get(kind[:1].lower() + kind[1:])
    return known or error.status or implied or UNKNOWN_STATUS


def _status(value: object) -> int | None:
    status = as_int(value)
    return status if status is not None and status in _STATUSES else None
