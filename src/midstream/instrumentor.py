"""`AnthropicInstrumentor`: puts the patches in and takes them out."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from opentelemetry._logs import get_logger
from opentelemetry.instrumentation.instrumentor import BaseInstrumentor
from opentelemetry.metrics import get_meter
from opentelemetry.trace import get_tracer

from midstream import guard
from midstream.neighbours import warn_of_neighbours
from midstream.sdk.calls import Calls
from midstream.sdk.targets import Patches
from midstream.settings import Settings
from midstream.telemetry.contract import SCHEMA_URL, SCOPE
from midstream.telemetry.recorder import Recorder
from midstream.version import __version__

if TYPE_CHECKING:
    from collections.abc import Collection

__all__ = ("AnthropicInstrumentor",)

_INSTRUMENTS: Final = ("anthropic >= 0.49, < 3",)

_PROVIDERS: Final = {
    "tracer_provider": "get_tracer",
    "meter_provider": "get_meter",
    "logger_provider": "get_logger",
}
"""By option, the method that an OpenTelemetry provider of that kind has."""

_OPTIONS: Final = (*_PROVIDERS, "spans", "chunk_timings")


class AnthropicInstrumentor(BaseInstrumentor):
    """Observes every call of the Anthropic SDK in this process, of clients made before and after.

    `instrument(tracer_provider=, meter_provider=, logger_provider=, spans=, chunk_timings=)`; providers that are not
    given are the global ones. Raises `ValueError` for a wrong option.
    """

    _patches: Patches | None = None
    _calls: Calls | None = None

    def instrumentation_dependencies(self) -> Collection[str]:
        """The versions of the SDK that are supported."""
        return _INSTRUMENTS

    def _instrument(self, **kwargs: Any) -> None:
        _check(kwargs)
        settings = Settings.of(spans=kwargs.get("spans"), chunk_timings=kwargs.get("chunk_timings"))
        recorder = Recorder(
            get_tracer(SCOPE, __version__, kwargs.get("tracer_provider"), SCHEMA_URL),
            get_meter(SCOPE, __version__, kwargs.get("meter_provider"), SCHEMA_URL),
            get_logger(SCOPE, __version__, kwargs.get("logger_provider"), SCHEMA_URL),
            spans=settings.spans,
        )
        guard.count_with(recorder.count_fault)
        self._calls = Calls(recorder, chunk_timings=settings.chunk_timings)
        self._patches = Patches(self._calls)
        self._patches.install()
        warn_of_neighbours(spans=settings.spans)
        # Once more when all are loaded, for some are loaded after us.
        self._calls.at_first_call = {
            hidden: partial(warn_of_neighbours, spans=settings.spans, hidden=hidden) for hidden in (False, True)
        }

    def _uninstrument(self, **kwargs: Any) -> None:
        """Restores the SDK. Streams that are open now are still told when they end."""
        del kwargs
        if self._patches is not None:
            self._patches.remove()
        if self._calls is not None:
            self._calls.stop()
        self._patches = self._calls = None


def _check(options: dict[str, Any]) -> None:
    for name, value in options.items():
        if name not in _OPTIONS:
            message = f"instrument({name}=...): {name} is no option; the options are {', '.join(_OPTIONS)}"
            raise ValueError(message)
        method = _PROVIDERS.get(name)
        if method is not None and value is not None and not callable(getattr(value, method, None)):
            message = f"instrument({name}={value!r}): {name} must be an OpenTelemetry provider, which has {method}()"
            raise ValueError(message)
