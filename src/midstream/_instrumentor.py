"""`AnthropicInstrumentor`: what applications and `opentelemetry-instrument` switch on and off."""

from __future__ import annotations

import logging
import re
import sys
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from threading import RLock
from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal, TypedDict

from opentelemetry.instrumentation.instrumentor import BaseInstrumentor

from midstream._fallback import FallbackObservation
from midstream._guard import attempt
from midstream._observation import Observation
from midstream._options import ENVIRONMENT, Settings
from midstream._telemetry.signals import PROVIDERS, Signals

if TYPE_CHECKING:
    from collections.abc import Collection, Generator, Mapping

    from opentelemetry._logs import LoggerProvider
    from opentelemetry.instrumentation.dependencies import DependencyConflict
    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import TracerProvider
    from typing_extensions import Unpack


INSTRUMENTS: Final = ("anthropic >= 0.49, < 3",)
"""What is instrumented, as a requirement."""

OPENTELEMETRY: Final = (1, 30)
"""The oldest version of `opentelemetry-api` that calls can be recorded with. pyproject.toml has it, too."""

_log: Final = logging.getLogger("midstream")

_OPTIONS: Final = (*PROVIDERS, *ENVIRONMENT)

_changing: Final = RLock()
_stand_in: Final = FallbackObservation()


class Options(TypedDict, total=False):
    """What `instrument()` takes. `None` leaves an option to the environment, and a provider to the global one."""

    tracer_provider: TracerProvider | None
    meter_provider: MeterProvider | None
    logger_provider: LoggerProvider | None
    spans: bool | None
    chunk_timings: bool | None
    genai_metrics: Literal["1.41", "next", "both"] | None
    skip_dep_check: bool
    """Of the base class: to instrument also an SDK whose version is not supported."""
    raise_exception_on_conflict: bool
    """Of the base class: to raise for such a version instead of logging it. Below OpenTelemetry 1.32 it is logged."""


class AnthropicInstrumentor(BaseInstrumentor):
    """Observes every call of the Anthropic SDK in this process, of clients made before and after.

    `instrument(tracer_provider=, meter_provider=, logger_provider=, spans=, chunk_timings=, genai_metrics=)`; providers
    that are not given are the global ones. Raises `ValueError` for a wrong option, and what a given provider raises. A
    global one that is broken leaves out what it is for.
    """

    # Of the class, as the SDK is one for all instances: a subclass, or a thread at the same moment, makes another.
    _observation: ClassVar[Observation | None] = None

    def instrument(self, **kwargs: Unpack[Options]) -> None:
        """Begins to observe. Of several threads that ask for it, and of several instances, all but one only warn.

        Where OpenTelemetry is too old, whatever has put it there, a warning says so and nothing is changed.
        """
        found = _version_of_opentelemetry()
        if _is_too_old(found):
            needed = ".".join(map(str, OPENTELEMETRY))
            message = "midstream does not observe calls: it needs opentelemetry-api %s or later, and found %s"
            _log.warning(message, needed, found)
            return
        with _changing:
            super().instrument(**kwargs)

    def uninstrument(self, **kwargs: Any) -> Any:
        """Ends what `instrument()` of whichever instance began."""
        with _changing:
            return super().uninstrument(**kwargs)

    @property
    def _is_instrumented_by_opentelemetry(self) -> bool:
        return AnthropicInstrumentor._observation is not None

    @_is_instrumented_by_opentelemetry.setter
    def _is_instrumented_by_opentelemetry(self, told: bool) -> None:
        """The base class tells each instance what the class knows."""

    def instrumentation_dependencies(self) -> Collection[str]:
        """The versions of the SDK that are supported."""
        return INSTRUMENTS

    def _check_dependency_conflicts(self) -> DependencyConflict | None:
        """What is wrong with the SDK's version; `None` if nothing is. Does not import the SDK. Never raises.

        `None` also for an SDK that has no metadata, as in a frozen program: its `__version__` decides when it is
        imported.
        """
        conflict = attempt(super()._check_dependency_conflicts)
        return conflict if conflict is None or conflict.found or not _is_importable("anthropic") else None

    def _instrument(self, **kwargs: Any) -> None:
        kwargs.pop("raise_exception_on_conflict", None)  # the base class of OpenTelemetry below 1.32 leaves it there
        _check_names(kwargs)
        settings = Settings.of(**{option: kwargs.get(option) for option in ENVIRONMENT})
        observation = Observation(Signals.of(kwargs), settings)
        _stand_in.settle(alone=False)
        AnthropicInstrumentor._observation = observation
        observation.begin()

    def _uninstrument(self, **kwargs: Any) -> None:
        """Restores the SDK. Streams that are open now are still told when they end."""
        del kwargs
        if self._observation is not None:
            self._observation.end()
        AnthropicInstrumentor._observation = None
        _stand_in.settle(alone=True)


@contextmanager
def observed() -> Generator[None]:
    """Within it calls are observed: as the application asked for, and if it did not, with no provider told of them.

    One at a time. An application may begin and end to observe meanwhile, and notices nothing.
    """
    _want(wanted=True)
    try:
        yield
    finally:
        _want(wanted=False)


def _want(*, wanted: bool) -> None:
    with _changing:
        alone = not AnthropicInstrumentor().is_instrumented_by_opentelemetry
        _stand_in.want(wanted=wanted, alone=alone)


def _is_importable(package: str) -> bool:
    return sys.modules.get(package) is not None or attempt(find_spec, package) is not None


def _version_of_opentelemetry() -> str:
    """What is imported, which need not be what has its metadata here. Empty if that is unknown."""
    return str(attempt(lambda: import_module("opentelemetry.version").__version__) or "")


def _is_too_old(version: str) -> bool:
    numbers = re.match(r"(\d+)\.(\d+)", version)
    return numbers is not None and tuple(map(int, numbers.groups())) < OPENTELEMETRY


def _check_names(options: Mapping[str, Any]) -> None:
    for name in options:
        if name not in _OPTIONS:
            message = f"instrument({name}=...): {name} is no option; the options are {', '.join(_OPTIONS)}"
            raise ValueError(message)
