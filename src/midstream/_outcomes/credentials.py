"""What an exception says about the endpoint that an access token comes from. Imports no library: classes by name.

A client may have to fetch a token before it can send its request: from the API's own token endpoint, from Google, AWS
or Microsoft, from a metadata service, or from whatever a token provider of the application's calls. That endpoint can
refuse, or be out of reach, as the API can.
"""

from __future__ import annotations

import re
from traceback import walk_tb
from types import MappingProxyType, TracebackType
from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast

from midstream._guard import attempt
from midstream._outcomes.status import SUCCESS, TOKEN_STATUS, UNKNOWN_STATUS
from midstream._outcomes.values import MAX_NAME_LENGTH, field, fields, from_json, text, whole
from midstream._outcomes.vocabulary import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


_Path = tuple[str | int, ...]
"""Attributes, keys of mappings, or indices of tuples, one below the other. An empty one leads to nothing."""


class TokenFailure(NamedTuple):
    """How the fetching of a token failed."""

    outcome: Outcome
    """`HTTP_ERROR`, `CONNECTION_ERROR`, or `MALFORMED` for an answer without a token."""
    status: int | None = None
    """The status of an `HTTP_ERROR`: as observed, or derived where the library does not pass it on."""
    observed: bool = False
    """Whether the status was on the wire."""
    retryable: bool | None = None
    """Whether a retry helps. `None` where that follows from the outcome and the status."""
    api_type: str | None = None
    """The endpoint's own type of error: an OAuth error, an AWS error code, a Google status. `None` if it has none."""
    message: str | None = None
    """What the endpoint says, as it says it: bounded, but keys are not removed. `None` where the exception's own text
    is all there is: of an answer it may quote the token that was sent."""
    headers: object = None
    """The headers of the endpoint's answer, if the library passes them on."""


class Answered(NamedTuple):
    """Where an exception has what an endpoint answered."""

    status: _Path = ()
    body: _Path = ()
    """The decoded answer, its JSON, or what of it the library keeps."""
    message: _Path = ()
    """What the endpoint says, where that is not in the body. Only the first line is taken."""
    headers: _Path = ()
    retryable: _Path = ()
    """Whether the library thinks that a retry helps."""
    in_text: bool = False
    """Whether the status can be in the text of the exception."""
    only_while_preparing: bool = False
    """Whether the exception can be about the API's answer, where it did not come out of the fetching of a token."""
    is_answer: frozenset[str] = frozenset()
    """The functions of the library that raise the exception only for an answer, even one of which they keep nothing."""


class _Unreachable(NamedTuple):
    """There was no answer."""


_RESPONSE: Final = Answered(status=("response", "status_code"), headers=("response", "headers"))

_GOOGLE: Final = Answered(
    body=("args", 1),
    retryable=("retryable",),
    in_text=True,
    is_answer=frozenset({"refresh_grant", "jwt_grant", "_make_iam_token_request", "handle_error_response"}),
)

ENDPOINT_EXCEPTIONS: Final[Mapping[str, Answered | _Unreachable]] = MappingProxyType(
    {
        "anthropic.WorkloadIdentityError": Answered(status=("status_code",), body=("body",)),
        "google.TransportError": Answered(status=("args", 1, "status"), in_text=True),
        "google.TimeoutError": _Unreachable(),
        "google.RefreshError": _GOOGLE,
        "google.OAuthError": _GOOGLE,
        "botocore.ClientError": Answered(
            status=("response", "ResponseMetadata", "HTTPStatusCode"),
            body=("response",),
            headers=("response", "ResponseMetadata", "HTTPHeaders"),
        ),
        "botocore.CredentialRetrievalError": Answered(in_text=True),
        "botocore.MetadataRetrievalError": Answered(in_text=True),
        "botocore.ConnectionError": _Unreachable(),
        "botocore.HTTPClientError": _Unreachable(),
        "azure.HttpResponseError": Answered(
            status=("status_code",),
            body=("error",),
            message=("message",),
            headers=("response", "headers"),
            in_text=True,
        ),
        "azure.ServiceRequestError": _Unreachable(),
        "azure.ServiceResponseError": _Unreachable(),
        "httpx.HTTPStatusError": _RESPONSE,
        "httpx2.HTTPStatusError": _RESPONSE,
        "requests.HTTPError": _RESPONSE,
        "requests.ConnectionError": _Unreachable(),
        "requests.Timeout": _Unreachable(),
        "requests.ChunkedEncodingError": _Unreachable(),
        "aiohttp.ClientResponseError": Answered(status=("status",), headers=("headers",), only_while_preparing=True),
        "urllib.HTTPError": Answered(status=("code",), headers=("headers",)),
        "urllib.URLError": _Unreachable(),
        "urllib3.HTTPError": _Unreachable(),
        "http.HTTPException": _Unreachable(),
    }
)
"""By top-level package and name of a class; the most specific class of an exception's `__mro__` counts."""

_TRANSPORT: Final = "google.TransportError"
"""The class that says, where it has no answer, that there was none."""

_RETRYABLE_TYPES: Final = frozenset(
    {
        "IDPCommunicationError",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
        "temporarily_unavailable",
    }
)
"""What an endpoint may say with a status that does not tell that a retry helps, as AWS does with 400."""

# What the libraries say of what was answered in words only: botocore and google-auth of a metadata service, google-auth
# by handing on a page as it came, azure-identity of a managed identity.
_STATUS_IN_TEXT: Final = re.compile(
    r"(?:received non 200 response|status:|<title>(?:error)?|token request error: \(\w*\)) ?([45]\d\d)\b", re.IGNORECASE
)
_ANSWER: Final = "Token request error:"
_NO_ANSWER: Final = "Received error when attempting to retrieve container metadata"
_NO_TOKEN: Final = re.compile(r"no access token|unable to parse JSON returned|received invalid JSON", re.IGNORECASE)

_CERTIFICATE: Final = re.compile(r"certificate[ _]verify[ _]failed", re.IGNORECASE)

_PREPARING: Final = frozenset({"_prepare_options", "_prepare_request", "sync_auth_flow", "async_auth_flow"})
"""The methods of the SDK in which a client fetches a token, before it sends its request."""

_NO_TOKENS: Final = range(300, 600)
"""The statuses with which an endpoint gives no token."""

_ERRORS: Final = range(400, 600)
_REFUSED: Final = 400
_MAX_TEXT_LENGTH: Final = 2048


def token_failure(error: BaseException, names: Iterable[str]) -> TokenFailure | None:
    """How the fetching of a token failed, as `error` says, a single exception; not what it was raised from.

    `names` are the classes that `error` is made of, each by its top-level package and its name, the most specific
    first. `None` for an exception of another kind, and for one without any request, such as missing credentials.
    Never raises.
    """
    known = tuple(names)
    row = next((ENDPOINT_EXCEPTIONS[name] for name in known if name in ENDPOINT_EXCEPTIONS), None)
    if row is None:
        return None
    if isinstance(row, _Unreachable):
        return _unreachable(error)
    if row.only_while_preparing and not while_preparing(error):
        return None
    return _answered(error, row) or (_unreachable(error) if _TRANSPORT in known else None)


def while_preparing(error: BaseException) -> bool:
    """Whether `error` came out of the preparation of a request, in which the SDK fetches tokens. Never raises."""
    return any(name in _PREPARING and package == "anthropic" for package, name in _functions(error))


def _unreachable(error: BaseException) -> TokenFailure:
    said = _words(error)
    # No retry makes a certificate valid.
    retryable = False if said is not None and _CERTIFICATE.search(said) else None
    return TokenFailure(Outcome.CONNECTION_ERROR, retryable=retryable)


def _answered(error: BaseException, row: Answered) -> TokenFailure | None:
    said = _words(error) if row.in_text else None
    body = _body(_at(error, row.body))
    kind, message, code = _told(body)
    observed = whole(_at(error, row.status)) or _in_text(said) or code
    if observed in SUCCESS or (observed is None and said is not None and _NO_TOKEN.search(said)):
        return TokenFailure(Outcome.MALFORMED, retryable=False)
    if said is not None and _NO_ANSWER in said:
        return _unreachable(error)
    hint = _at(error, row.retryable) is True or None
    answered = hint or _raised_by(error, row.is_answer) or (said is not None and _ANSWER in said)
    if observed is None and kind is None and not answered:
        return None
    # An endpoint refuses with a type. An answer without one comes from a gateway whose endpoint is not available.
    status = observed or TOKEN_STATUS.get(kind or "") or (_REFUSED if kind and not hint else UNKNOWN_STATUS)
    if status not in _NO_TOKENS:
        return None
    return TokenFailure(
        Outcome.HTTP_ERROR,
        status=status,
        observed=observed is not None,
        retryable=True if hint or kind in _RETRYABLE_TYPES else None,
        api_type=kind,
        message=message or _line(_at(error, row.message)),
        headers=_at(error, row.headers),
    )


def _told(body: object) -> tuple[str | None, str | None, int | None]:
    """The type, the message and the status in a decoded answer: OAuth's, the API's, AWS's, Google's or Microsoft's."""
    error = next((one for one in fields(body, "error", "Error") if one is not None), body)
    if text(error) is not None:
        return _name(error), text(field(body, "error_description"), _MAX_TEXT_LENGTH), None
    kinds = (_name(field(error, name)) for name in ("type", "status", "Code", "code"))
    messages = (text(field(error, name), _MAX_TEXT_LENGTH) for name in ("message", "Message"))
    code = whole(field(error, "code"))
    return next(filter(None, kinds), None), next(filter(None, messages), None), code if code in _ERRORS else None


def _line(value: object) -> str | None:
    said = text(value, _MAX_TEXT_LENGTH)
    return None if said is None else said.partition("\n")[0]


def _name(value: object) -> str | None:
    name = text(value, MAX_NAME_LENGTH + 1)
    return name if name is not None and len(name) <= MAX_NAME_LENGTH and " " not in name else None


def _body(value: object) -> object:
    raw = text(value, _MAX_TEXT_LENGTH)
    return value if raw is None else from_json(raw.encode())


def _at(error: BaseException, path: _Path) -> object:
    value: object = error if path else None
    for step in path:
        value = field(value, step) if isinstance(step, str) else attempt(_item, value, step)
    return value


def _item(value: object, index: int) -> object:
    return cast("Any", value)[index] if isinstance(value, tuple) else None


def _words(error: BaseException) -> str | None:
    return text(attempt(lambda: str(error)), _MAX_TEXT_LENGTH)


def _in_text(said: str | None) -> int | None:
    found = _STATUS_IN_TEXT.search(said) if said is not None else None
    return int(found.group(1)) if found else None


def _raised_by(error: BaseException, functions: frozenset[str]) -> bool:
    return bool(functions) and any(name in functions for _, name in _functions(error))


def _functions(error: BaseException) -> Iterable[tuple[str, str]]:
    """The functions that `error` came through, each with its top-level package."""
    traceback = attempt(lambda: error.__traceback__)
    for frame, _ in walk_tb(traceback if type(traceback) is TracebackType else None):
        yield str(frame.f_globals.get("__name__")).partition(".")[0], frame.f_code.co_name
