"""Clients of the real SDK, in the installed version."""

from __future__ import annotations

import sys
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any, Protocol

import anthropic
import pytest

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator

    from opentelemetry.trace import TracerProvider

    from midstream.faults import Scenario

__all__ = (
    "API_KEY",
    "HAS_OWN_SPANS",
    "HTTP_PACKAGE",
    "Serving",
    "async_client",
    "client",
    "constructs_odd_events",
    "hurry",
)

API_KEY = "canary-key-91bc"
"""A key that must appear in nothing that is exported."""

HAS_OWN_SPANS = hasattr(anthropic, "_tracing")
"""Whether this version of the SDK has own spans (1.14 and later)."""

HTTP_PACKAGE = "httpx2" if "httpx2" in sys.modules else "httpx"
"""The HTTP client under this version of the SDK."""

constructs_odd_events = pytest.mark.skipif(
    sys.version_info >= (3, 14) and not hasattr(sys.modules["anthropic._models"], "DISCRIMINATOR_CACHE"),
    reason="on Python 3.14, this version of the SDK raises AttributeError over an event that it cannot validate",
)

_SHORTLY = 0.3


class Serving(Protocol):
    """A server that a client can be made for."""

    @property
    def url(self) -> str:
        """The base URL."""
        ...


def _options(server: Serving, scenario: Scenario, sdk_spans: TracerProvider | None) -> dict[str, Any]:
    options: dict[str, Any] = {
        "api_key": API_KEY,
        "base_url": server.url,
        "max_retries": scenario.attempts - 1,
        "timeout": anthropic.Timeout(30.0, read=_SHORTLY if scenario.family == "silent" else 30.0),
    }
    if HAS_OWN_SPANS:
        options["open_telemetry"] = False if sdk_spans is None else {"tracer_provider": sdk_spans}
    return options


@contextmanager
def client(
    server: Serving, scenario: Scenario, sdk_spans: TracerProvider | None = None
) -> Generator[anthropic.Anthropic]:
    """A sync client for `scenario`; with `sdk_spans`, one that makes the SDK's own spans there."""
    # What the SDK makes by itself fails in old versions when a copy of it is collected.
    http_client = anthropic.DefaultHttpxClient()
    with anthropic.Anthropic(**_options(server, scenario, sdk_spans), http_client=http_client) as made:
        if scenario.family == "stall":
            hurry(made)
        yield made


@asynccontextmanager
async def async_client(
    server: Serving, scenario: Scenario, sdk_spans: TracerProvider | None = None
) -> AsyncGenerator[anthropic.AsyncAnthropic]:
    """An async client for `scenario`; with `sdk_spans`, one that makes the SDK's own spans there."""
    http_client = anthropic.DefaultAsyncHttpxClient()
    async with anthropic.AsyncAnthropic(**_options(server, scenario, sdk_spans), http_client=http_client) as made:
        if scenario.family == "stall":
            hurry(made)
        yield made


def hurry(made: Any) -> None:
    """Lets a client wait only shortly for more of an answer that has begun; for its headers, as long as it would."""

    def shorten(response: Any) -> None:
        response.request.extensions["timeout"]["read"] = _SHORTLY

    async def shorten_async(response: Any) -> None:
        shorten(response)

    http_client = made._client
    http_client.event_hooks = {"response": [shorten_async if hasattr(http_client, "aclose") else shorten]}
