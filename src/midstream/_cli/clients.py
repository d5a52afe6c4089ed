"""The real SDK, set up for the fault server and for nothing else on this machine."""

from __future__ import annotations

from inspect import signature
from typing import Any, Final, TypeVar

from anthropic import Anthropic, AsyncAnthropic, AsyncStream, DefaultAsyncHttpxClient, DefaultHttpxClient, Stream
from anthropic.types import MessageParam, RawMessageStreamEvent

from midstream._loopback import LOOPBACK_ONLY
from midstream.faults import Scenario

MESSAGES: Final[tuple[MessageParam, ...]] = ({"role": "user", "content": "Is all well?"},)
"""The prompt of every call."""
MAX_TOKENS: Final = 64
"""The maximum length of its response."""

AnyClient = TypeVar("AnyClient", Anthropic, AsyncAnthropic)

# Only where silence is the fault does a call end by its timeout. No other result may depend on how fast things go.
_TIMEOUT_SECONDS: Final = 1.0
_PATIENCE_SECONDS: Final = 60.0


def http_package() -> str:
    """The package of the SDK's HTTP client: `httpx` or `httpx2`."""
    packages = (kind.__module__.partition(".")[0] for kind in DefaultHttpxClient.__mro__)
    return next(package for package in packages if package.startswith("httpx"))


def sync_client(url: str, *, sdk_spans: bool = False) -> Anthropic:
    """A client for the fault server at `url`. `sdk_spans` leaves the SDK's own spans to the environment."""
    return Anthropic(http_client=DefaultHttpxClient(**LOOPBACK_ONLY), **_settings(url, sdk_spans=sdk_spans))


def async_client(url: str) -> AsyncAnthropic:
    """An async client for the fault server at `url`."""
    return AsyncAnthropic(http_client=DefaultAsyncHttpxClient(**LOOPBACK_ONLY), **_settings(url))


def for_scenario(client: AnyClient, scenario: Scenario) -> AnyClient:
    """The same client, with as many retries and as much patience as `scenario` needs."""
    return client.with_options(max_retries=scenario.attempts - 1, timeout=_timeout(scenario))


def open_stream(client: Anthropic, scenario: Scenario) -> Stream[RawMessageStreamEvent]:
    """Asks for what `scenario` names. Raises whatever the SDK raises."""
    limited = for_scenario(client, scenario)
    return limited.messages.create(model=scenario.name, max_tokens=MAX_TOKENS, messages=MESSAGES, stream=True)


async def open_async_stream(client: AsyncAnthropic, scenario: Scenario) -> AsyncStream[RawMessageStreamEvent]:
    """The same as `open_stream`, for an async client."""
    limited = for_scenario(client, scenario)
    return await limited.messages.create(model=scenario.name, max_tokens=MAX_TOKENS, messages=MESSAGES, stream=True)


def _timeout(scenario: Scenario) -> float:
    silent = scenario.expectation.error_type_for("httpx") == "httpx.ReadTimeout"
    return _TIMEOUT_SECONDS if silent else _PATIENCE_SECONDS


def _settings(url: str, *, sdk_spans: bool = False) -> dict[str, Any]:
    # The spans of the demo are midstream's own, whatever OpenTelemetry is set up to do in this process.
    known = "open_telemetry" in signature(Anthropic).parameters
    return {"base_url": url, "api_key": "demo", **({"open_telemetry": False} if known and not sdk_spans else {})}
