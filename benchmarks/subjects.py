"""The instrumentations that are measured, and the clients and providers that they get."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Final

import anthropic
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider

SDK_TRACES: Final = hasattr(anthropic, "_tracing")
"""Whether the SDK can make spans: from 1.14 on."""

_traced_by: ContextVar[TracerProvider | None] = ContextVar("_traced_by", default=None)

_TLS: Final = ssl.create_default_context()
"""Shared: to create a context takes longer than everything else here, and no server uses TLS."""


def client(server: Any) -> anthropic.Anthropic:
    """A sync client without retries, for the URL of a server or a transport of the HTTP client that answers in memory.

    The SDK makes spans only while `SDK_TRACING` observes.
    """
    return anthropic.Anthropic(http_client=anthropic.DefaultHttpxClient(**_http(server)), **_options(server))


def async_client(server: Any) -> anthropic.AsyncAnthropic:
    """The same, async."""
    http_client = anthropic.DefaultAsyncHttpxClient(**_http(server))
    return anthropic.AsyncAnthropic(http_client=http_client, **_options(server))


def _http(server: Any) -> dict[str, Any]:
    return {"verify": _TLS} if isinstance(server, str) else {"transport": server}


def _options(server: Any) -> dict[str, Any]:
    url = server if isinstance(server, str) else "http://127.0.0.1"
    options: dict[str, Any] = {"api_key": "none", "base_url": url, "max_retries": 0}
    if SDK_TRACES:
        provider = _traced_by.get()
        options["open_telemetry"] = {"tracer_provider": provider} if provider is not None else False
    return options


@dataclass(frozen=True)
class Providers:
    """The providers that record the telemetry."""

    tracer_provider: TracerProvider
    meter_provider: MeterProvider
    logger_provider: LoggerProvider


def providers() -> Providers:
    """New providers, without exporters."""
    return Providers(
        TracerProvider(shutdown_on_exit=False),
        MeterProvider([InMemoryMetricReader()], shutdown_on_exit=False),
        LoggerProvider(shutdown_on_exit=False),
    )


@dataclass(frozen=True)
class Subject:
    """An instrumentation of the SDK."""

    name: str
    start: Callable[[Providers], Callable[[], None]]
    """Starts it and returns what stops it. Both can be called again."""


@contextmanager
def observed_by(given: Providers, *subjects: Subject | None) -> Generator[None]:
    """Starts the subjects in their order, and stops them at the end of the block. `None` stands for no subject."""
    with ExitStack() as stack:
        for subject in subjects:
            if subject is not None:
                stack.callback(subject.start(given))
        yield


def _instrumentor(module: str) -> Callable[[Providers], Callable[[], None]]:
    def start(given: Providers) -> Callable[[], None]:
        instrumentor = import_module(module).AnthropicInstrumentor()
        instrumentor.instrument(**vars(given))
        stop: Callable[[], None] = instrumentor.uninstrument
        return stop

    return start


def _trace(given: Providers) -> Callable[[], None]:
    before = _traced_by.set(given.tracer_provider)
    return lambda: _traced_by.reset(before)


MIDSTREAM: Final = Subject("midstream", _instrumentor("midstream"))
SDK_TRACING: Final = Subject("the SDK's tracing", _trace)
OPENTELEMETRY: Final = Subject("OpenTelemetry", _instrumentor("opentelemetry.instrumentation.genai.anthropic"))
"""Needs the environment of `make bench-others`."""
