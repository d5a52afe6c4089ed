"""Clients of the SDK for benchmarks, and the SDK's own tracing as something to measure."""

from __future__ import annotations

import ssl
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final

import anthropic
from subjects import Providers, Subject

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.sdk.trace import TracerProvider

__all__ = ("SDK_TRACES", "SDK_TRACING", "async_client", "client")

SDK_TRACES: Final = hasattr(anthropic, "_tracing")
"""Whether the SDK has spans of its own: 1.14 and later."""

_traced_by: ContextVar[TracerProvider | None] = ContextVar("_traced_by", default=None)


_TLS: Final = ssl.create_default_context()
"""One for all: to make it takes longer than anything else here, and the server speaks no TLS."""


def _options(url: str) -> dict[str, Any]:
    provider = _traced_by.get()
    traced = {"tracer_provider": provider} if provider is not None else False
    return {
        "api_key": "none",
        "base_url": url,
        "max_retries": 0,
        **({"open_telemetry": traced} if SDK_TRACES else {}),
    }


def client(url: str, transport: Any = None) -> anthropic.Anthropic:
    """A client that does not retry. The SDK's own spans are off, but for `SDK_TRACING`.

    With a `transport` of the HTTP client's, that answers instead of the network.
    """
    return anthropic.Anthropic(http_client=anthropic.DefaultHttpxClient(**_http(transport)), **_options(url))


def async_client(url: str, transport: Any = None) -> anthropic.AsyncAnthropic:
    """The same for async."""
    return anthropic.AsyncAnthropic(http_client=anthropic.DefaultAsyncHttpxClient(**_http(transport)), **_options(url))


def _http(transport: Any) -> dict[str, Any]:
    return {"verify": _TLS} if transport is None else {"transport": transport}


def _trace(providers: Providers) -> Callable[[], None]:
    before = _traced_by.set(providers.tracer_provider)
    return lambda: _traced_by.reset(before)


SDK_TRACING: Final = Subject("the SDK's own tracing", "anthropic", _trace)
