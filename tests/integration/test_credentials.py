"""A client fetches a token before its request, and the token endpoint refuses, breaks, or is unreachable."""

from __future__ import annotations

import asyncio
import importlib
import itertools
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import anthropic
import anyio
import pytest

from midstream.faults._script import Ending, Script
from midstream.faults._wire import HTML, JSON, head
from support.clients import HTTP_PACKAGE
from support.hostile_server import HostileServer, always
from support.sdk_errors import http

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from support.exported import Exported

ASSERTION = "eyJcanary.eyJcanary.c2lnbmVk"
"""Exchanged for a token. It must not appear in anything that is exported."""

SDK: Any = anthropic
"""For what only some of its versions have."""

NO_PORT = "http://127.0.0.1:1"
CLOSED = Script(ending=Ending.CLOSE)
SILENT = Script(ending=Ending.STALL)
NUMBERS = itertools.count()

ASKED: dict[str, Any] = {"model": "claude-x", "max_tokens": 1, "messages": [{"role": "user", "content": "Hi"}]}

Told = tuple[str, "int | None", str, bool]
"""The outcome, the effective status, the `error.type`, and whether a retry helps."""


def document(body: bytes, status: int = 200, media_type: str = JSON) -> Script:
    """Gives the same answer to every request."""
    # The libraries keep connections open until the server closes them.
    headers = {"content-type": media_type, "content-length": str(len(body)), "connection": "close"}
    return Script(head(status, headers), (body,), ending=Ending.CLOSE)


def page(status: int, title: str) -> Script:
    return document(f"<html><title>{title}</title>{ASSERTION}</html>".encode(), status, HTML)


def refused(error: str, status: int, words: str = "No luck") -> Script:
    return document(b'{"error":"%b","error_description":"%b"}' % (error.encode(), words.encode()), status)


REFUSED_BY_THE_API = document(b'{"type":"error","error":{"type":"rate_limit_error","message":"Slow down"}}', 429)


@pytest.fixture(name="endpoint", scope="module")
def endpoint_() -> Iterator[HostileServer]:
    with HostileServer() as server:
        yield server


def told(exported: Exported) -> Told:
    attributes = exported.told_span.attributes or {}
    (point,) = exported.counted("midstream.client.errors")
    assert len(exported.logs) == 1
    assert attributes["midstream.phase"] in {"request", "opening"}
    assert point.attributes["midstream.outcome"] == attributes["midstream.outcome"]
    assert ASSERTION not in exported.everything()
    outcome, status = attributes["midstream.outcome"], attributes.get("midstream.status_code")
    retryable, kind = attributes["midstream.retryable"], attributes["error.type"]
    assert isinstance(status, (int, type(None)))
    return str(outcome), status, str(kind), bool(retryable)


def leaks(exported: Exported, error: BaseException) -> bool:
    """Whether `except anthropic.APIError` misses the exception, and whether midstream recorded that."""
    missed = not isinstance(error, anthropic.APIError)
    assert (exported.told_span.attributes or {})["midstream.leaked"] is missed
    return missed


def call(make: Callable[[], Any]) -> BaseException:
    with make() as client, pytest.raises(Exception) as raised:  # noqa: PT011 - of any class, which is what is tested
        client.messages.create(**ASKED)
    return raised.value


def async_call(make: Callable[[], Any]) -> BaseException:
    async def run() -> BaseException:
        async with make() as client:
            with pytest.raises(Exception) as raised:  # noqa: PT011
                await client.messages.create(**ASKED)
        return raised.value

    return anyio.run(run)


# --- the API's own token endpoint -----------------------------------------------------------------------------------

EXCHANGES: dict[str, tuple[Script, Told]] = {
    "503": (refused("temporarily_unavailable", 503), ("http_error", 503, "temporarily_unavailable", True)),
    "429": (REFUSED_BY_THE_API, ("http_error", 429, "rate_limit_error", True)),
    "401": (refused("invalid_grant", 401), ("http_error", 401, "invalid_grant", False)),
    "a page": (page(502, "Bad Gateway"), ("http_error", 502, "502", True)),
    "elsewhere": (page(302, "Found"), ("http_error", 302, "302", False)),
    "no JSON": (page(200, "Welcome"), ("malformed", None, "json.decoder.JSONDecodeError", False)),
    "no token": (document(b"{}"), ("malformed", None, "unexpected_body", False)),
    "a list": (document(b"[]"), ("malformed", None, "unexpected_body", False)),
    "closed": (CLOSED, ("connection_error", None, f"{HTTP_PACKAGE}.RemoteProtocolError", True)),
    "silent": (SILENT, ("connection_error", None, f"{HTTP_PACKAGE}.ReadTimeout", True)),
    "cut": (
        Script(head(200, {"content-length": "99"}), (b"{",), ending=Ending.CLOSE),
        ("connection_error", None, f"{HTTP_PACKAGE}.RemoteProtocolError", True),
    ),
}
"""By what the token endpoint does, the expected record."""


@pytest.fixture(name="http_client")
def http_client_() -> Iterator[Any]:
    with http.Client(timeout=http.Timeout(30.0, read=0.3)) as made:
        yield made


def exchanging(kind: Any, url: str, http_client: Any) -> Any:
    exchange = SDK.WorkloadIdentityCredentials(
        identity_token_provider=lambda: ASSERTION,
        federation_rule_id="fdrl_1",
        organization_id="org_1",
        http_client=http_client,
    )
    return kind(credentials=exchange, base_url=url, max_retries=0)


needs_workload_identity = pytest.mark.skipif(
    not hasattr(anthropic, "WorkloadIdentityCredentials"), reason="this version of the SDK exchanges no tokens"
)


examines_tokens = pytest.mark.skipif(
    not Path(anthropic.__file__).with_name("lib").joinpath("credentials", "_secrets.py").exists(),
    reason="this version of the SDK takes any document for a token, and cannot connect without one",
)


@needs_workload_identity
@pytest.mark.parametrize("flavor", ["sync", "async"])
@pytest.mark.parametrize(
    "fault", [pytest.param(fault, marks=examines_tokens if fault == "a list" else ()) for fault in EXCHANGES]
)
def test_a_token_exchange_fails_as_its_endpoint_did(
    endpoint: HostileServer, exported: Exported, instrumented: Any, http_client: Any, fault: str, flavor: str
) -> None:
    script, expected = EXCHANGES[fault]
    endpoint.play = always(script)
    with instrumented():
        if flavor == "sync":
            error = call(lambda: exchanging(anthropic.Anthropic, endpoint.url, http_client))
        else:
            error = async_call(lambda: exchanging(anthropic.AsyncAnthropic, endpoint.url, http_client))
    assert (told(exported), type(error).__name__) == (expected, "WorkloadIdentityError")
    assert leaks(exported, error)


@needs_workload_identity
def test_a_token_exchange_that_reaches_nobody_is_a_connection_error(
    exported: Exported, instrumented: Any, http_client: Any
) -> None:
    with instrumented():
        call(lambda: exchanging(anthropic.Anthropic, NO_PORT, http_client))
    assert told(exported) == ("connection_error", None, f"{HTTP_PACKAGE}.ConnectError", True)


@needs_workload_identity
def test_a_token_file_that_is_missing_is_a_client_error(
    exported: Exported, instrumented: Any, http_client: Any
) -> None:
    exchange = SDK.WorkloadIdentityCredentials(
        identity_token_provider=SDK.IdentityTokenFile("/no/such/file"),
        federation_rule_id="fdrl_1",
        organization_id="org_1",
        http_client=http_client,
    )
    with instrumented():
        call(lambda: anthropic.Anthropic(credentials=exchange, base_url=NO_PORT, max_retries=0))
    outcome, status, _, retryable = told(exported)
    assert (outcome, status, retryable) == ("client_error", None, False)


# --- Google ---------------------------------------------------------------------------------------------------------

GOOGLE: dict[str, tuple[Script, Told]] = {
    "503": (refused("internal_failure", 503), ("http_error", 500, "internal_failure", True)),
    "401": (refused("invalid_client", 401), ("http_error", 401, "invalid_client", False)),
    "another refusal": (refused("policy_enforced", 400), ("http_error", 400, "policy_enforced", False)),
    "a refusal that passes": (refused("invalid_request", 503), ("http_error", 400, "invalid_request", True)),
    "a page": (page(503, "503 Service Unavailable"), ("http_error", 503, "503", True)),
    "a page without a status": (
        page(503, "Oops"),
        ("http_error", 500, "google.auth.exceptions.RefreshError", True),
    ),
    "no token": (document(b"{}"), ("malformed", None, "unexpected_body", False)),
    "closed": (CLOSED, ("connection_error", None, "requests.exceptions.ConnectionError", True)),
}


def vertex(kind: str, credentials: Any) -> Any:
    client = getattr(anthropic, kind)
    return client(region="region", project_id="project", credentials=credentials, base_url=NO_PORT, max_retries=0)


@pytest.fixture(name="google")
def google_(monkeypatch: pytest.MonkeyPatch) -> Any:
    module = pytest.importorskip("google.oauth2.credentials", reason="google-auth is not installed")
    backoff = importlib.import_module("google.auth._exponential_backoff")
    monkeypatch.setattr(backoff, "time", SimpleNamespace(sleep=print))
    return module


@pytest.mark.parametrize("flavor", ["sync", "async"])
@pytest.mark.parametrize("fault", GOOGLE)
def test_a_refresh_of_google_credentials_fails_as_its_endpoint_did(
    endpoint: HostileServer, google: Any, exported: Exported, instrumented: Any, fault: str, flavor: str
) -> None:
    script, expected = GOOGLE[fault]
    endpoint.play = always(script)
    credentials = google.Credentials(
        None, refresh_token=ASSERTION, token_uri=f"{endpoint.url}/token", client_id="i", client_secret=ASSERTION
    )
    with instrumented():
        if flavor == "sync":
            error = call(lambda: vertex("AnthropicVertex", credentials))
        else:
            error = async_call(lambda: vertex("AsyncAnthropicVertex", credentials))
    assert told(exported) == expected
    assert leaks(exported, error)


def test_the_address_of_an_endpoint_that_google_cannot_reach_is_not_recorded(
    google: Any, exported: Exported, instrumented: Any
) -> None:
    address = f"{NO_PORT}/token?assertion={ASSERTION}"
    credentials = google.Credentials(
        None, refresh_token=ASSERTION, token_uri=address, client_id="i", client_secret=ASSERTION
    )
    with instrumented():
        call(lambda: vertex("AnthropicVertex", credentials))
    assert told(exported) == ("connection_error", None, "requests.exceptions.ConnectionError", True)


def test_google_credentials_that_cannot_be_refreshed_are_a_client_error(
    google: Any, exported: Exported, instrumented: Any
) -> None:
    with instrumented():
        call(lambda: vertex("AnthropicVertex", google.Credentials(None)))
    outcome, status, _, retryable = told(exported)
    assert (outcome, status, retryable) == ("client_error", None, False)


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        (document(b"No such account", 404), ("http_error", 404, "404", False)),
        (document(b"Busy", 503), ("http_error", 503, "503", True)),
        (CLOSED, ("connection_error", None, "requests.exceptions.ConnectionError", True)),
    ],
    ids=["404", "503", "closed"],
)
@pytest.mark.usefixtures("google")
def test_google_s_metadata_service_fails_as_it_answered(
    endpoint: HostileServer,
    exported: Exported,
    instrumented: Any,
    monkeypatch: pytest.MonkeyPatch,
    script: Script,
    expected: Told,
) -> None:
    metadata = importlib.import_module("google.auth.compute_engine._metadata")
    monkeypatch.setattr(metadata, "_GCE_METADATA_HOST", endpoint.url.removeprefix("http://"), raising=False)
    monkeypatch.setenv("GCE_METADATA_HOST", endpoint.url.removeprefix("http://"))
    compute = importlib.import_module("google.auth.compute_engine")
    endpoint.play = always(script)
    with instrumented():
        call(lambda: vertex("AnthropicVertex", compute.Credentials()))
    assert told(exported) == expected


# --- AWS ------------------------------------------------------------------------------------------------------------


def refused_by_aws(code: str, status: int) -> Script:
    body = f"<ErrorResponse><Error><Code>{code}</Code><Message>No luck</Message></Error></ErrorResponse>".encode()
    return document(body, status, "text/xml")


ROLES: dict[str, tuple[Script, Told]] = {
    "403": (refused_by_aws("AccessDenied", 403), ("http_error", 403, "AccessDenied", False)),
    "throttled": (refused_by_aws("Throttling", 400), ("http_error", 400, "Throttling", True)),
    "503": (page(503, "Busy"), ("http_error", 503, "503", True)),
    "closed": (CLOSED, ("connection_error", None, "botocore.exceptions.ConnectionClosedError", True)),
}
CONTAINERS: dict[str, tuple[Script, Told]] = {
    "503": (document(b"Busy", 503), ("http_error", 503, "503", True)),
    "401": (document(b"{}", 401), ("http_error", 401, "401", False)),
    "no JSON": (page(200, "Welcome"), ("malformed", None, "unexpected_body", False)),
    "closed": (CLOSED, ("connection_error", None, "botocore.exceptions.CredentialRetrievalError", True)),
}


@pytest.fixture(name="aws")
def aws_(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> pytest.MonkeyPatch:
    """An environment without credentials and without retries."""
    pytest.importorskip("boto3", reason="boto3 is not installed")
    utils = importlib.import_module("botocore.utils")
    monkeypatch.setattr(utils.ContainerMetadataFetcher, "SLEEP_TIME", 0)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    return monkeypatch


def bedrock(kind: str = "AnthropicBedrock") -> Any:
    # The SDK keeps a session for each region, with its credentials.
    return getattr(anthropic, kind)(aws_region=f"eu-nowhere-{next(NUMBERS)}", base_url=NO_PORT, max_retries=0)


@pytest.mark.parametrize("flavor", ["sync", "async"])
@pytest.mark.parametrize("fault", ROLES)
def test_the_assumption_of_a_role_fails_as_its_endpoint_did(
    endpoint: HostileServer,
    aws: pytest.MonkeyPatch,
    exported: Exported,
    instrumented: Any,
    tmp_path: Any,
    fault: str,
    flavor: str,
) -> None:
    script, expected = ROLES[fault]
    endpoint.play = always(script)
    (tmp_path / "token").write_text(ASSERTION)
    aws.setenv("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/made-up")
    aws.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(tmp_path / "token"))
    aws.setenv("AWS_ENDPOINT_URL_STS", endpoint.url)
    with instrumented():
        error = call(bedrock) if flavor == "sync" else async_call(lambda: bedrock("AsyncAnthropicBedrock"))
    assert told(exported) == expected
    assert leaks(exported, error)


@pytest.mark.parametrize("fault", CONTAINERS)
def test_the_credentials_of_a_container_fail_as_their_endpoint_did(
    endpoint: HostileServer, aws: pytest.MonkeyPatch, exported: Exported, instrumented: Any, fault: str
) -> None:
    script, expected = CONTAINERS[fault]
    endpoint.play = always(script)
    aws.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{endpoint.url}/credentials")
    with instrumented():
        call(bedrock)
    assert told(exported) == expected


@pytest.mark.usefixtures("aws")
def test_aws_credentials_that_are_nowhere_are_a_client_error(exported: Exported, instrumented: Any) -> None:
    with instrumented():
        call(bedrock)
    outcome, status, _, retryable = told(exported)
    assert (outcome, status, retryable) == ("client_error", None, False)


# --- Microsoft, and whatever a token provider of the application's calls --------------------------------------------


def managed_identity(url: str, monkeypatch: pytest.MonkeyPatch) -> Callable[[], str]:
    identity = pytest.importorskip("azure.identity", reason="azure-identity is not installed")
    monkeypatch.setenv("IDENTITY_ENDPOINT", f"{url}/msi")
    monkeypatch.setenv("IDENTITY_HEADER", "made-up")
    provider: Callable[[], str] = identity.get_bearer_token_provider(
        identity.ManagedIdentityCredential(retry_total=0), "https://made.up/.default"
    )
    return provider


def foundry(provider: Callable[[], str]) -> Any:
    client = getattr(anthropic, "AnthropicFoundry", None)
    if client is None:
        pytest.skip("this version of the SDK has no client for Foundry")
    return client(base_url=NO_PORT, azure_ad_token_provider=provider, max_retries=0)


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        (document(b'{"statusCode":503,"message":"Busy"}', 503), ("http_error", 503, "503", True)),
        (
            document(b'{"error":{"code":"Unauthorized"}}', 401),
            ("http_error", 500, "azure.identity._exceptions.CredentialUnavailableError", True),
        ),
        (CLOSED, ("connection_error", None, "azure.core.exceptions.ServiceResponseError", True)),
    ],
    ids=["503", "a status that the library hides", "closed"],
)
def test_a_managed_identity_fails_as_its_endpoint_did(
    endpoint: HostileServer,
    exported: Exported,
    instrumented: Any,
    monkeypatch: pytest.MonkeyPatch,
    script: Script,
    expected: Told,
) -> None:
    endpoint.play = always(script)
    provider = managed_identity(endpoint.url, monkeypatch)
    with instrumented():
        error = call(lambda: foundry(provider))
    assert told(exported) == expected
    assert leaks(exported, error)


def by_the_http_client(url: str) -> str:
    return str(http.post(url).raise_for_status().text)


def by_the_standard_library(url: str) -> str:
    try:
        with urllib.request.urlopen(url, data=b"") as answer:  # noqa: S310 - a loopback address
            return str(answer.read())
    except urllib.error.HTTPError as error:
        error.close()
        raise


def by_requests(url: str) -> str:
    requests = pytest.importorskip("requests", reason="requests is not installed")
    answer = requests.post(url, timeout=30)
    answer.raise_for_status()
    return str(answer.text)


def by_aiohttp(url: str) -> str:
    aiohttp = pytest.importorskip("aiohttp", reason="aiohttp is not installed")

    async def ask() -> str:
        async with aiohttp.ClientSession(raise_for_status=True) as session, session.post(url) as answer:
            return str(await answer.text())

    # On a thread, because asyncio allows no loop within a loop.
    with ThreadPoolExecutor() as threads:
        return threads.submit(asyncio.run, ask()).result()


def wrapped(url: str) -> str:
    try:
        return by_the_http_client(url)
    except http.HTTPError as error:
        message = "no token"
        raise RuntimeError(message) from error


PROVIDERS: dict[str, tuple[Callable[[str], str], str]] = {
    "the HTTP client": (by_the_http_client, f"{HTTP_PACKAGE}.ConnectError"),
    "the standard library": (by_the_standard_library, "urllib.error.URLError"),
    "requests": (by_requests, "requests.exceptions.ConnectionError"),
    "aiohttp": (by_aiohttp, "aiohttp.client_exceptions.ClientConnectorError"),
    "wrapped": (wrapped, f"{HTTP_PACKAGE}.ConnectError"),
}
"""By HTTP library of a token provider, how it sends a request, and the class of its refused connection."""


@pytest.mark.parametrize("means", PROVIDERS)
def test_a_token_provider_fails_like_its_endpoint(
    endpoint: HostileServer, exported: Exported, instrumented: Any, means: str
) -> None:
    ask, _ = PROVIDERS[means]
    endpoint.play = always(document(b"{}", 503))
    with instrumented():
        call(lambda: foundry(lambda: ask(endpoint.url)))
    assert told(exported) == ("http_error", 503, "503", True)


@pytest.mark.parametrize("means", PROVIDERS)
def test_a_token_provider_that_reaches_nobody_is_a_connection_error(
    exported: Exported, instrumented: Any, means: str
) -> None:
    ask, kind = PROVIDERS[means]
    with instrumented():
        error = call(lambda: foundry(lambda: ask(NO_PORT)))
    assert told(exported) == ("connection_error", None, kind, True)
    assert leaks(exported, error)


@needs_workload_identity
@pytest.mark.parametrize("means", PROVIDERS)
def test_what_the_sdk_wraps_of_a_token_provider_is_not_leaked(
    endpoint: HostileServer, exported: Exported, instrumented: Any, means: str
) -> None:
    ask, _ = PROVIDERS[means]
    endpoint.play = always(document(b"{}", 403))

    def provide(**_: Any) -> Any:
        ask(endpoint.url)

    with instrumented():
        error = call(lambda: anthropic.Anthropic(credentials=provide, base_url=NO_PORT, max_retries=0))
    assert told(exported) == ("http_error", 403, "403", False)
    assert not leaks(exported, error)


def test_a_token_provider_with_a_bug_is_a_client_error(exported: Exported, instrumented: Any) -> None:
    with instrumented():
        call(lambda: foundry(lambda: str(1 // 0)))
    assert told(exported)[0] == "client_error"
