"""Brings OpenTelemetry up in this process the way the service does it, and says how that went."""

from __future__ import annotations

import logging
import sys
from dataclasses import dataclass
from enum import Enum
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.instrumentation import auto_instrumentation

from midstream._cli.console.caught import Caught
from midstream._cli.console.problem import Problem
from midstream._cli.doctor.findings import Finding, Health, Subject, in_words, one_line
from midstream._cli.doctor.providers import SIGNALS, Maker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType

    from typing_extensions import Self


_OTHERWISE: Final = "; if your application does it itself: midstream doctor --setup MODULE:FUNCTION"

_LOGGERS: Final = ("opentelemetry", "midstream")
_MOST: Final = 5


class Way(Enum):
    """Who has set OpenTelemetry up."""

    INSTRUMENT = "opentelemetry-instrument has set this process up"
    DOCTOR = "set up here as opentelemetry-instrument does it"
    FUNCTION = "set up by --setup"


@dataclass(frozen=True)
class SetUp:
    """How OpenTelemetry was set up."""

    way: Way
    error: Exception | None
    """What was raised meanwhile."""
    said: tuple[str, ...]
    """What OpenTelemetry warned of meanwhile, once each."""


class Hushed(logging.Handler):
    """From its entry to its exit as a context manager, takes what OpenTelemetry and midstream log as warnings."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.records: list[logging.LogRecord] = []
        self._before = {name: logging.getLogger(name).propagate for name in _LOGGERS}

    def emit(self, record: logging.LogRecord) -> None:
        """Takes one record."""
        self.records.append(record)

    def of(self, logger: str) -> tuple[str, ...]:
        """What `logger`, and those below it, said, once each."""
        records = (one for one in self.records if one.name.split(".", maxsplit=1)[0] == logger)
        return tuple(dict.fromkeys(one_line(one.getMessage()) for one in records))

    def __enter__(self) -> Self:
        for name in _LOGGERS:
            logging.getLogger(name).addHandler(self)
            logging.getLogger(name).propagate = False
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for name, propagated in self._before.items():
            logging.getLogger(name).removeHandler(self)
            logging.getLogger(name).propagate = propagated


def function_named(name: str) -> Callable[[], Any]:
    """The function that `--setup` names, as MODULE:FUNCTION. Raises `Problem` if there is none."""
    module, _, function = name.partition(":")
    if not module or not function:
        message = f"--setup {name}: must be MODULE:FUNCTION, such as shop.telemetry:configure"
        raise Problem(message)
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)  # as for `python -m`
    with Caught() as caught:
        found: Callable[[], Any] | None = getattr(import_module(module), function, None)
        if callable(found):
            return found
    reason = f"{module} has no function {function}" if caught.error is None else in_words(caught.error)
    message = f"--setup {name}: {reason}"
    raise Problem(message) from caught.error


def set_up(hushed: Hushed, function: Callable[[], Any] | None) -> SetUp:
    """Sets OpenTelemetry up by `function`, or as `opentelemetry-instrument` does if that has not been done."""
    way = Way.FUNCTION if function else Way.INSTRUMENT if _instrumented() else Way.DOCTOR
    with Caught() as caught:
        if function is not None:
            function()
        elif not _has_providers():
            # Once more also where opentelemetry-instrument has tried: it has swallowed why it failed.
            auto_instrumentation.initialize(swallow_exceptions=False)
    return SetUp(way, caught.error, hushed.of("opentelemetry"))


def outcome(done: SetUp) -> Iterator[Finding]:
    """How the set-up went."""
    if done.error is not None:
        message = f"{done.way.value}, and that failed: {in_words(done.error)}"
        yield Finding(Subject.SET_UP, Health.PROBLEM, message, _remedy(done.error))
        return
    if _has_providers():
        otherwise = _OTHERWISE if done.way is Way.DOCTOR else ""
        yield Finding(Subject.SET_UP, Health.OK, f"{done.way.value}{otherwise}")
    else:
        yield _without_providers(done.way)
    for line in done.said[:_MOST]:
        yield Finding(Subject.SET_UP, Health.WARNING, f"OpenTelemetry said: {line}")


def _without_providers(way: Way) -> Finding:
    if way is Way.FUNCTION:
        message = "the function of --setup has set up no provider of spans, metrics or logs"
        return Finding(Subject.SET_UP, Health.PROBLEM, message, "set_tracer_provider() and set_meter_provider()")
    message = "nothing here sets OpenTelemetry up: no provider is real, and no telemetry leaves the process"
    remedy = (
        "pip install opentelemetry-distro opentelemetry-exporter-otlp-proto-http and start the service with "
        f"opentelemetry-instrument{_OTHERWISE}"
    )
    if entry_points(group="opentelemetry_configurator"):
        remedy = "see what OpenTelemetry said; OTEL_PYTHON_CONFIGURATOR and OTEL_PYTHON_DISTRO choose who does it"
    return Finding(Subject.SET_UP, Health.PROBLEM, message, remedy)


_REMEDIES: Final = {
    "'otlp_proto_grpc' not found": "opentelemetry-distro exports OTLP over gRPC unless told otherwise: set "
    "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf, or pip install opentelemetry-exporter-otlp-proto-grpc",
    "'otlp_proto_http' not found": "pip install opentelemetry-exporter-otlp-proto-http",
    "not found in entry point": "an OTEL_*_EXPORTER names an exporter that is not installed here",
    "already in use": "the service has the port of the metrics page: OTEL_EXPORTER_PROMETHEUS_PORT=0 midstream doctor",
}


def _remedy(error: Exception) -> str:
    told = str(error)
    return next((remedy for part, remedy in _REMEDIES.items() if part in told), "the service fails in the same way")


def _has_providers() -> bool:
    return any(signal.maker() is not Maker.NOBODY for signal in SIGNALS)


def _instrumented() -> bool:
    """Whether `opentelemetry-instrument`, or what injects it, has started this process."""
    site = getattr(sys.modules.get("sitecustomize"), "__file__", None) or ""
    return Path(site).parent == Path(auto_instrumentation.__file__).parent
