"""`AnthropicInstrumentor`: what applications and `opentelemetry-instrument` switch on and off."""

from __future__ import annotations

import importlib.metadata
import logging
import sys
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from threading import RLock
from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal, TypedDict

import wrapt

from midstream._corrections.scope import Scope
from midstream._guard import attempt
from midstream._observation import FallbackObservation, Observation
from midstream._options import OPTIONS, Settings
from midstream._supported import OPENTELEMETRY, SDK, SDK_REQUIREMENT, major_minor
from midstream._telemetry.signals import PROVIDERS, Signals

if TYPE_CHECKING:
    from collections.abc import Collection, Generator, Mapping

    from opentelemetry._logs import LoggerProvider
    from opentelemetry.instrumentation.dependencies import DependencyConflict
    from opentelemetry.instrumentation.instrumentor import BaseInstrumentor as _Base
    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import TracerProvider
    from typing_extensions import Self, Unpack
else:
    _Base = object  # see `_registered_with`


INSTRUMENTS: Final = (SDK_REQUIREMENT,)
"""The instrumented package, as a requirement."""

_SDK: Final = "anthropic"

_log: Final = logging.getLogger("midstream")

_NAMES: Final = (*PROVIDERS, *(option.name for option in OPTIONS))

_changing: Final = RLock()
_fallback: Final = FallbackObservation()


class Options(TypedDict, total=False):
    """The arguments of `instrument()`. `None` leaves an option to the environment, and a provider to the global one."""

    tracer_provider: TracerProvider | None
    meter_provider: MeterProvider | None
    logger_provider: LoggerProvider | None
    spans: bool | None
    chunk_timings: bool | None
    genai_metrics: Literal["1.41", "next", "both"] | None
    errors: Literal["unchanged", "corrected"] | None
    log: bool | None
    skip_dep_check: bool
    """Of every instrumentor: instrument an SDK of an unsupported version, too."""
    raise_exception_on_conflict: bool
    """Of every instrumentor: raise for such a version instead of logging it. Ignored below OpenTelemetry 1.32."""


class AnthropicInstrumentor(_Base):
    """Observes every call of the Anthropic SDK in this process, also of clients that exist already.

    `instrument(tracer_provider=, meter_provider=, logger_provider=, spans=, chunk_timings=, genai_metrics=, errors=,
    log=)`; providers that are not given are the global ones. Raises `ValueError` for an invalid option, and what a
    given provider raises. A broken global provider only loses its own telemetry.
    """

    _instance: ClassVar[Any] = None

    # On the class, because the SDK is one for all instances: a subclass, or a concurrent thread, creates another.
    _observation: ClassVar[Observation | None] = None

    def __new__(cls, *_args: Any, **_kwargs: Any) -> Self:
        """The same object each time, as for every instrumentor."""
        if cls._instance is None:
            cls._instance = object.__new__(cls)
        instance: Self = cls._instance
        return instance

    def instrument(self, **kwargs: Unpack[Options]) -> None:
        """Starts to observe. A second call, on any instance or thread, only warns.

        If the imported OpenTelemetry is too old, wherever it comes from, a warning says so and nothing is changed.
        """
        # The imported version, which need not be the one whose metadata is installed. `None` if it is unknown.
        version = attempt(lambda: import_module("opentelemetry.version").__version__)
        found = major_minor(version)
        if found is not None and found < OPENTELEMETRY:
            message = "midstream does not observe calls: it needs opentelemetry-api %d.%d or later, and found %s"
            _log.warning(message, *OPENTELEMETRY, version)
            return
        with _changing:
            if self.is_instrumented_by_opentelemetry:
                _log.warning("ignoring instrument(): midstream observes calls already")
                return
            raising = kwargs.pop("raise_exception_on_conflict", False)
            conflict = None if kwargs.pop("skip_dep_check", False) else _conflict()
            if conflict is not None:
                _refuse(conflict, raising=raising)
                return
            self._instrument(**kwargs)

    def uninstrument(self, **_kwargs: Any) -> None:
        """Ends what `instrument()` of any instance started. Streams that are open now are recorded when they end."""
        with _changing:
            if not self.is_instrumented_by_opentelemetry:
                _log.warning("ignoring uninstrument(): midstream observes no calls")
                return
            self._uninstrument()

    @property
    def is_instrumented_by_opentelemetry(self) -> bool:
        """Whether calls are observed, or will be when the SDK is imported."""
        return AnthropicInstrumentor._observation is not None

    def _instrument(self, **kwargs: Any) -> None:
        _check_names(kwargs)
        settings = Settings.of(**kwargs)
        observation = Observation(Signals.of(kwargs), settings)
        _fallback.update(app_instruments=True)
        AnthropicInstrumentor._observation = observation
        observation.begin()

    def _uninstrument(self, **_kwargs: Any) -> None:
        if self._observation is not None:
            self._observation.end()
        AnthropicInstrumentor._observation = None
        _fallback.update(app_instruments=False)

    def instrumentation_dependencies(self) -> Collection[str]:
        """The supported versions of the SDK."""
        return INSTRUMENTS


def corrected_errors() -> Scope:
    """Requests the exceptions that the SDK should have raised: `with midstream.corrected_errors():`.

    Applies to calls that start inside it, in this context and in copies of it; a new thread starts outside. Works with
    `instrument()` and without.
    """
    return Scope(observe_always)


def observe_always() -> None:
    """Calls are observed as long as the process lives: a stream that starts inside a scope may be read outside it.

    By the application's observation, or else by one that reports to no provider.
    """
    with _changing:
        if not _fallback.is_permanent:
            _fallback.is_permanent = True
            _want_fallback(wanted=True)


@contextmanager
def observed() -> Generator[None]:
    """Calls are observed inside it: by the application's observation, or else by one that reports to no provider.

    Not to be nested. An application may start and end its observation meanwhile, and notices nothing.
    """
    _want_fallback(wanted=True)
    try:
        yield
    finally:
        _want_fallback(wanted=False)


def _want_fallback(*, wanted: bool) -> None:
    with _changing:
        _fallback.update(app_instruments=AnthropicInstrumentor().is_instrumented_by_opentelemetry, wanted=wanted)


def _registered_with(module: Any) -> None:
    """Makes the instrumentor one for `isinstance`, as soon as `module`, which defines them, is imported.

    A real subclass would import `packaging` and the semantic conventions, which take as long as the rest of a start.
    """
    module.BaseInstrumentor.register(AnthropicInstrumentor)


wrapt.register_post_import_hook(_registered_with, "opentelemetry.instrumentation.instrumentor")


def _conflict() -> DependencyConflict | None:
    """The conflict with the SDK that is imported, or else installed, or `None`. Does not import it. Never raises.

    `None` also for an SDK without metadata, as in a frozen program: its `__version__` decides when it is imported.
    """
    imported = attempt(lambda: sys.modules[_SDK].__version__)
    found = major_minor(attempt(importlib.metadata.version, _SDK) if imported is None else imported)
    if _is_importable(_SDK) if found is None else SDK[0] <= found < SDK[1]:
        return None
    from opentelemetry.instrumentation.dependencies import get_dependency_conflicts  # noqa: PLC0415 - slow

    return attempt(get_dependency_conflicts, INSTRUMENTS)


def _refuse(conflict: DependencyConflict, *, raising: bool) -> None:
    dependencies: Any = import_module("opentelemetry.instrumentation.dependencies")
    error = getattr(dependencies, "DependencyConflictError", None)  # OpenTelemetry 1.32 and later
    if raising and error is not None:
        raise error(conflict)
    _log.error("midstream does not observe calls: %s", conflict)


def _is_importable(package: str) -> bool:
    return sys.modules.get(package) is not None or attempt(find_spec, package) is not None


def _check_names(arguments: Mapping[str, Any]) -> None:
    for name in arguments:
        if name not in _NAMES:
            message = f"instrument({name}=...): unknown option {name!r}; valid options: {', '.join(_NAMES)}"
            raise ValueError(message)
