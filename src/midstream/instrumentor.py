"""`AnthropicInstrumentor`: puts the patches in and takes them out."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from opentelemetry._logs import NoOpLogger, get_logger
from opentelemetry.instrumentation.instrumentor import BaseInstrumentor
from opentelemetry.metrics import NoOpMeter, get_meter
from opentelemetry.trace import NoOpTracer, get_tracer

from midstream import guard
from midstream.neighbours import warn_of_neighbours
from midstream.sdk.calls import Calls
from midstream.sdk.targets import Patches
from midstream.settings import Settings
from midstream.telemetry.contract import SCHEMA_URL, SCOPE
from midstream.telemetry.recorder import Recorder
from midstream.version import __version__

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from midstream.guard import Guard

__all__ = ("AnthropicInstrumentor",)

_INSTRUMENTS: Final = ("anthropic >= 0.49, < 3",)


@dataclass(frozen=True)
class _Signal:
    """Where one kind of telemetry goes."""

    option: str
    """The option that gives the provider."""
    method: str
    """What a provider of that kind has."""
    get: Callable[..., Any]
    """What asks the provider, or the global one, by the API."""
    made: str
    """What that which the provider makes has."""
    silence: Callable[[], Any]
    """Makes what stands for it where the global provider is broken."""
    guard: Guard


_TRACER: Final = _Signal("tracer_provider", "get_tracer", get_tracer, "start_span", NoOpTracer, guard.SPANS)
_METER: Final = _Signal(
    "meter_provider", "get_meter", get_meter, "create_counter", lambda: NoOpMeter(SCOPE), guard.METRICS
)
_LOGGER: Final = _Signal("logger_provider", "get_logger", get_logger, "emit", lambda: NoOpLogger(SCOPE), guard.LOGS)

_PROVIDERS: Final = {signal.option: signal for signal in (_TRACER, _METER, _LOGGER)}
_OPTIONS: Final = (*_PROVIDERS, "spans", "chunk_timings")


class AnthropicInstrumentor(BaseInstrumentor):
    """Observes every call of the Anthropic SDK in this process, of clients made before and after.

    `instrument(tracer_provider=, meter_provider=, logger_provider=, spans=, chunk_timings=)`; providers that are not
    given are the global ones. Raises `ValueError` for a wrong option, and what a given provider raises. A global one
    that is broken leaves out what it is for.
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
            _from_provider(_TRACER, kwargs),
            _from_provider(_METER, kwargs),
            _from_provider(_LOGGER, kwargs),
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
        signal = _PROVIDERS.get(name)
        if signal is not None and value is not None and not _has(value, signal.method):
            # By its type: what a provider says of itself may have the headers of its exporter.
            message = f"{_given(name, value)}: {name} must be an OpenTelemetry provider, which has {signal.method}()"
            raise ValueError(message)


def _from_provider(signal: _Signal, options: dict[str, Any]) -> Any:
    """The tracer, the meter or the logger, of the provider that is given or else of the global one."""
    provider = options.get(signal.option)
    if provider is not None:
        return _made_by(provider, signal)
    with signal.guard:
        return _made_by(None, signal)
    return signal.silence()


def _made_by(provider: Any, signal: _Signal) -> Any:
    made = signal.get(SCOPE, __version__, provider, SCHEMA_URL)
    if _has(made, signal.made):
        return made
    message = (
        f"{_given(signal.option, provider)}: its {signal.method}() gave an object of type {type(made).__qualname__}, "
        f"which has no {signal.made}()"
    )
    raise ValueError(message)


def _has(thing: object, method: str) -> bool:
    return bool(guard.attempt(lambda: callable(getattr(thing, method, None))))


def _given(option: str, value: object) -> str:
    return f"instrument({option}=<{type(value).__qualname__}>)"
