"""Where the telemetry goes: a tracer, a meter and a logger, of the given providers or of the global ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

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


API_MODULES: Final = ("opentelemetry.trace", "opentelemetry.metrics", "opentelemetry._logs")
"""The modules with the API's placeholders, which record nothing until a provider is set."""


class Signals(NamedTuple):
    """The tracer, meter and logger of one `instrument()`."""

    tracer: Tracer
    meter: Meter
    logger: Logger
    meter_provider: object = None
    """The creator of the meter. `None` for a silent one."""

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> Signals:
        """Those of the providers among `options`, else of the global ones. A broken global provider is silent.

        Raises `ValueError` for an option that is not a provider, and what a given provider raises.
        """
        for option, kind in PROVIDERS.items():
            provider = options.get(option)
            if provider is not None and not _has(provider, kind.method):
                # By its type: the repr of a provider may have the headers of its exporter.
                message = (
                    f"{_given(option, provider)}: {option} must be an OpenTelemetry provider, which has {kind.method}()"
                )
                raise ValueError(message)
        tracer, meter, logger = (_from_provider(kind, options) for kind in PROVIDERS.values())
        given = options.get(_METER.option)
        return cls(tracer, meter, logger, attempt(get_meter_provider) if given is None else given)

    def provided(self, *, spans: bool) -> Mapping[str, bool]:
        """Whether metrics, logs and, if they are recorded, `spans` have a provider so far. Never raises.

        A disabled one does not count.
        """
        made = {**({"spans": self.tracer} if spans else {}), "metrics": self.meter, "logs": self.logger}
        return {what: not _is_placeholder(each) for what, each in made.items()}

    @classmethod
    def silent(cls) -> Signals:
        """Those that record nothing."""
        tracer, meter, logger = (kind.silence() for kind in PROVIDERS.values())
        return cls(tracer, meter, logger)


class _ProviderKind(NamedTuple):
    """One kind of provider."""

    option: str
    """The option that gives the provider."""
    method: str
    """A method that such a provider has, which creates its tracer, meter or logger."""
    get: Callable[..., Any]
    """The API's function that calls that method of a provider, or of the global one."""
    made: str
    """A method that the tracer, meter or logger has."""
    silence: Callable[[], Any]
    """Creates the silent one that replaces it where the global provider is broken."""
    guard: Guard


_TRACER: Final = _ProviderKind("tracer_provider", "get_tracer", get_tracer, "start_span", NoOpTracer, UNCOUNTED.spans)
_METER: Final = _ProviderKind(
    "meter_provider", "get_meter", get_meter, "create_counter", lambda: NoOpMeter(SCOPE), UNCOUNTED.metrics
)
_LOGGER: Final = _ProviderKind(
    "logger_provider", "get_logger", get_logger, "emit", lambda: NoOpLogger(SCOPE), UNCOUNTED.logs
)

PROVIDERS: Final = {kind.option: kind for kind in (_TRACER, _METER, _LOGGER)}
"""By the name of its option."""


def _from_provider(kind: _ProviderKind, options: Mapping[str, Any]) -> Any:
    """The tracer, the meter or the logger, of the given provider or else of the global one."""
    provider = options.get(kind.option)
    if provider is not None:
        return _made_by(provider, kind)
    with kind.guard:
        return _made_by(None, kind)
    return kind.silence()


def _made_by(provider: Any, kind: _ProviderKind) -> Any:
    made = kind.get(SCOPE, __version__, provider, SCHEMA_URL)
    if _has(made, kind.made):
        return made
    message = (
        f"{_given(kind.option, provider)}: its {kind.method}() gave an object of type {type(made).__qualname__}, "
        f"which has no {kind.made}()"
    )
    raise ValueError(message)


def _is_placeholder(made: object) -> bool:
    return bool(attempt(lambda: type(made).__module__.startswith(API_MODULES)))


def _has(thing: object, method: str) -> bool:
    return bool(attempt(lambda: callable(getattr(thing, method, None))))


def _given(option: str, value: object) -> str:
    return f"instrument({option}=<{type(value).__qualname__}>)"
