"""What exceptions say about token endpoints: real classes of libraries that need not be installed."""

from __future__ import annotations

import http.client
import importlib
import urllib.error
from email.message import Message
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import anthropic
import pytest

from midstream._outcomes import Outcome, classify
from midstream._outcomes.credentials import ENDPOINT_EXCEPTIONS, TokenFailure, token_failure
from support.clients import HTTP_PACKAGE
from support.hostile import Explosive
from support.sdk_errors import http as http_client
from support.sdk_errors import http_error, response

if TYPE_CHECKING:
    from collections.abc import Mapping

MODULES: Mapping[str, str] = {
    "anthropic": "anthropic.lib.credentials._workload",
    "google": "google.auth.exceptions",
    "botocore": "botocore.exceptions",
    "azure": "azure.core.exceptions",
    "httpx": "httpx",
    "httpx2": "httpx2",
    "requests": "requests.exceptions",
    "aiohttp": "aiohttp",
    "urllib": "urllib.error",
    "urllib3": "urllib3.exceptions",
    "http": "http.client",
}
"""By top-level package, where its exceptions are."""


@pytest.mark.parametrize("name", ENDPOINT_EXCEPTIONS)
def test_every_class_of_the_table_exists(name: str) -> None:
    package, _, kind = name.partition(".")
    module = pytest.importorskip(MODULES[package], reason=f"{package} is not installed")
    assert issubclass(getattr(module, kind), Exception)


@pytest.mark.parametrize(
    "name",
    ["NoCredentialsError", "PartialCredentialsError", "ProfileNotFound", "UnauthorizedSSOTokenError", "NoRegionError"],
)
def test_what_botocore_raises_without_a_request_is_a_client_error(name: str) -> None:
    kind = getattr(pytest.importorskip("botocore.exceptions", reason="botocore is not installed"), name)
    error = kind(provider="env", cred_var="AWS_SECRET_ACCESS_KEY", profile="none")
    assert (classify(error).outcome, classify(error).retryable) == (Outcome.CLIENT_ERROR, False)


@pytest.mark.parametrize(
    "name",
    [
        "ConnectTimeoutError",
        "ConnectionClosedError",
        "EndpointConnectionError",
        "ProxyConnectionError",
        "ReadTimeoutError",
        "SSLError",
    ],
)
def test_what_botocore_raises_without_an_answer_is_a_connection_error(name: str) -> None:
    kind = getattr(pytest.importorskip("botocore.exceptions", reason="botocore is not installed"), name)
    failure = classify(kind(endpoint_url="https://sts.test/?Token=secret", proxy_url="http://u:p@proxy", error="broke"))
    assert (failure.outcome, failure.error_type) == (Outcome.CONNECTION_ERROR, f"botocore.exceptions.{name}")
    assert (failure.retryable, failure.leaked) == (True, True)
    assert "secret" not in (failure.message or "")
    assert "u:p" not in (failure.message or "")


def test_a_certificate_that_does_not_verify_is_not_retryable() -> None:
    said = "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: self-signed certificate"
    failure = classify(urllib.error.URLError(said))
    assert (failure.outcome, failure.retryable) == (Outcome.CONNECTION_ERROR, False)


@pytest.mark.parametrize(
    "name",
    ["ServiceRequestError", "ServiceResponseError", "ServiceRequestTimeoutError", "ServiceResponseTimeoutError"],
)
def test_what_azure_raises_without_an_answer_is_a_connection_error(name: str) -> None:
    kind = getattr(pytest.importorskip("azure.core.exceptions", reason="azure-core is not installed"), name)
    failure = classify(kind("it broke"))
    assert (failure.outcome, failure.error_type) == (Outcome.CONNECTION_ERROR, f"azure.core.exceptions.{name}")


def test_what_azure_raises_over_an_answer_is_recorded_with_its_status_and_its_headers() -> None:
    azure = pytest.importorskip("azure.core.exceptions", reason="azure-core is not installed")
    answer = SimpleNamespace(status_code=429, reason="Busy", headers={"retry-after": "7"}, text=lambda: "")
    failure = classify(azure.ClientAuthenticationError("Too many requests\nContent: secret", response=answer))
    assert (failure.outcome, failure.status_code, failure.error_type) == (Outcome.HTTP_ERROR, 429, "429")
    assert (failure.retryable, failure.retry_after, failure.message) == (True, 7.0, "Too many requests")


def test_azure_credentials_that_are_nowhere_are_a_client_error() -> None:
    azure = pytest.importorskip("azure.core.exceptions", reason="azure-core is not installed")
    assert classify(azure.ClientAuthenticationError("no credential")).outcome is Outcome.CLIENT_ERROR


def test_google_hands_on_what_its_services_answered() -> None:
    google = pytest.importorskip("google.auth.exceptions", reason="google-auth is not installed")
    body = '{"error": {"code": 403, "message": "No luck", "status": "PERMISSION_DENIED"}}'
    failure = classify(google.RefreshError("Unable to acquire impersonated credentials", body))
    assert (failure.status_code, failure.error_type, failure.message) == (403, "PERMISSION_DENIED", "No luck")


@pytest.mark.parametrize(("hint", "status"), [(True, 500), (False, 400)])
def test_an_unknown_google_error_has_status_500_if_retryable_and_400_otherwise(hint: bool, status: int) -> None:
    google = pytest.importorskip("google.auth.exceptions", reason="google-auth is not installed")
    error = google.RefreshError("Unable to acquire credentials", '{"error": {"status": "BRAND_NEW"}}', retryable=hint)
    assert classify(error).status_code == status


def test_a_transport_error_of_google_s_without_a_cause_is_a_connection_error() -> None:
    google = pytest.importorskip("google.auth.exceptions", reason="google-auth is not installed")
    failure = classify(google.TransportError("exhausted retries"))
    assert (failure.outcome, failure.error_type) == (
        Outcome.CONNECTION_ERROR,
        "google.auth.exceptions.TransportError",
    )


def test_a_function_of_the_application_s_is_not_taken_for_one_of_the_sdk_s() -> None:
    error = http_client.ReadError("reset")

    def _prepare_request() -> None:
        raise error

    with pytest.raises(http_client.ReadError):
        _prepare_request()
    assert classify(error).outcome is Outcome.TRANSPORT_ERROR


@pytest.mark.parametrize("wrapped", [False, True], ids=["bare", "wrapped"])
def test_the_status_of_an_answer_that_a_provider_did_not_accept_is_recorded(*, wrapped: bool) -> None:
    answer = response(503, "", {"retry-after": "7"})
    error: Exception = http_client.HTTPStatusError(
        "503", request=http_client.Request("POST", "https://t"), response=answer
    )
    if wrapped:
        error, error.__cause__ = RuntimeError("no token"), error
    failure = classify(error)
    assert (failure.outcome, failure.status_code, failure.retry_after) == (Outcome.HTTP_ERROR, 503, 7.0)


def test_what_the_api_answers_is_not_taken_for_an_endpoint_s_answer() -> None:
    error = http_error(400)
    with urllib.error.HTTPError("https://t", 503, "Busy", Message(), None) as answered:
        error.__cause__ = answered
        assert classify(error).status_code == 400


def test_what_aiohttp_raises_over_the_api_s_answer_is_a_transport_error() -> None:
    aiohttp = pytest.importorskip("aiohttp", reason="aiohttp is not installed")
    failure = classify(
        aiohttp.ClientResponseError(SimpleNamespace(real_url="https://t"), (), status=400, message="Bad")
    )
    assert (failure.outcome, failure.status_code) == (Outcome.TRANSPORT_ERROR, None)


def test_the_standard_library_s_client_without_an_answer_is_a_connection_error() -> None:
    assert classify(http.client.IncompleteRead(b"")).outcome is Outcome.CONNECTION_ERROR


@pytest.mark.parametrize("name", ENDPOINT_EXCEPTIONS)
def test_an_exception_that_raises_at_access_is_judged_by_its_class(name: str) -> None:
    class HostileError(Exception):
        def __getattribute__(self, _: str) -> Any:
            raise RuntimeError

        def __str__(self) -> str:
            raise RuntimeError

    for failure in (
        token_failure(HostileError(), [name]),
        token_failure(RuntimeError(Explosive(), Explosive()), [name]),
    ):
        assert failure in (None, TokenFailure(Outcome.CONNECTION_ERROR))


def test_an_exception_of_another_kind_says_nothing() -> None:
    assert token_failure(ValueError("status: 503"), ["builtins.ValueError", "builtins.Exception"]) is None


@pytest.mark.parametrize("status", [100, 700, -1, True, "503"])
def test_a_status_that_is_not_an_error_s_is_not_an_answer(status: object) -> None:
    error = importlib.import_module(HTTP_PACKAGE).HTTPStatusError(
        "odd", request=http_client.Request("POST", "https://t"), response=SimpleNamespace(status_code=status)
    )
    assert token_failure(error, [f"{HTTP_PACKAGE}.HTTPStatusError"]) is None


@pytest.mark.skipif(not hasattr(anthropic, "RetryableError"), reason="this version of the SDK has no RetryableError")
def test_what_the_sdk_retries_by_its_class_is_retryable() -> None:
    class AgainError(anthropic.RetryableError):
        pass

    failure = classify(AgainError("once more"))
    assert (failure.outcome, failure.retryable) == (Outcome.CLIENT_ERROR, True)
