"""Where a platform's calls really go: the address of the request that was sent, not of the server in the options."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import anthropic
import anyio
import pytest

from support.clients import API_KEY, HAS_OWN_SPANS
from support.platform_server import PlatformServer
from support.platforms import ALL, AWS_KEYS, BEDROCK, HERE, async_client, client, forget_the_machine
from support.seen import FLAVORS
from support.styles import STYLES, see, see_async

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opentelemetry.sdk.trace import TracerProvider

    from midstream.faults import FaultServer
    from support.exported import Exported
    from support.styles import Seen

LOOP = STYLES["create(stream=True) in a loop"]
SPANS = ("sdk", "own") if HAS_OWN_SPANS else ("own",)
BOTOCORE = "the SDK signs requests with botocore: anthropic[bedrock]"
HOSTS = {
    "AnthropicBedrock": "bedrock-runtime.eu-nowhere-1.amazonaws.com",
    "AnthropicBedrockMantle": "bedrock-mantle.eu-nowhere-1.api.aws",
    "AnthropicVertex": "region-aiplatform.googleapis.com",
    "AnthropicFoundry": "resource.services.ai.azure.com",
    "AnthropicAWS": "aws-external-anthropic.eu-nowhere-1.api.aws",
    "AnthropicGoogleCloud": "claude.googleapis.com",
}
"""By client, where it sends its requests unless it has a base URL."""
PLACES: dict[str, dict[str, Any]] = {
    "AnthropicBedrockMantle": {"aws_region": "eu-nowhere-1"},
    "AnthropicFoundry": {"resource": "resource"},
    "AnthropicAWS": {"aws_region": "eu-nowhere-1"},
    "AnthropicGoogleCloud": {"project": "project"},
}
"""The arguments from which a client knows where that is."""
SIGNING: dict[str, dict[str, Any]] = {
    "AnthropicBedrock": {},
    "AnthropicBedrockMantle": {**AWS_KEYS, "api_key": None},
    "AnthropicAWS": {**AWS_KEYS, "api_key": None},
}
"""The arguments with which a client signs its requests."""


@pytest.fixture(scope="module")
def platforms() -> Iterator[FaultServer]:
    with PlatformServer() as running:
        yield running


@pytest.fixture(autouse=True)
def nothing_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    forget_the_machine(monkeypatch)


def call(name: str, flavor: str, server: FaultServer, spans: TracerProvider | None, **options: Any) -> Any:
    """One whole call by a client that finds its server itself. Returns the headers that it sent."""
    headers: list[Any] = []

    def reroute(request: Any) -> None:
        headers.append(request.headers)
        request.url = request.url.copy_with(scheme="http", host=server.host, port=server.port)

    async def reroute_async(request: Any) -> None:
        reroute(request)

    async def run() -> Seen:
        http = anthropic.DefaultAsyncHttpxClient(event_hooks={"request": [reroute_async]})
        async with async_client(ALL[name], server, spans=spans, base_url=None, http_client=http, **options) as made:
            return await see_async(LOOP, made, "ok")

    if flavor == "async":
        seen = anyio.run(run)
    else:
        http = anthropic.DefaultHttpxClient(event_hooks={"request": [reroute]})
        with client(ALL[name], server, spans=spans, base_url=None, http_client=http, **options) as made:
            seen = see(LOOP, made, "ok")
    assert seen.error is None
    return headers[0]


def needs_client(name: str) -> None:
    if name not in HERE:
        pytest.skip(f"this SDK has no {name}")


def on_span(exported: Exported) -> tuple[Any, Any]:
    """What the span of the call says about where it went."""
    told = exported.span.attributes or {}
    return told.get("server.address"), told.get("server.port")


def on_metric(exported: Exported) -> tuple[Any, Any]:
    """What the histogram of durations says about it."""
    (point,) = exported.metrics()["gen_ai.client.operation.duration"]
    return point.attributes["server.address"], point.attributes["server.port"]


@pytest.mark.parametrize("spans", SPANS)
@pytest.mark.parametrize("flavor", FLAVORS)
@pytest.mark.parametrize("name", HERE)
def test_a_client_that_finds_its_server_itself_records_where(
    platforms: FaultServer, exported: Exported, instrumented: Any, name: str, flavor: str, spans: str
) -> None:
    if name == BEDROCK.name:
        pytest.importorskip("botocore", reason=BOTOCORE)
    provider = exported.tracer_provider if spans == "sdk" else None
    with instrumented():
        call(name, flavor, platforms, provider, **PLACES.get(name, {}))
    assert on_span(exported) == on_metric(exported) == (HOSTS[name], 443)
    assert exported.outcomes() == {"completed": 1}


def found_by_google(**_options: Any) -> tuple[Any, str]:
    """Replaces `google.auth.default`, which would inspect this machine."""
    return SimpleNamespace(token=API_KEY, expired=False, refresh=refresh), "project"


def refresh(_request: object) -> None:
    """Valid credentials."""


@pytest.mark.parametrize("spans", SPANS)
@pytest.mark.parametrize("flavor", FLAVORS)
def test_a_base_url_that_is_only_known_with_the_first_request_is_recorded(
    platforms: FaultServer,
    exported: Exported,
    instrumented: Any,
    monkeypatch: pytest.MonkeyPatch,
    flavor: str,
    spans: str,
) -> None:
    needs_client("AnthropicGoogleCloud")
    google = pytest.importorskip("google.auth", reason="the SDK finds the project with google-auth: anthropic[vertex]")
    monkeypatch.setattr(google, "default", found_by_google)
    provider = exported.tracer_provider if spans == "sdk" else None
    with instrumented():
        call("AnthropicGoogleCloud", flavor, platforms, provider, token_provider=None)
    assert on_span(exported) == on_metric(exported) == ("claude.googleapis.com", 443)


@pytest.mark.parametrize("flavor", FLAVORS)
@pytest.mark.parametrize("name", SIGNING)
def test_a_request_that_is_signed_is_recorded_like_any_other(
    platforms: FaultServer, exported: Exported, instrumented: Any, name: str, flavor: str
) -> None:
    needs_client(name)
    pytest.importorskip("botocore", reason=BOTOCORE)
    with instrumented():
        headers = call(name, flavor, platforms, None, **SIGNING[name])
    assert headers["authorization"].startswith("AWS4-HMAC-SHA256 ")
    assert on_span(exported) == on_metric(exported) == (HOSTS[name], 443)
    assert exported.outcomes() == {"completed": 1}
    assert not any(secret in exported.everything() for secret in (API_KEY, AWS_KEYS["aws_access_key"]))
