"""`AnthropicInstrumentor`: what applications and `opentelemetry-instrument` switch on and off."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from opentelemetry.instrumentation.instrumentor import BaseInstrumentor

from midstream.observation import Observation
from midstream.settings import Settings
from midstream.signals import PROVIDERS, Signals

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

__all__ = ("AnthropicInstrumentor",)

_INSTRUMENTS: Final = ("anthropic >= 0.49, < 3",)

_OPTIONS: Final = (*PROVIDERS, "spans", "chunk_timings")


class AnthropicInstrumentor(BaseInstrumentor):
    """Observes every call of the Anthropic SDK in this process, of clients made before and after.

    `instrument(tracer_provider=, meter_provider=, logger_provider=, spans=, chunk_timings=)`; providers that are not
    given are the global ones. Raises `ValueError` for a wrong option, and what a given provider raises. A global one
    that is broken leaves out what it is for.
    """

    _observation: Observation | None = None

    def instrumentation_dependencies(self) -> Collection[str]:
        """The versions of the SDK that are supported."""
        return _INSTRUMENTS

    def _instrument(self, **kwargs: Any) -> None:
        _check_names(kwargs)
        settings = Settings.of(spans=kwargs.get("spans"), chunk_timings=kwargs.get("chunk_timings"))
        self._observation = Observation(Signals.of(kwargs), settings)
        self._observation.begin()

    def _uninstrument(self, **kwargs: Any) -> None:
        """Restores the SDK. Streams that are open now are still told when they end."""
        del kwargs
        if self._observation is not None:
            self._observation.end()
        self._observation = None


def _check_names(options: Mapping[str, Any]) -> None:
    for name in options:
        if name not in _OPTIONS:
            message = f"instrument({name}=...): {name} is no option; the options are {', '.join(_OPTIONS)}"
            raise ValueError(message)
