"""An exception or an error body -> `Failure`. The outcome of a failed call is decided here, once."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final, cast

from midstream._guard import attempt
from midstream._outcomes.api_errors import ErrorBody, api_error_in, says_error
from midstream._outcomes.corrected import CorrectedError
from midstream._outcomes.credentials import TokenFailure, token_failure, while_preparing
from midstream._outcomes.error_classes import class_of, qualified_name
from midstream._outcomes.exceptions import (
    chain_of,
    is_hopeless,
    raised_while_reading_a_body,
    reason_in,
    reason_of,
    source_of,
    stopped_by_the_application,
)
from midstream._outcomes.failure import OTHER, TRUNCATED_TYPE, UNEXPECTED_BODY, WITH_STATUS, Failure
from midstream._outcomes.redaction import shown
from midstream._outcomes.reported import Reported, api_error_of, bedrock_frame, foreign_status, reported_by, with_status
from midstream._outcomes.retry import hints_in, retry_after
from midstream._outcomes.status import (
    API_STATUS,
    BEDROCK_STATUS,
    RETRYABLE_EXCEPTIONS,
    SESSION_STATUS,
    SUCCESS,
    TOKEN_STATUS,
)
from midstream._outcomes.values import is_mapping
from midstream._outcomes.vocabulary import Outcome

if TYPE_CHECKING:
    from midstream._outcomes.exceptions import Chain, Link


_ALWAYS_RETRYABLE: Final = frozenset(
    {Outcome.CONNECTION_ERROR, Outcome.TRANSPORT_ERROR, Outcome.TRUNCATED, Outcome.MALFORMED}
)
_OF_A_TRANSPORT: Final = frozenset({Outcome.CONNECTION_ERROR, Outcome.TRANSPORT_ERROR})
"""The outcomes with the transport's message, which cannot quote the body."""

_MAY_BE_OF_A_TOKEN: Final = _OF_A_TRANSPORT | {Outcome.CLIENT_ERROR}

_LEAKS_NOTHING: Final = frozenset({Outcome.CANCELLED, Outcome.ABANDONED, Outcome.TRUNCATED})
"""The outcomes whose exception, if there is one, is the application's."""

_KNOWN_TYPES: Final = (API_STATUS, BEDROCK_STATUS, SESSION_STATUS, TOKEN_STATUS)


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
    return with_status(Outcome.IN_BAND_ERROR, api_error_in(body), Reported())


def bounded_error_type(failure: Failure) -> str:
    """The `error.type` of `failure` for a metric: `_OTHER` for an unknown type of the API, so that series stay few."""
    error_type = failure.error_type
    if failure.outcome not in WITH_STATUS or any(error_type in known for known in _KNOWN_TYPES):
        return error_type
    return error_type if error_type in (str(failure.status_code), failure.exception_type) else OTHER


def _of_decoded_body(body: object) -> Failure:
    known = is_mapping(body) or says_error(body)
    return in_band_error(body) if known else Failure(Outcome.CLIENT_ERROR, OTHER)


def _of_exception(error: BaseException, *, opened: bool | None) -> Failure:
    chain = chain_of(error)
    if stopped_by_the_application(chain):
        return Failure(Outcome.CANCELLED, chain[-1].kind.name, exception_type=chain[0].kind.name)
    for link in chain:
        if issubclass(type(link.error), CorrectedError):
            return cast("CorrectedError", link.error).failure
    # A client fetches its token before there is a stream.
    refused = None if opened else _of_token_endpoint(chain)
    if refused is not None:
        return refused
    place = _decisive(chain)
    wrappers, below = chain[: place + 1], chain[place:]
    reported = reported_by(wrappers)
    outcome = _outcome(chain, below, reported.observed, opened=opened)
    if outcome in WITH_STATUS:
        return with_status(outcome, api_error_of(below[0].error, reported.headers), reported)
    source = class_of(source_of(below) or chain[-1].error)
    return Failure(
        outcome,
        TRUNCATED_TYPE if outcome is Outcome.TRUNCATED else source.name,
        reported_status_code=reported.status,
        leaked=reported.leaked and outcome not in _LEAKS_NOTHING,
        retryable=_is_marked_retryable(wrappers) or (outcome in _ALWAYS_RETRYABLE and not is_hopeless(below)),
        retry_after=retry_after(hints_in(reported.headers)),
        request_id=reported.request_id,
        exception_type=reported.exception_type,
        message=shown(reason_in(below)) if outcome in _OF_A_TRANSPORT else None,
    )


def _outcome(chain: Chain, below: Chain, observed: int | None, *, opened: bool | None) -> Outcome:
    """The outcome of `chain`, of which the first of `below` decides."""
    by_class = below[0].kind.outcome
    if bedrock_frame(below[0].error) is not None:
        return Outcome.IN_BAND_ERROR
    if by_class is Outcome.HTTP_ERROR:
        return Outcome.IN_BAND_ERROR if observed is None or observed in SUCCESS else by_class
    if foreign_status(below[0]) is not None:
        return Outcome.HTTP_ERROR
    if by_class not in _OF_A_TRANSPORT:
        # A transport of the application's lets the bare class through. Its subclasses may be about files.
        is_bare = opened and type(below[0].error) is OSError
        return Outcome.TRANSPORT_ERROR if is_bare else by_class
    # The SDK wraps whatever sending a request raises. For an answer that is not streamed, that includes reading and
    # decoding its body.
    if by_class is Outcome.CONNECTION_ERROR and any(link.kind.outcome is Outcome.MALFORMED for link in below):
        return Outcome.MALFORMED
    arrived = _headers_had_arrived(chain, below, opened=opened)
    return Outcome.TRANSPORT_ERROR if arrived else Outcome.CONNECTION_ERROR


def _headers_had_arrived(chain: Chain, below: Chain, *, opened: bool | None) -> bool:
    """Whether a failure of the transport came after the headers of the API's response."""
    if opened:
        return True
    error, kind = below[0]
    # An exception on its own is not out of `request()`, where a middleware can raise one before the headers.
    on_its_own = kind.outcome is Outcome.TRANSPORT_ERROR and (opened is None or error.__traceback__ is None)
    if not on_its_own and not any(raised_while_reading_a_body(link.error) for link in below):
        return False
    return not any(while_preparing(link.error) for link in chain)  # then it is the transport to a token endpoint


def _decisive(chain: Chain) -> int:
    """The place of the exception that decides: the outermost that implies an outcome.

    A framework raises its exceptions from those of the SDK. Where it does not, a status on its exception decides.
    """
    for decides in (_implies_an_outcome, foreign_status):
        for place, link in enumerate(chain):
            if decides(link):
                return _inside_wrapper(chain, place)
    return 0


def _inside_wrapper(chain: Chain, place: int) -> int:
    """The place of an error with a status that the SDK wrapped like a broken connection; else `place`.

    A middleware raises such an error.
    """
    if chain[place].kind.outcome is not Outcome.CONNECTION_ERROR:
        return place
    inner = enumerate(chain[place:], place)
    return next((at for at, link in inner if link.kind.outcome is Outcome.HTTP_ERROR or foreign_status(link)), place)


def _implies_an_outcome(link: Link) -> bool:
    if link.kind.outcome is Outcome.CLIENT_ERROR:
        return bedrock_frame(link.error) is not None
    return link.kind.outcome.is_failure


def _is_marked_retryable(wrappers: Chain) -> bool:
    """Whether the SDK or the application marked the failure as one that a retry helps."""
    return any(not RETRYABLE_EXCEPTIONS.isdisjoint(link.kind.names) for link in wrappers)


def _of_token_endpoint(chain: Chain) -> Failure | None:
    """How the fetching of a token failed, if that is what failed."""
    if chain[0].kind.outcome not in _MAY_BE_OF_A_TOKEN:
        return None
    found = [
        (token, place)
        for place, link in enumerate(chain)
        if (token := token_failure(link.error, link.kind.names)) is not None
    ]
    if not found:
        return None
    # The outermost has most details, and the innermost with the same outcome has the most specific class.
    token, place = found[0]
    named = next(chain[inner].error for other, inner in reversed(found) if other.outcome is token.outcome)
    source = source_of(chain)
    name = class_of(source or named).name
    reported = reported_by(chain[: place + 1])
    if token.outcome is Outcome.HTTP_ERROR:
        return _refused(token, name, reported)
    malformed = token.outcome is Outcome.MALFORMED
    return Failure(
        token.outcome,
        UNEXPECTED_BODY if malformed and source is None else name,
        leaked=reported.leaked,
        retryable=not is_hopeless(chain) if token.retryable is None else token.retryable,
        exception_type=reported.exception_type,
        message=None if malformed else shown(reason_in(chain) or reason_of(named)),
    )


def _refused(token: TokenFailure, name: str, reported: Reported) -> Failure:
    answered = reported._replace(observed=cast("int", token.status), headers=token.headers)
    error = ErrorBody(type=token.api_type or (None if token.observed else name), message=token.message)
    failure = with_status(Outcome.HTTP_ERROR, error, answered)
    return failure if token.retryable is None else replace(failure, retryable=token.retryable)
