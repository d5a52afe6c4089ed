"""OpenTelemetry's providers for a subject: those of its SDK, with nothing behind them but a reader in memory."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from subjects import Providers

if TYPE_CHECKING:
    from collections.abc import Generator

    from subjects import Subject

__all__ = ("providers", "started")


def providers() -> Providers:
    """New ones."""
    return Providers(
        TracerProvider(shutdown_on_exit=False),
        MeterProvider([InMemoryMetricReader()], shutdown_on_exit=False),
        LoggerProvider(shutdown_on_exit=False),
    )


@contextmanager
def started(given: Providers, *subjects: Subject | None) -> Generator[None]:
    """The subjects observe what is done in the `with` block, the first beneath the others."""
    with ExitStack() as stack:
        for subject in subjects:
            if subject is not None:
                stack.callback(subject.start(given))
        yield
