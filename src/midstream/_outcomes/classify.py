"""An exception or an error body -> `Failure`. The outcome of a failed call is decided here, once."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, cast

from midstream._guard import attempt
from midstream._outcomes.api_errors import (
    NOTHING,
    ApiError,
    api_error_in,
    error_status,
    says_error,
    shape_name,
    type_name,
)
from midstream._outcomes.credentials import TokenFailure, token_failure, while_preparing
from midstream._outcomes.exceptions import (
    chain_of,
    is_hopeless,
    is_of,
    names_of,
    qualified_name,
    raised_while_reading_a_body,
    reason_in,
    reason_of,
    source_of,
    stopped_by_the_application,
)
from midstream._outcomes.failure import OTHER, TRUNCATED_TYPE, UNEXPECTED_BODY, WITH_STATUS, Failure, shortened
from midstream._outcomes.redaction import without_keys, without_urls
from midstream._outcomes.retry import header, helps, retry_after
from midstream._outcomes.status import (
    API_STATUS,
    BEDROCK_STATUS,
    GOOGLE_STATUS,
    RETRYABLE_EXCEPTIONS,
    SESSION_STATUS,
    SUCCESS,
    TOKEN_STATUS,
    UNKNOWN_STATUS,
)
from midstream._outcomes.values import as_int, as_text, field, is_mapping, words_of
from midstream._outcomes.vocabulary import Outcome

if TYPE_CHECKING:
    from midstream._outcomes.exceptions import Chain, Link


_ALWAYS_RETRYABLE: Final = frozenset(
    {Outcome.CONNECTION_ERROR, Outcome.TRANSPORT_ERROR, Outcome.TRUNCATED, Outcome.MALFORMED}
)
_OF_A_TRANSPORT: Final = frozenset({Outcome.CONNECTION_ERROR, Outcome.TRANSPORT_ERROR})
"""The outcomes with the transport's message, which cannot quote the body."""

_MAY_BE_OF_A_TOKEN: Final = _OF_A_TRANSPORT | {Outcome.CLIENT_ERROR}
_KNOWN_TYPES: Final = (API_STATUS, BEDROCK_STATUS, SESSION_STATUS, TOKEN_STATUS)

_LEAKS_NOTHING: Final = frozenset({Outcome.CANCELLED, Outcome.ABANDONED, Outcome.TRUNCATED})
"""The outcomes whose exception, if there is one, is the application's."""

_API_ERROR: Final = "anthropic.APIError"
_STATUSES: Final = range(100, 1000)

_AWS_TYPE: Final = "x-amzn-errortype"
"""The header with the type of an AWS error."""

# The SDK below 1.7 raises a ValueError for an exception or error frame of Bedrock, with nothing but text.
_BEDROCK_TEXT: Final = "Bad response code, expected 200"
_BEDROCK_TYPE: Final = re.compile(r"':(?:exception-type|error-code)': '(\w{1,64})'")


def classify(error: object) -> Failure:
    """The real meaning of `error`: an exception out of the SDK, or the decoded body of an error event.

    An exception that was raised from one of the SDK, of the HTTP client or of a codec is judged by its cause. Anything
    else is a `client_error`. Never raises; its running time and the text that it returns are bounded.
    """
    return failure_of(error)


def failure_of(error: object, *, opened: bool | None = None) -> Failure:
    """The same for an exception out of a call, `opened` if its stream was open, and `None` if that is unknown.

    Never raises.
    """
    failure = attempt(
        lambda: _of_exception(error, opened=opened) if isinstance(error, BaseException) else _of_decoded_body(error)
    )
    if failure is not None:
        return failure
    name = attempt(lambda: qualified_name(type(error))) if issubclass(type(error), BaseException) else None
    return Failure(Outcome.CLIENT_ERROR, OTHER, exception_type=name)


def in_band_error(body: object) -> Failure:
    """The error that the API sent inside a 200 response, as a decoded value or a text. Never raises for JSON values."""
    error = api_error_in(body)
    return _with_status(Outcome.IN_BAND_ERROR, error, _Reported())


def bounded_error_type(failure: Failure) -> str:
    """The `error.type` of `failure` for a metric: `_OTHER` for an unknown type of the API, so that series stay few."""
    error_type = failure.error_type
    if failure.outcome not in WITH_STATUS or any(error_type in known for known in _KNOWN_TYPES):
        return error_type
    return error_type if error_type in (str(failure.status_code), failure.exception_type) else OTHER


@dataclass(frozen=True, slots=True)
class _Reported:
    """What an exception says about its response. `None` means that it does not say."""

    observed: int | None = None
    status: int | None = None
    """The status on the exception."""
    reason: str | None = None
    request_id: str | None = None
    headers: object = None
    leaked: bool = False
    exception_type: str | None = None


def _of_decoded_body(body: object) -> Failure:
    known = is_mapping(body) or says_error(body)
    return in_band_error(body) if known else Failure(Outcome.CLIENT_ERROR, OTHER)


def _of_exception(error: BaseException, *, opened: bool | None) -> Failure:
    chain = chain_of(error)
    if stopped_by_the_application(chain):
        name = qualified_name(type(error))
        return Failure(Outcome.CANCELLED, qualified_name(type(chain[-1].error)), exception_type=name)
    # A client fetches its token before there is a stream.
    refused = None if opened else _of_token_endpoint(chain)
    if refused is not None:
        return refused
    index = _decisive(chain)
    wrappers, chain_below = chain[: index + 1], chain[index:]
    decisive = chain_below[0]
    frame = _bedrock_frame(decisive.error)
    reported = _reported(wrappers, _foreign_status(decisive))
    outcome = Outcome.IN_BAND_ERROR if frame is not None else _outcome(chain_below, reported, opened=opened)
    if outcome is Outcome.TRANSPORT_ERROR and not opened and any(while_preparing(link.error) for link in chain):
        outcome = Outcome.CONNECTION_ERROR  # the transport to a token endpoint
    if outcome in WITH_STATUS:
        return _with_status(outcome, _api_error(decisive.error, frame, reported.headers), reported)
    return Failure(
        outcome,
        TRUNCATED_TYPE
        if outcome is Outcome.TRUNCATED
        else qualified_name(type(source_of(chain_below) or chain[-1].error)),
        reported_status_code=reported.status,
        leaked=reported.leaked and outcome not in _LEAKS_NOTHING,
        retryable=_is_marked_retryable(wrappers) or (outcome in _ALWAYS_RETRYABLE and not is_hopeless(chain_below)),
        retry_after=retry_after(reported.headers),
        request_id=reported.request_id,
        exception_type=reported.exception_type,
        message=_shown(reason_in(chain_below)) if outcome in _OF_A_TRANSPORT else None,
    )


def _of_token_endpoint(chain: Chain) -> Failure | None:
    """How the fetching of a token failed, if that is what failed."""
    if chain[0].by_class not in _MAY_BE_OF_A_TOKEN:
        return None
    found = [
        (token, place)
        for place, link in enumerate(chain)
        if (token := token_failure(link.error, names_of(link.error))) is not None
    ]
    if not found:
        return None
    # The outermost has most details, and the innermost with the same outcome has the most specific class.
    token, place = found[0]
    named = next(chain[inner].error for other, inner in reversed(found) if other.outcome is token.outcome)
    source = source_of(chain)
    reported = _reported(chain[: place + 1], None)
    if token.outcome is Outcome.HTTP_ERROR:
        return _refused(token, qualified_name(type(source or named)), reported)
    malformed = token.outcome is Outcome.MALFORMED
    return Failure(
        token.outcome,
        UNEXPECTED_BODY if malformed and source is None else qualified_name(type(source or named)),
        leaked=reported.leaked,
        retryable=not is_hopeless(chain) if token.retryable is None else token.retryable,
        exception_type=reported.exception_type,
        message=None if malformed else _shown(reason_in(chain) or reason_of(named)),
    )


def _refused(token: TokenFailure, named: str, reported: _Reported) -> Failure:
    status = cast("int", token.status)
    answered = replace(reported, observed=status, headers=token.headers)
    error = ApiError(type=token.api_type or (None if token.observed else named), message=token.message)
    failure = _with_status(Outcome.HTTP_ERROR, error, answered)
    return failure if token.retryable is None else replace(failure, retryable=token.retryable)


def _is_marked_retryable(wrappers: Chain) -> bool:
    """Whether the SDK or the application marked the failure as one that a retry helps."""
    return any(not RETRYABLE_EXCEPTIONS.isdisjoint(names_of(link.error)) for link in wrappers)


def _with_status(outcome: Outcome, error: ApiError, reported: _Reported) -> Failure:
    """A failure with a status: observed for an HTTP error, and synthesized for an in-band error."""
    in_band = outcome is Outcome.IN_BAND_ERROR
    status = _synthesized(error) if in_band else cast("int", reported.observed)
    # The headers of a 200 were sent before the error.
    headers = None if in_band else reported.headers
    unnamed = error.status if in_band else status
    return Failure(
        outcome,
        error.type or (OTHER if unnamed is None else str(unnamed)),
        status_code=status,
        reported_status_code=reported.status,
        leaked=reported.leaked,
        misreported=reported.status is not None and reported.status != status,
        retryable=helps(status, headers),
        retry_after=retry_after(headers),
        request_id=(error.request_id or reported.request_id) if in_band else (reported.request_id or error.request_id),
        in_band_request_id=error.request_id if in_band else None,
        exception_type=reported.exception_type,
        message=_shown(error.message),
        code=error.code,
        reason=None if in_band else reported.reason,
    )


def _synthesized(error: ApiError) -> int:
    kind = error.type or ""
    known = next((table[kind] for table in (API_STATUS, BEDROCK_STATUS, SESSION_STATUS) if kind in table), None)
    # AWS writes the same names with a capital where it does not stream.
    implied = GOOGLE_STATUS.get(kind) or BEDROCK_STATUS.get(kind[:1].lower() + kind[1:])
    return known or error.status or implied or UNKNOWN_STATUS


def _decisive(chain: Chain) -> int:
    """The place of the exception that decides: the outermost that implies an outcome.

    A framework raises its exceptions from those of the SDK. Where it does not, a status on its exception decides.
    """
    for decides in (_implies_an_outcome, _foreign_status):
        place = next((place for place, link in enumerate(chain) if decides(link)), None)
        if place is not None:
            return _inside_wrapper(chain, place)
    return 0


def _inside_wrapper(chain: Chain, place: int) -> int:
    """The place of an error with a status that the SDK wrapped like a broken connection; else `place`.

    A middleware raises such an error.
    """
    if chain[place].by_class is not Outcome.CONNECTION_ERROR:
        return place
    inner = enumerate(chain[place:], place)
    return next((at for at, link in inner if link.by_class is Outcome.HTTP_ERROR or _foreign_status(link)), place)


def _implies_an_outcome(link: Link) -> bool:
    if link.by_class is Outcome.CLIENT_ERROR:
        return _bedrock_frame(link.error) is not None
    return link.by_class.is_failure


def _foreign_status(link: Link) -> int | None:
    """The error status on an exception of anything but the SDK, an HTTP client or a codec."""
    if link.by_class is not Outcome.CLIENT_ERROR or is_of(link.error, _API_ERROR):
        return None
    values = (
        field(link.error, "status_code"),
        field(link.error, "status"),
        field(field(link.error, "response"), "status_code"),
    )
    return next(filter(None, map(error_status, values)), None)


def _outcome(chain: Chain, reported: _Reported, *, opened: bool | None) -> Outcome:
    outcome = chain[0].by_class
    if outcome is Outcome.HTTP_ERROR:
        in_band = reported.observed is None or reported.observed in SUCCESS
        return Outcome.IN_BAND_ERROR if in_band else outcome
    if _foreign_status(chain[0]) is not None:
        return Outcome.HTTP_ERROR
    if outcome is Outcome.TRANSPORT_ERROR and opened is False and _before_the_headers(chain):
        return Outcome.CONNECTION_ERROR
    if outcome is not Outcome.CONNECTION_ERROR:
        return outcome
    # The SDK wraps whatever sending a request raises. For an answer that is not streamed, that includes reading and
    # decoding its body.
    if any(link.by_class is Outcome.MALFORMED for link in chain):
        return Outcome.MALFORMED
    return Outcome.TRANSPORT_ERROR if opened or _while_reading(chain) else outcome


def _before_the_headers(chain: Chain) -> bool:
    """Whether an exception out of `request()` came from elsewhere than a body: from a middleware, for example."""
    return chain[0].error.__traceback__ is not None and not _while_reading(chain)


def _while_reading(chain: Chain) -> bool:
    return any(raised_while_reading_a_body(link.error) for link in chain)


def _reported(wrappers: Chain, foreign_status: int | None) -> _Reported:
    """What the last of `wrappers` says, the exception that decides. The others were raised from it."""
    error = wrappers[-1].error
    response = field(error, "response")
    status = _status(field(error, "status_code"))
    return _Reported(
        observed=_status(field(response, "status_code")) or status or foreign_status,
        status=status,
        reason=_shown(as_text(field(response, "reason_phrase"))),
        request_id=as_text(field(error, "request_id")),
        headers=field(response, "headers"),
        leaked=not any(is_of(link.error, _API_ERROR) for link in wrappers),
        exception_type=qualified_name(type(wrappers[0].error)),
    )


def _api_error(error: BaseException, frame: str | None, headers: object) -> ApiError:
    if frame is not None:
        return NOTHING._replace(type=type_name(frame))
    found = api_error_in(field(error, "body"))
    # The body first: the attribute exists from SDK 0.87 on.
    return found._replace(type=found.type or type_name(field(error, "type")) or shape_name(header(headers, _AWS_TYPE)))


def _bedrock_frame(error: BaseException) -> str | None:
    """The type in a Bedrock frame that the SDK below 1.7 raises as a ValueError. `None` for every other exception."""
    words = words_of(error, None) if type(error) is ValueError else None
    if words is None or not words.startswith(_BEDROCK_TEXT):
        return None
    found = _BEDROCK_TYPE.search(words)
    return found.group(1) if found else OTHER


def _shown(message: str | None) -> str | None:
    return shortened(without_urls(without_keys(message))) if message else None


def _status(value: object) -> int | None:
    status = as_int(cast("Any", value))
    return status if status is not None and status in _STATUSES else None
