"""What an exception means for the endpoint that issues access tokens. Imports no library: classes by name.

A client may have to fetch a token before it can send its request: from the API's own token endpoint, from Google, AWS
or Microsoft, from a metadata service, or from whatever the application's token provider calls. Like the API, that
endpoint can refuse, or be unreachable.
"""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast

from midstream._guard import attempt
from midstream._outcomes.error_classes import HTTP_CLIENTS
from midstream._outcomes.exceptions import functions_of
from midstream._outcomes.status import SUCCESS, TOKEN_STATUS, UNKNOWN_STATUS
from midstream._outcomes.values import (
    MAX_TEXT_LENGTH,
    Fields,
    as_int,
    as_name,
    as_text,
    compiled,
    field,
    from_json,
    words_of,
)
from midstream._outcomes.vocabulary import Outcome

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


_Path = tuple[str | int, ...]
"""Attributes, keys of mappings, or indices of tuples, each within the one before. An empty path leads to nothing."""


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
    """The endpoint's message: bounded, but keys are not removed. `None` where there is only the exception's own text,
    which may quote the token that was sent."""
    headers: object = None
    """The headers of the endpoint's answer, if the library passes them on."""


class Answered(NamedTuple):
    """Where an exception has the endpoint's answer."""

    status: _Path = ()
    body: _Path = ()
    """The decoded answer, its JSON, or the part of it that the library keeps."""
    message: _Path = ()
    """The endpoint's message, where that is not in the body. Only the first line is used."""
    headers: _Path = ()
    retryable: _Path = ()
    """Whether the library thinks that a retry helps."""
    in_text: bool = False
    """Whether the status can be in the text of the exception."""
    only_while_preparing: bool = False
    """Whether the exception can be about the API's answer, unless it came out of the fetching of a token."""
    is_answer: frozenset[str] = frozenset()
    """The functions of the library that raise the exception only for an answer, even if they keep nothing of it."""


_RESPONSE: Final = Answered(status=("response", "status_code"), headers=("response", "headers"))

_GOOGLE: Final = Answered(
    body=("args", 1),
    retryable=("retryable",),
    in_text=True,
    is_answer=frozenset({"refresh_grant", "jwt_grant", "_make_iam_token_request", "handle_error_response"}),
)

ENDPOINT_EXCEPTIONS: Final[Mapping[str, Answered | None]] = MappingProxyType(
    {
        "anthropic.WorkloadIdentityError": Answered(status=("status_code",), body=("body",)),
        "google.TransportError": Answered(status=("args", 1, "status"), in_text=True),
        "google.RefreshError": _GOOGLE,
        "google.OAuthError": _GOOGLE,
        "botocore.ClientError": Answered(
            status=("response", "ResponseMetadata", "HTTPStatusCode"),
            body=("response",),
            headers=("response", "ResponseMetadata", "HTTPHeaders"),
        ),
        "botocore.CredentialRetrievalError": Answered(in_text=True),
        "botocore.MetadataRetrievalError": Answered(in_text=True),
        "azure.HttpResponseError": Answered(
            status=("status_code",),
            body=("error",),
            message=("message",),
            headers=("response", "headers"),
            in_text=True,
        ),
        **{f"{client}.HTTPStatusError": _RESPONSE for client in sorted(HTTP_CLIENTS)},
        "requests.HTTPError": _RESPONSE,
        "aiohttp.ClientResponseError": Answered(status=("status",), headers=("headers",), only_while_preparing=True),
        "urllib.HTTPError": Answered(status=("code",), headers=("headers",)),
        **dict.fromkeys(
            (
                "google.TimeoutError",
                "botocore.ConnectionError",
                "botocore.HTTPClientError",
                "azure.ServiceRequestError",
                "azure.ServiceResponseError",
                "requests.ConnectionError",
                "requests.Timeout",
                "requests.ChunkedEncodingError",
                "urllib.URLError",
                "urllib3.HTTPError",
                "http.HTTPException",
            ),
        ),
    }
)
"""By top-level package and name of a class; the most specific class of an exception's `__mro__` counts. `None`: there
was no answer."""

_GOOGLE_TRANSPORT: Final = "google.TransportError"
"""The class that is raised with an answer and without one."""

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
"""Types of errors after which a retry helps, even with a status such as AWS's 400 after which it usually does not."""

# The wording of libraries that pass an answer on as text: botocore and google-auth for a metadata service, google-auth
# for a page that it did not expect, azure-identity for a managed identity.
_STATUS_IN_TEXT: Final = (
    r"(?:received non 200 response|status:|<title>(?:error)?|token request error: \(\w*\)) ?([45]\d\d)\b"
)
_ANSWER: Final = "Token request error:"
_NO_ANSWER: Final = "Received error when attempting to retrieve container metadata"
_ISSUED_NOTHING: Final = "no access token|unable to parse JSON returned|received invalid JSON"

_CERTIFICATE: Final = "certificate[ _]verify[ _]failed"

_PREPARING: Final = frozenset({"_prepare_options", "_prepare_request", "sync_auth_flow", "async_auth_flow"})
"""The methods of the SDK in which a client fetches a token, before it sends its request."""

_NO_TOKENS: Final = range(300, 600)
"""The statuses with which an endpoint issues no token."""

_ERRORS: Final = range(400, 600)
_REFUSED: Final = 400


def token_failure(error: BaseException, names: Sequence[str]) -> TokenFailure | None:
    """How the fetching of a token failed, according to `error` alone, without its causes.

    `names` are the classes that `error` is made of, each by its top-level package and its name, the most specific
    first. `None` for an exception of another kind, and for one without any request, such as missing credentials.
    Never raises.
    """
    known = next((name for name in names if name in ENDPOINT_EXCEPTIONS), None)
    if known is None:
        return None
    row = ENDPOINT_EXCEPTIONS[known]
    if row is None:
        return _unreachable(words_of(error, MAX_TEXT_LENGTH))
    if row.only_while_preparing and not while_preparing(error):
        return None
    words = words_of(error, MAX_TEXT_LENGTH) if row.in_text else None
    return _answered(error, row, words) or (_unreachable(words) if known == _GOOGLE_TRANSPORT else None)


def while_preparing(error: BaseException) -> bool:
    """Whether `error` came out of the preparation of a request, in which the SDK fetches tokens. Never raises."""
    return any(name in _PREPARING and package == "anthropic" for package, name in functions_of(error))


def _unreachable(words: str | None) -> TokenFailure:
    # No retry makes a certificate valid.
    retryable = False if _says(_CERTIFICATE, words) else None
    return TokenFailure(Outcome.CONNECTION_ERROR, retryable=retryable)


def _answered(error: BaseException, row: Answered, words: str | None) -> TokenFailure | None:
    kind, message, code = _read(_decoded(_at(error, row.body)))
    observed = as_int(_at(error, row.status)) or _status_in(words) or code
    if observed in SUCCESS or (observed is None and _says(_ISSUED_NOTHING, words)):
        return TokenFailure(Outcome.MALFORMED, retryable=False)
    if words is not None and _NO_ANSWER in words:
        return _unreachable(words)
    hint = _at(error, row.retryable) is True or None
    answered = hint or _passed_through(error, row.is_answer) or (words is not None and _ANSWER in words)
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
        message=message or _first_line(_at(error, row.message)),
        headers=_at(error, row.headers),
    )


_NESTED_ERROR: Final = Fields("error", "Error")


def _read(body: object) -> tuple[str | None, str | None, int | None]:
    """The type, the message and the status in a decoded answer of OAuth, the API, AWS, Google or Microsoft."""
    error = next((found for found in _NESTED_ERROR.of(body) if found is not None), body)
    if as_text(error) is not None:
        return _type(error), as_text(field(body, "error_description"), MAX_TEXT_LENGTH), None
    kinds = (_type(field(error, name)) for name in ("type", "status", "Code", "code"))
    messages = (as_text(field(error, name), MAX_TEXT_LENGTH) for name in ("message", "Message"))
    code = as_int(field(error, "code"))
    return next(filter(None, kinds), None), next(filter(None, messages), None), code if code in _ERRORS else None


def _type(value: object) -> str | None:
    name = as_name(value)
    return None if name is None or " " in name else name


def _first_line(value: object) -> str | None:
    text = as_text(value, MAX_TEXT_LENGTH)
    return None if text is None else text.partition("\n")[0]


def _decoded(value: object) -> object:
    raw = as_text(value, MAX_TEXT_LENGTH)
    return value if raw is None else from_json(raw.encode())


def _at(error: BaseException, path: _Path) -> object:
    value: object = error if path else None
    for step in path:
        value = field(value, step) if isinstance(step, str) else attempt(_element, value, step)
    return value


def _element(value: object, index: int) -> object:
    return cast("Any", value)[index] if isinstance(value, tuple) else None


def _says(pattern: str, words: str | None) -> re.Match[str] | None:
    return None if words is None else compiled(pattern, re.IGNORECASE).search(words)


def _status_in(words: str | None) -> int | None:
    found = _says(_STATUS_IN_TEXT, words)
    return int(found.group(1)) if found else None


def _passed_through(error: BaseException, functions: frozenset[str]) -> bool:
    return bool(functions) and any(name in functions for _, name in functions_of(error))
