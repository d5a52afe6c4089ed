"""Nothing that the SDK or its HTTP clients can raise is left to the last line of the table."""

from __future__ import annotations

from typing import Any, get_args

import anthropic
import pytest

from midstream._outcomes import Outcome
from midstream._outcomes.exceptions import EXCEPTION_OUTCOMES
from midstream._outcomes.status import API_STATUS
from support.exception_kinds import exceptions_in, importable, sdk_exceptions

UNSPECIFIC = ("builtins.Exception", "builtins.BaseException")

CLIENT_ERRORS = {
    "AnthropicError": "the base class of the SDK's exceptions",
    "APIError": "the base class of what the API is the cause of",
    "APIResponseValidationError": "the answer arrived whole, and is not what the SDK expects",
    "APIWebhookValidationError": "about a webhook, not about a call",
    "CredentialsError": "credentials are missing or cannot be read",
    "IdentityTokenFileError": "credentials are missing or cannot be read",
    "MissingStreamClassError": "the application passed no class for the stream",
    "RetryableError": "raised by the application's middleware, for any reason; retryable all the same",
    "StreamAlreadyConsumed": "the application read a stream twice",
    "WorkloadIdentityError": "unless the token endpoint was out of reach or answered: _outcomes/credentials.py",
}
"""The SDK's exceptions that are client errors, each with the reason."""

HTTP_CLIENT_ERRORS = {
    "HTTPError": "a base class",
    "RequestError": "a base class",
    "HTTPStatusError": "the SDK makes an APIStatusError of it; out of a token provider, _outcomes/credentials.py",
    "InvalidURL": "the application's URL",
    "CookieConflict": "the application's cookies",
    "StreamError": "a base class",
    "StreamConsumed": "the application read a stream twice",
    "StreamClosed": "the application read a stream that it had closed",
    "ResponseNotRead": "the application read in the wrong order",
    "RequestNotRead": "the application read in the wrong order",
}
"""The exceptions of httpx and httpx2 that are client errors, each with the reason."""

HTTP_CORE_ERRORS = {"UnsupportedProtocol"}
"""The exceptions of httpcore that are not transport errors: it is about the URL."""


def specific(kind: type[BaseException]) -> Outcome | None:
    """What the table says about `kind`, the two lines for everything else left out."""
    names = (f"{base.__module__.partition('.')[0]}.{base.__name__}" for base in kind.__mro__)
    return next((EXCEPTION_OUTCOMES[n] for n in names if n in EXCEPTION_OUTCOMES and n not in UNSPECIFIC), None)


@pytest.fixture(scope="module", params=importable("httpx", "httpx2"), ids=lambda package: package.__name__)
def http_client(request: pytest.FixtureRequest) -> Any:
    return request.param


def test_every_error_type_of_the_sdk_has_a_status() -> None:
    error_type = pytest.importorskip("anthropic.types.shared.error_type", reason="this SDK has no ErrorType")
    assert set(get_args(error_type.ErrorType)) - set(API_STATUS) == set()


def test_every_exception_of_the_sdk_is_classified_by_a_line_of_its_own() -> None:
    unspecific = {kind.__name__ for kind in sdk_exceptions() if specific(kind) is None}
    assert unspecific - set(CLIENT_ERRORS) == set()


def test_every_status_error_of_the_sdk_is_an_http_error_unless_its_status_differs() -> None:
    found = {kind: specific(kind) for kind in sdk_exceptions() if issubclass(kind, anthropic.APIStatusError)}
    assert len(found) > 10
    assert {kind for kind, outcome in found.items() if outcome is not Outcome.HTTP_ERROR} == set()


def test_every_transport_error_of_the_http_client_is_a_transport_error(http_client: Any) -> None:
    found = {kind for kind in exceptions_in(http_client) if issubclass(kind, http_client.TransportError)}
    assert len(found) > 10
    assert {kind for kind in found if specific(kind) is not Outcome.TRANSPORT_ERROR} == set()


def test_a_decoding_error_of_the_http_client_is_malformed(http_client: Any) -> None:
    assert specific(http_client.DecodingError) is Outcome.MALFORMED


def test_every_other_exception_of_the_http_client_is_a_client_error_with_a_reason(http_client: Any) -> None:
    unspecific = {kind.__name__ for kind in exceptions_in(http_client) if specific(kind) is None}
    assert unspecific - set(HTTP_CLIENT_ERRORS) == set()


@pytest.mark.parametrize("core", importable("httpcore", "httpcore2"), ids=lambda package: package.__name__)
def test_every_exception_of_the_http_core_is_a_transport_error(core: Any) -> None:
    unspecific = {kind.__name__ for kind in exceptions_in(core) if specific(kind) is not Outcome.TRANSPORT_ERROR}
    assert unspecific - HTTP_CORE_ERRORS == set()


def test_every_exception_of_http2_is_a_transport_error() -> None:
    package = pytest.importorskip("h2.exceptions", reason="h2 is not installed")
    assert {kind for kind in exceptions_in(package) if specific(kind) is not Outcome.TRANSPORT_ERROR} == set()


def test_every_client_error_of_aiohttp_is_a_transport_error() -> None:
    package = pytest.importorskip("aiohttp", reason="aiohttp is not installed")
    found = {kind for kind in exceptions_in(package) if issubclass(kind, package.ClientError)}
    assert len(found) > 10
    assert {kind for kind in found if specific(kind) is not Outcome.TRANSPORT_ERROR} == set()
