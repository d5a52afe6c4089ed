"""Finds out what has set OpenTelemetry up in this process, and how that went."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from importlib import import_module
from importlib.metadata import entry_points
from logging import LogRecord
from pathlib import Path
from typing import Any, Final

from opentelemetry.instrumentation import auto_instrumentation

from midstream._cli.console.captured import CapturedException
from midstream._cli.console.problem import Problem
from midstream._cli.doctor.findings import Finding, Subject, in_words, one_line
from midstream._cli.doctor.launcher import INSTALLATION, remedy_without
from midstream._cli.doctor.providers import METRICS, SIGNALS, TRACES
from midstream._instrumentor import AnthropicInstrumentor

_LAUNCHER: Final = "opentelemetry-instrument"
_OTHERWISE: Final = "if the application sets OpenTelemetry up itself: midstream doctor --setup MODULE:FUNCTION"
_MAX_WARNINGS: Final = 5


class SetupSource(Enum):
    """What has set OpenTelemetry up."""

    INSTRUMENT = "opentelemetry-instrument has set this process up"
    EARLIER = "this process was set up before the doctor started"
    FUNCTION = "set up by --setup"
    NOTHING = "this process was started without opentelemetry-instrument"


@dataclass(frozen=True)
class Setup:
    """How OpenTelemetry was set up."""

    source: SetupSource
    error: Exception | None
    """What was raised meanwhile."""
    warnings: tuple[str, ...]
    """What OpenTelemetry logged meanwhile, each line once."""
    repaired: bool = False
    """Whether only the doctor's attempt to find out why it failed has set it up."""


def function_named(name: str) -> Callable[[], Any]:
    """The function that `--setup` names, as MODULE:FUNCTION. Raises `Problem` if it does not exist."""
    module, _, function = name.partition(":")
    if not module or not function:
        message = f"--setup {name}: must be MODULE:FUNCTION, such as shop.telemetry:configure"
        raise Problem(message)
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)  # as for `python -m`
    with CapturedException() as captured:
        found: Callable[[], Any] | None = getattr(import_module(module), function, None)
        if callable(found):
            return found
    reason = f"{module} has no function {function}" if captured.error is None else in_words(captured.error)
    message = f"--setup {name}: {reason}"
    raise Problem(message) from captured.error


def set_up(records: list[LogRecord], function: Callable[[], Any] | None) -> Setup:
    """Sets OpenTelemetry up by `function`. Without one, finds out what has set it up, and why that failed.

    `records` is where the records of OpenTelemetry's loggers arrive.
    """
    source = SetupSource.FUNCTION if function else _source()
    failed = (
        source is SetupSource.INSTRUMENT and not _is_observed() and not (TRACES.is_provided and METRICS.is_provided)
    )
    with CapturedException() as captured:
        if function is not None:
            function()
        elif failed:
            # The launcher has swallowed the reason: the same once more raises it.
            auto_instrumentation.initialize(swallow_exceptions=False)
    logged = (record.getMessage() for record in records if record.name.partition(".")[0] == "opentelemetry")
    lines = tuple(dict.fromkeys(map(one_line, logged)))
    return Setup(source, captured.error, lines, repaired=failed and _is_observed())


def setup_findings(setup: Setup) -> Iterator[Finding]:
    """How the set-up went."""
    if setup.error is not None:
        message = f"{setup.source.value}, and that failed: {in_words(setup.error)}"
        yield Subject.SET_UP.problem(message, _remedy(setup.error))
        return
    if setup.source is SetupSource.NOTHING:
        message = f"{setup.source.value}: a service that starts like this exports nothing"
        remedy = f"{_LAUNCHER} midstream doctor (and start the service with {_LAUNCHER}, too; {_OTHERWISE})"
        yield Subject.SET_UP.problem(message, remedy)
    elif setup.repaired:
        message = f"{_LAUNCHER} has failed when this process started; the doctor's own attempt has succeeded"
        yield Subject.SET_UP.problem(
            message, f'{_LAUNCHER} python -c "" (its first lines on stderr may have the reason)'
        )
    elif _has_providers():
        yield Subject.SET_UP.ok(setup.source.value)
    else:
        yield _without_providers(setup.source)
    for line in setup.warnings[:_MAX_WARNINGS]:
        yield Subject.SET_UP.warning(f"OpenTelemetry logged: {line}")


def _without_providers(source: SetupSource) -> Finding:
    if source is SetupSource.FUNCTION:
        message = "the function of --setup has set up no provider of spans, metrics or logs"
        remedy = "opentelemetry.metrics.set_meter_provider(...); opentelemetry.trace.set_tracer_provider(...) (in it)"
        return Subject.SET_UP.problem(message, remedy)
    if entry_points(group="opentelemetry_configurator"):
        remedy = "unset OTEL_PYTHON_CONFIGURATOR OTEL_PYTHON_DISTRO (they choose what does it; or see what is logged)"
    else:
        remedy = f"{INSTALLATION} ({_OTHERWISE})"
    message = f"{_LAUNCHER} has set up no provider of spans, metrics or logs: no telemetry leaves the process"
    return Subject.SET_UP.problem(message, remedy)


_REMEDIES: Final = {
    "Unsupported OTLP protocol": "export OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf (or grpc)",
    "not found in entry point": "export OTEL_TRACES_EXPORTER=otlp OTEL_METRICS_EXPORTER=otlp OTEL_LOGS_EXPORTER=otlp "
    "(one names an exporter that is not installed)",
    "already in use": f"OTEL_EXPORTER_PROMETHEUS_PORT=0 {_LAUNCHER} midstream doctor (the service uses the port)",
}


def _remedy(error: Exception) -> str:
    text = str(error)
    for exporter in ("otlp_proto_grpc", "otlp_proto_http"):
        if f"'{exporter}' not found" in text:
            return remedy_without(exporter)
    return next((remedy for part, remedy in _REMEDIES.items() if part in text), "the service fails in the same way")


def _has_providers() -> bool:
    return any(signal.is_provided for signal in SIGNALS)


def _is_observed() -> bool:
    return AnthropicInstrumentor().is_instrumented_by_opentelemetry is True


def _source() -> SetupSource:
    """What has set this process up, or tried to: the launcher, or what injects it, has its own `sitecustomize`."""
    site = getattr(sys.modules.get("sitecustomize"), "__file__", None) or ""
    if Path(site).parent == Path(auto_instrumentation.__file__).parent:
        return SetupSource.INSTRUMENT
    return SetupSource.EARLIER if _has_providers() else SetupSource.NOTHING
