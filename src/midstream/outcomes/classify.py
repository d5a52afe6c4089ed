"""An exception or an error body -> `Failure`. Imports no SDK: classes are known by their names."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import mktime_tz, parsedate_tz
from traceback import walk_tb
from types import MappingProxyType, TracebackType
from typing import Any, Final, cast
from weakref import WeakKeyDictionary

from midstream.guard import attempt
from midstream.outcomes.credentials import UNEXPECTED_BODY, TokenFailure, token_failure, while_preparing
from midstream.outcomes.status import (
    API_STATUS,
    BEDROCK_STATUS,
    RETRYABLE_BELOW_500,
    RETRYABLE_EXCEPTIONS,
    SERVER_ERROR,
    SESSION_STATUS,
    SUCCESS,
    TOKEN_STATUS,
    UNKNOWN_STATUS,
)
from midstream.outcomes.values import LONGEST_NAME, text, whole
from midstream.outcomes.vocabulary import Failure, Outcome
from midstream.outcomes.wording import LONGEST_MESSAGE, OTHER, TRUNCATED_TYPE, shortened

__all__ = ("EXCEPTION_OUTCOMES", "bounded_error_type", "causes", "classify", "qualified_name")

EXCEPTION_OUTCOMES: Final[Mapping[str, Outcome]] = MappingProxyType(
    {
        # An APIStatusError is an HTTP error or an in-band one: its observed status tells, in `_outcome`.
        "anthropic.APIStatusError": Outcome.HTTP_ERROR,
        "anthropic.APIConnectionError": Outcome.CONNECTION_ERROR,
        "httpx.TransportError": Outcome.TRANSPORT_ERROR,
        "httpx2.TransportError": Outcome.TRANSPORT_ERROR,
        "httpx.TooManyRedirects": Outcome.TRANSPORT_ERROR,
        "httpx2.TooManyRedirects": Outcome.TRANSPORT_ERROR,
        "httpx.DecodingError": Outcome.MALFORMED,
        "httpx2.DecodingError": Outcome.MALFORMED,
        "httpcore.NetworkError": Outcome.TRANSPORT_ERROR,
        "httpcore.TimeoutException": Outcome.TRANSPORT_ERROR,
        "httpcore.ProtocolError": Outcome.TRANSPORT_ERROR,
        "httpcore.ProxyError": Outcome.TRANSPORT_ERROR,
        "httpcore2.NetworkError": Outcome.TRANSPORT_ERROR,
        "httpcore2.TimeoutException": Outcome.TRANSPORT_ERROR,
        "httpcore2.ProtocolError": Outcome.TRANSPORT_ERROR,
        "httpcore2.ProxyError": Outcome.TRANSPORT_ERROR,
        "httpcore.ConnectionNotAvailable": Outcome.TRANSPORT_ERROR,  # let out where a GOAWAY disowns an open stream
        "httpcore2.ConnectionNotAvailable": Outcome.TRANSPORT_ERROR,
        "h2.H2Error": Outcome.TRANSPORT_ERROR,
        "aiohttp.ClientError": Outcome.TRANSPORT_ERROR,
        "ssl.SSLError": Outcome.TRANSPORT_ERROR,
        "builtins.ConnectionError": Outcome.TRANSPORT_ERROR,
        "builtins.TimeoutError": Outcome.TRANSPORT_ERROR,
        "asyncio.TimeoutError": Outcome.TRANSPORT_ERROR,  # the same class from Python 3.11 on
        "json.JSONDecodeError": Outcome.MALFORMED,
        "builtins.UnicodeDecodeError": Outcome.MALFORMED,
        "zlib.error": Outcome.MALFORMED,
        "binascii.Error": Outcome.MALFORMED,
        "botocore.ParserError": Outcome.MALFORMED,
        "botocore.ResponseParserError": Outcome.MALFORMED,
        "midstream.StreamTruncatedError": Outcome.TRUNCATED,
        "builtins.Exception": Outcome.CLIENT_ERROR,
        "builtins.GeneratorExit": Outcome.ABANDONED,
        "builtins.BaseException": Outcome.CANCELLED,
    }
)
"""By top-level package and name of a class; the most specific class of an exception's `__mro__` decides."""

_ALWAYS_RETRYABLE: Final = frozenset(
    {Outcome.CONNECTION_ERROR, Outcome.TRANSPORT_ERROR, Outcome.TRUNCATED, Outcome.MALFORMED}
)
_WITH_STATUS: Final = frozenset({Outcome.HTTP_ERROR, Outcome.IN_BAND_ERROR})
_KNOWN_TYPES: Final = (API_STATUS, BEDROCK_STATUS, SESSION_STATUS, TOKEN_STATUS)
_SPEAKS_FOR_ITSELF: Final = _WITH_STATUS | {Outcome.CONNECTION_ERROR, Outcome.TRANSPORT_ERROR}
"""The outcomes whose message cannot quote the body."""

_LEAKS_NOTHING: Final = frozenset({Outcome.CANCELLED, Outcome.ABANDONED, Outcome.TRUNCATED})
"""The outcomes whose exception, if there is one, is the application's own."""

_NETWORK: Final = frozenset({Outcome.CONNECTION_ERROR, Outcome.TRANSPORT_ERROR})
_MAY_BE_OF_A_TOKEN: Final = _NETWORK | {Outcome.CLIENT_ERROR}

_HTTP_CLIENTS: Final = frozenset({"httpx", "httpx2"})
_BODY_READERS: Final = frozenset({"iter_raw", "aiter_raw"})
"""The methods of an HTTP client's response that everything else reads its body with."""

_MRO: Final[Callable[[type], tuple[type, ...]]] = type.__dict__["__mro__"].__get__
"""The classes that a class is made of, whatever its metaclass says they are."""

_SDK_BASE: Final = "anthropic.APIError"
_LONGEST_CHAIN: Final = 16
_LONGEST_TEXT: Final = 2 * LONGEST_MESSAGE
_STATUSES: Final = range(100, 1000)
_LONGEST_WAIT: Final = 4_294_967.0
"""Seconds. `time.sleep` raises above a limit of the platform's; the SDK waits no longer either."""

# SDK below 1.7 raises a ValueError for an exception or error frame of a Bedrock event stream; its text is all there is.
_BEDROCK_TEXT: Final = "Bad response code, expected 200"
_BEDROCK_TYPE: Final = re.compile(r"':(?:exception-type|error-code)': '(\w{1,64})'")

# A protocol error can quote the bytes that it stumbled over: `illegal chunk header: bytearray(b'...')`.
_QUOTED_BYTES: Final = re.compile(r"(?<![:\s])[:\s]*(?<!\w)(?:bytearray\(|bytes\()?b['\"].*", re.DOTALL)

# aiohttp's transport says of a protocol that it does not know the whole URL, with a password and a query.
# urllib3 says which path it asked for, with the query.
_QUOTED_URL: Final = re.compile(r"(://|with url: )[^\s'\"<>]+")

# Gateways say which key was wrong.
_QUOTED_KEY: Final = re.compile(r"\b(sk-|(?:bearer|basic)\s+)(?=\S*\d)[\w.~+/=*-]{8,}", re.IGNORECASE)


def classify(error: object) -> Failure:
    """What `error` really means: an exception out of the SDK, or the decoded body of an error event.

    Anything else is a `client_error`. Whatever it is given, it never raises, and the time it takes and the text it
    returns are bounded.
    """
    failure = attempt(lambda: _of_exception(error) if isinstance(error, BaseException) else _of_body(error))
    if failure is not None:
        return failure
    name = attempt(lambda: qualified_name(type(error))) if issubclass(type(error), BaseException) else None
    return Failure(Outcome.CLIENT_ERROR, OTHER, exception_type=name)


def bounded_error_type(failure: Failure) -> str:
    """The `error.type` of `failure` for a metric: `_OTHER` for a type that the API made up, so that series stay few."""
    error_type = failure.error_type
    if failure.outcome not in _WITH_STATUS or any(error_type in known for known in _KNOWN_TYPES):
        return error_type
    return error_type if error_type in (str(failure.status_code), failure.exception_type) else OTHER


def causes(error: BaseException, most: int) -> tuple[BaseException, ...]:
    """`error` and what it was raised from, outermost first, each once and at most `most` of them.

    No contexts: the application's own exceptions may be among them.
    """
    chain = [error]
    while len(chain) < most:
        cause = attempt(lambda: cast("object", chain[-1].__cause__))
        if not issubclass(type(cause), BaseException) or any(cause is one for one in chain):
            break
        chain.append(cast("BaseException", cause))
    return tuple(chain)


def qualified_name(kind: type) -> str:
    """The class's module and name as OpenTelemetry writes them: `httpx2.ReadError`, and `ValueError` for a builtin."""
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    return text(name) or OTHER


@dataclass(slots=True)
class _Evidence:
    """What is read off an exception, each value checked for its type. Nobody changes it."""

    outcome: Outcome
    observed: int | None
    reported: int | None
    api_type: str | None
    message: str | None
    request_id: str | None
    in_band_request_id: str | None
    headers: object
    retryable: bool | None = None


_Chain = list[tuple[BaseException, Outcome]]
"""An exception and what it was raised from, outermost first, each with what its class alone says."""


def _of_exception(error: BaseException) -> Failure:
    chain = [(one, _by_class(type(one))) for one in causes(error, _LONGEST_CHAIN)]
    token, teller = _of_token(chain)
    evidence = _evidence(error, chain) if token is None else _of_endpoint(error, token)
    source = _source(chain) or teller
    refused = token is not None and token.outcome is Outcome.HTTP_ERROR
    return _failure(
        evidence,
        error_type=evidence.api_type or _own_type(evidence, token) or _named(source, evidence.outcome),
        leaked=evidence.outcome not in _LEAKS_NOTHING and not _of_the_sdk(error),
        exception_type=qualified_name(type(error)),
        message=evidence.message or (None if refused else _own_words(evidence.outcome, source)),
    )


def _of_body(body: object) -> Failure:
    if not isinstance(body, Mapping):
        return Failure(Outcome.CLIENT_ERROR, OTHER)
    event = cast("Mapping[str, object]", body)
    evidence = _Evidence(
        outcome=Outcome.IN_BAND_ERROR,
        observed=None,
        reported=None,
        api_type=_api_type(event, None),
        message=text(_error_field(event, "message"), _LONGEST_TEXT),
        request_id=None,
        in_band_request_id=text(_item(event, "request_id")),
        headers=None,
    )
    return _failure(evidence, error_type=evidence.api_type or OTHER, message=evidence.message)


def _failure(
    evidence: _Evidence,
    *,
    error_type: str,
    leaked: bool = False,
    exception_type: str | None = None,
    message: str | None = None,
) -> Failure:
    effective = _effective_status(evidence)
    in_band = evidence.outcome is Outcome.IN_BAND_ERROR
    return Failure(
        outcome=evidence.outcome,
        error_type=error_type,
        status_code=effective,
        reported_status_code=evidence.reported,
        leaked=leaked,
        misreported=None not in (effective, evidence.reported) and effective != evidence.reported,
        retryable=_retryable(evidence, effective),
        retry_after=None if in_band else _retry_after(evidence.headers),
        request_id=_first(evidence.in_band_request_id, evidence.request_id, swapped=not in_band),
        in_band_request_id=evidence.in_band_request_id if in_band else None,
        exception_type=exception_type,
        message=shortened(_QUOTED_KEY.sub(r"\1...", message)) if message else None,
    )


def _first(one: str | None, other: str | None, *, swapped: bool) -> str | None:
    return (other or one) if swapped else (one or other)


def _evidence(error: BaseException, chain: _Chain) -> _Evidence:
    response = attempt(lambda: cast("Any", error).response)
    reported = _status(attempt(lambda: cast("Any", error).status_code))
    observed = _status(attempt(lambda: cast("Any", response).status_code)) or reported
    frame = _bedrock_frame(error)
    outcome = Outcome.IN_BAND_ERROR if frame is not None else _outcome(chain, observed)
    # The body of any other exception is an answer that could not be used, and no error of the API's.
    body = attempt(lambda: cast("Any", error).body) if outcome in _WITH_STATUS else None
    return _Evidence(
        outcome=outcome,
        observed=observed,
        reported=reported,
        api_type=frame or _api_type(body, error) if outcome in _WITH_STATUS else None,
        message=text(_error_field(body, "message"), _LONGEST_TEXT),
        request_id=text(attempt(lambda: cast("Any", error).request_id)),
        in_band_request_id=text(_item(body, "request_id")),
        headers=attempt(lambda: cast("Any", response).headers),
        retryable=None if RETRYABLE_EXCEPTIONS.isdisjoint(_names(type(error))) else True,
    )


def _of_token(chain: _Chain) -> tuple[TokenFailure | None, BaseException | None]:
    """How the fetching of a token failed, and the exception that names it; `None` twice if it did not."""
    if chain[0][1] not in _MAY_BE_OF_A_TOKEN:
        return None, None
    told = [(token, one) for one, _ in chain if (token := token_failure(one, _names(type(one)))) is not None]
    # The outermost knows most, and has the name of the innermost that knows the same.
    found, name = next(
        ((told[0][0], one) for token, one in reversed(told) if token.outcome is told[0][0].outcome), (None, None)
    )
    return found, None if found is not None and found.outcome is Outcome.MALFORMED else name


def _named(source: BaseException | None, outcome: Outcome) -> str:
    if source is not None:
        return qualified_name(type(source))
    return UNEXPECTED_BODY if outcome is Outcome.MALFORMED else OTHER


def _of_endpoint(error: BaseException, token: TokenFailure) -> _Evidence:
    return _Evidence(
        outcome=token.outcome,
        observed=token.status,
        reported=_status(attempt(lambda: cast("Any", error).status_code)),
        api_type=token.api_type,
        message=token.message,
        request_id=text(attempt(lambda: cast("Any", error).request_id)),
        in_band_request_id=None,
        headers=token.headers,
        retryable=token.retryable,
    )


def _api_type(body: object, error: BaseException | None) -> str | None:
    # The body first: the attribute exists from SDK 0.87 on.
    return text(_error_field(body, "type")) or text(attempt(lambda: cast("Any", error).type))


def _outcome(chain: _Chain, observed: int | None) -> Outcome:
    _, outcome = chain[0]
    if outcome is Outcome.HTTP_ERROR and (observed is None or observed in SUCCESS):
        return Outcome.IN_BAND_ERROR
    if (
        outcome in _MAY_BE_OF_A_TOKEN
        and any(by_class in _NETWORK for _, by_class in chain)
        and any(while_preparing(one) for one, _ in chain)
    ):
        return Outcome.CONNECTION_ERROR
    if outcome is not Outcome.CONNECTION_ERROR:
        return outcome
    # The SDK wraps whatever sending a request raises. For an answer that is not streamed, that includes reading its
    # body and decoding it.
    if any(by_class is Outcome.MALFORMED for _, by_class in chain):
        return Outcome.MALFORMED
    return Outcome.TRANSPORT_ERROR if any(_while_reading_a_body(one) for one, _ in chain) else outcome


def _while_reading_a_body(error: BaseException) -> bool:
    """Whether `error` came out of the HTTP client's reading of a body, so that the headers had arrived."""
    traceback = error.__traceback__
    # No other class can be one, and only the real one is sure to end.
    frames = (frame for frame, _ in walk_tb(traceback if type(traceback) is TracebackType else None))
    return any(
        frame.f_code.co_name in _BODY_READERS
        and str(frame.f_globals.get("__name__")).partition(".")[0] in _HTTP_CLIENTS
        for frame in frames
    )


def _by_class(kind: type[BaseException]) -> Outcome:
    return next(EXCEPTION_OUTCOMES[name] for name in _names(kind) if name in EXCEPTION_OUTCOMES)


def _of_the_sdk(error: BaseException) -> bool:
    return _SDK_BASE in _names(type(error))


def _names(kind: type[BaseException]) -> tuple[str, ...]:
    """By top-level package and name, the classes that `kind` is made of, the most specific first."""
    found = attempt(_names_of.get, kind)
    if found is None:
        found = tuple(f"{base.__module__.partition('.')[0]}.{base.__name__}" for base in _MRO(kind))
        attempt(_names_of.__setitem__, kind, found)
    return found


# There are few, and each is asked for several times. Weak, for the classes are the application's.
_names_of: Final[WeakKeyDictionary[type[BaseException], tuple[str, ...]]] = WeakKeyDictionary()


def _source(chain: _Chain) -> BaseException | None:
    """The exception that tells what went wrong: the innermost of the HTTP client's, else the outermost of a kind."""
    telling = [one for one, by_class in chain if by_class in (Outcome.TRANSPORT_ERROR, Outcome.MALFORMED)]
    of_client = [e for e in telling if type(e).__module__.partition(".")[0] in _HTTP_CLIENTS]
    return of_client[-1] if of_client else next(iter(telling), None)


def _own_type(evidence: _Evidence, token: TokenFailure | None) -> str | None:
    if evidence.outcome is Outcome.TRUNCATED:
        return TRUNCATED_TYPE
    if token is not None and not token.observed:
        return None
    return str(evidence.observed) if evidence.outcome is Outcome.HTTP_ERROR else None


def _own_words(outcome: Outcome, source: BaseException | None) -> str | None:
    if source is None or outcome not in _SPEAKS_FOR_ITSELF:
        return None
    words = text(attempt(lambda: str(source)), _LONGEST_TEXT)
    return None if words is None else _QUOTED_URL.sub(r"\1...", _QUOTED_BYTES.sub("", words))


def _effective_status(evidence: _Evidence) -> int | None:
    if evidence.outcome is Outcome.HTTP_ERROR:
        return evidence.observed
    if evidence.outcome is not Outcome.IN_BAND_ERROR:
        return None
    kind = evidence.api_type or ""
    return API_STATUS.get(kind) or BEDROCK_STATUS.get(kind) or SESSION_STATUS.get(kind) or UNKNOWN_STATUS


def _retryable(evidence: _Evidence, status: int | None) -> bool:
    if evidence.retryable is not None:
        return evidence.retryable
    told = _header(evidence.headers, "x-should-retry")
    if told in ("true", "false") and evidence.outcome in _WITH_STATUS:
        return told == "true"
    if evidence.outcome in _ALWAYS_RETRYABLE:
        return True
    return status is not None and (status >= SERVER_ERROR or status in RETRYABLE_BELOW_500)


def _retry_after(headers: object) -> float | None:
    """The seconds to wait, by the headers that the SDK reads too: milliseconds, seconds, or a date."""
    milliseconds = _number(_header(headers, "retry-after-ms"))
    seconds = _until(_header(headers, "retry-after")) if milliseconds is None else milliseconds / 1000
    return None if seconds is None else min(seconds, _LONGEST_WAIT)


def _until(told: str | None) -> float | None:
    seconds = _number(told)
    if seconds is not None or told is None:
        return seconds
    date = attempt(lambda: parsedate_tz(told))
    return None if date is None else _number(attempt(lambda: max(0.0, mktime_tz(date) - time.time())))


def _bedrock_frame(error: BaseException) -> str | None:
    """The type in a Bedrock frame that the SDK below 1.7 raises as a ValueError. `None` for every other exception."""
    text = attempt(lambda: str(error)) if type(error) is ValueError else None
    if text is None or not text.startswith(_BEDROCK_TEXT):
        return None
    found = _BEDROCK_TYPE.search(text)
    return found.group(1) if found else OTHER


def _error_field(body: object, name: str) -> object:
    return _item(_item(body, "error"), name)


def _item(mapping: object, key: str) -> object:
    if type(mapping) is dict:
        return cast("dict[str, object]", mapping).get(key)
    return attempt(lambda: cast("Any", mapping).get(key)) if isinstance(mapping, Mapping) else None


def _header(headers: object, name: str) -> str | None:
    told = text(attempt(lambda: _there(cast("Any", headers), name)), LONGEST_NAME + 1)
    return None if told is None or len(told) > LONGEST_NAME else told


def _there(headers: Any, name: str) -> object:
    return headers[name] if name in headers else None  # noqa: SIM401 - `get` of what is not there takes them much longer


def _status(value: object) -> int | None:
    status = whole(value)
    return status if status is not None and status in _STATUSES else None


def _number(value: object) -> float | None:
    if value is None:
        return None
    number = attempt(lambda: float(cast("Any", value)))
    return number if number is not None and math.isfinite(number) and number >= 0 else None
