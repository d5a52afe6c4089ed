"""Where the telemetry goes: a tracer, a meter and a logger, of the providers that are given or of the global ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from opentelemetry._logs import NoOpLogger, get_logger
from opentelemetry.metrics import NoOpMeter, get_meter, get_meter_provider
from opentelemetry.trace import NoOpTracer, get_tracer

from midstream._guard import UNCOUNTED, attempt
from midstream._telemetry.scope import SCHEMA_URL, SCOPE
from midstream._version import __version__

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from opentelemetry._logs import Logger
    from opentelemetry.metrics import Meter
    from opentelemetry.trace import Tracer

    from midstream._guard import Guard


@dataclass(frozen=True)
class Signals:
    """What one `instrument()` tells with."""

    tracer: Tracer
    meter: Meter
    logger: Logger
    meter_provider: object = None
    """What made the meter. `None` for one that tells nobody."""

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> Signals:
        """Those of the providers among `options`, else of the global ones. A global one that is broken stays silent.

        Raises `ValueError` for an option that is no provider, and what a given provider raises.
        """
        for option, signal in PROVIDERS.items():
            provider = options.get(option)
            if provider is not None and not _has(provider, signal.method):
                # By its type: what a provider says of itself may have the headers of its exporter.
                message = (
                    f"{_given(option, provider)}: {option} must be an OpenTelemetry provider, "
                    f"which has {signal.method}()"
                )
                raise ValueError(message)
        tracer, meter, logger = (_from_provider(signal, options) for signal in PROVIDERS.values())
        given = options.get(_METER.option)
        return cls(tracer, meter, logger, attempt(get_meter_provider) if given is None else given)

    @classmethod
    def silent(cls) -> Signals:
        """Those that tell nobody."""
        tracer, meter, logger = (signal.silence() for signal in PROVIDERS.values())
        return cls(tracer, meter, logger)


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


_TRACER: Final = _Signal("tracer_provider", "get_tracer", get_tracer, "start_span", NoOpTracer, UNCOUNTED.spans)
_METER: Final = _Signal(
    "meter_provider", "get_meter", get_meter, "create_counter", lambda: NoOpMeter(SCOPE), UNCOUNTED.metrics
)
_LOGGER: Final = _Signal("logger_provider", "get_logger", get_logger, "emit", lambda: NoOpLogger(SCOPE), UNCOUNTED.logs)

PROVIDERS: Final = {signal.option: signal for signal in (_TRACER, _METER, _LOGGER)}
"""By option, what is asked of a provider."""


def _from_provider(signal: _Signal, options: Mapping[str, Any]) -> Any:
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
    return bool(attempt(lambda: callable(getattr(thing, method, None))))


def _given(option: str, value: object) -> str:
    return f"instrument({option}=<{type(value).__qualname__}>)"
