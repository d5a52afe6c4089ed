"""What is measured: something that instruments the SDK, and can be taken out again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from opentelemetry.sdk._logs import LoggerProvider
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.trace import TracerProvider

__all__ = ("MIDSTREAM", "Providers", "Start", "Subject")


@dataclass(frozen=True)
class Providers:
    """Where the telemetry goes. Whoever is measured gets the same."""

    tracer_provider: TracerProvider
    meter_provider: MeterProvider
    logger_provider: LoggerProvider


Start = Callable[[Providers], Callable[[], None]]
"""Instruments the SDK, and returns what takes that out again. Both are called many times in turn."""


@dataclass(frozen=True)
class Subject:
    """An instrumentation. `distribution` is the package whose version is told."""

    name: str
    distribution: str
    start: Start


def _midstream(providers: Providers) -> Callable[[], None]:
    instrumentor = import_module("midstream").AnthropicInstrumentor()
    instrumentor.instrument(**vars(providers))
    stop: Callable[[], None] = instrumentor.uninstrument
    return stop


MIDSTREAM: Final = Subject("midstream", "midstream", _midstream)
