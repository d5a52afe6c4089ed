"""The providers of this process: who made them, and where they export to.

The OpenTelemetry SDK has no public way to find out. Its private attributes are looked up by name; what has moved is
not reported.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from opentelemetry._logs import get_logger_provider
from opentelemetry.metrics import get_meter_provider
from opentelemetry.trace import get_tracer_provider

from midstream._cli.doctor.findings import Finding, Health, Subject, cause_among, one_line
from midstream._guard import attempt
from midstream._telemetry.signals import API_MODULES


class Maker(Enum):
    """Who made a provider."""

    SDK = "the OpenTelemetry SDK"
    NONE = "nothing but the API's placeholder"
    DISABLED = "the OpenTelemetry SDK, disabled"
    OTHER = "another implementation"


@dataclass(frozen=True)
class Destination:
    """Where a provider exports to."""

    name: str
    exporter: Any | None
    """`None` where nothing is pushed, or where it cannot be found."""
    pulled: bool = False
    """Whether it waits for a scrape."""


@dataclass(frozen=True)
class TelemetrySignal:
    """Spans, metrics or log events, and their global provider."""

    subject: Subject
    arrives: Subject
    """The subject of the finding about its arrival."""
    variable: str
    """The environment variable that names its exporters."""
    get: Callable[[], Any]
    """Returns the global provider."""
    sinks: Callable[[Any], Any]
    """Returns the processors or readers of one of the SDK's providers. May raise."""
    consequence: str
    """What happens without a provider or an exporter."""
    setter: str
    """The function that sets the global provider."""
    otherwise: str = ""
    """How else to get one."""
    if_missing: Health = Health.WARNING
    """The verdict if there is none."""

    @property
    def exporter_remedy(self) -> str:
        """How to get an exporter."""
        return f"export {self.variable}=otlp (or set up an exporter where the provider is set)"

    @property
    def provider(self) -> Any:
        """The global provider. `None` if `get` raises."""
        return attempt(self.get)

    def maker(self) -> Maker:
        """Who made the global provider."""
        provider = self.provider
        modules = [kind.__module__ for kind in type(provider).__mro__[:-1]]
        if any(module.startswith("opentelemetry.sdk.") for module in modules):
            return Maker.DISABLED if getattr(provider, "_disabled", False) is True else Maker.SDK
        return Maker.NONE if provider is None or modules[0].startswith(API_MODULES) else Maker.OTHER

    @property
    def is_provided(self) -> bool:
        """Whether the global provider is not only the API's placeholder."""
        return self.maker() is not Maker.NONE

    def destinations(self) -> tuple[Destination, ...]:
        """Where the global provider exports to, as far as that can be found out."""
        if self.maker() is not Maker.SDK:
            return ()
        return tuple(_destination(sink) for sink in attempt(lambda: tuple(self.sinks(self.provider))) or ())


TRACES: Final = TelemetrySignal(
    Subject.TRACES,
    Subject.SPAN_ARRIVES,
    "OTEL_TRACES_EXPORTER",
    get_tracer_provider,
    lambda provider: provider._active_span_processor._span_processors,  # noqa: SLF001 - see the top
    consequence="no span is exported",
    setter="opentelemetry.trace.set_tracer_provider",
)
METRICS: Final = TelemetrySignal(
    Subject.METRICS,
    Subject.METRICS_ARRIVE,
    "OTEL_METRICS_EXPORTER",
    get_meter_provider,
    # The latter before OpenTelemetry 1.43.
    lambda provider: _at(provider, "_metric_readers") or _at(provider, "_sdk_config.metric_readers"),
    consequence="no metric is exported, and boards and alerts need them",
    setter="opentelemetry.metrics.set_meter_provider",
    if_missing=Health.PROBLEM,
)
LOGS: Final = TelemetrySignal(
    Subject.LOGS,
    Subject.LOG_EVENT_ARRIVES,
    "OTEL_LOGS_EXPORTER",
    get_logger_provider,
    lambda provider: provider._multi_log_record_processor._log_record_processors,  # noqa: SLF001 - see the top
    consequence="no log event is exported",
    setter="opentelemetry._logs.set_logger_provider",
    otherwise="; with AWS's distribution: export OTEL_PYTHON_LOGGING_AUTO_INSTRUMENTATION_ENABLED=true",
)
SIGNALS: Final = (TRACES, METRICS, LOGS)

_CAUSES: Final = (Subject.SET_UP, Subject.SWITCHES, Subject.LAUNCHER)
"""What can prevent that a provider is set."""

_EXPORTERS: Final = ("span_exporter", "_exporter", "_batch_processor._exporter")
"""Where the SDK's processors and readers keep their exporter."""


def _destination(sink: Any) -> Destination:
    exporter = next((found for path in _EXPORTERS if (found := _at(sink, path)) is not None), None)
    if exporter is not None:
        return Destination(_name(exporter), exporter)
    kind = type(sink).__qualname__.lstrip("_")
    if hasattr(sink, "collect"):
        return Destination(f"{kind}, which waits for a scrape", None, pulled=True)
    return Destination(kind, None)


def _at(thing: Any, path: str) -> Any:
    for name in path.split("."):
        thing = getattr(thing, name, None)
    return thing


def _name(exporter: Any) -> str:
    endpoint = getattr(exporter, "_endpoint", None)
    if not isinstance(endpoint, str):
        return type(exporter).__qualname__
    protocol = "gRPC" if ".grpc." in type(exporter).__module__ else "HTTP"
    return f"{one_line(endpoint)} (OTLP over {protocol})"


def provided(found: Sequence[Finding]) -> Iterator[Finding]:
    """Whether there is a real provider for each signal, where it exports to, and which spans are sampled.

    `found`: the findings so far, one of which may be why there is none.
    """
    yield from _service()
    for signal in SIGNALS:
        yield _provider(signal, found)
        if signal is TRACES and signal.maker() is Maker.SDK:
            yield from _sampler(signal.provider)


def sampler(provider: Any) -> str:
    """The sampler for spans without a parent of a provider of the SDK's. Empty if it is unknown."""
    chosen = getattr(provider, "sampler", None)
    description = "" if chosen is None else str(attempt(chosen.get_description) or "")
    return description.removeprefix("ParentBased{root:").partition(",")[0]


def records_all(sampler: str) -> bool:
    """Whether `sampler` drops no span."""
    return sampler.startswith("AlwaysOn")


def _provider(signal: TelemetrySignal, found: Sequence[Finding]) -> Finding:
    maker = signal.maker()
    if maker is Maker.SDK:
        return _exports(signal)
    if maker is Maker.OTHER:
        kind = f"{type(signal.provider).__module__}.{type(signal.provider).__qualname__}"
        return signal.subject.not_tried(f"the provider is a {kind}, for which the destination is unknown")
    if maker is Maker.DISABLED:
        return signal.subject.not_tried("the provider is disabled: see switches")
    cause = None if any(other.is_provided for other in SIGNALS) else cause_among(found, _CAUSES)
    remedy = cause.line if cause else f"{signal.setter}(...) (where the others are set{signal.otherwise})"
    return _lacking(signal, "no provider is set", remedy)


def _exports(signal: TelemetrySignal) -> Finding:
    found = signal.destinations()
    if found:
        names = " and ".join(destination.name for destination in found)
        return signal.subject.ok(f"a real provider, which exports to {names}")
    setting = os.environ.get(signal.variable, "") or "is not set"
    message = f"a real provider without an exporter ({signal.variable}={setting})"
    return _lacking(signal, message, signal.exporter_remedy)


def _lacking(signal: TelemetrySignal, message: str, remedy: str) -> Finding:
    return Finding(signal.subject, signal.if_missing, f"{message}: {signal.consequence}", remedy)


def _service() -> Iterator[Finding]:
    resource = getattr(TRACES.provider, "resource", None)
    name = None if resource is None else resource.attributes.get("service.name")
    if name is None:
        return
    if str(name).startswith("unknown_service"):
        message = f"service.name is {name}: the boards choose by service"
        yield Subject.SERVICE.warning(message, "export OTEL_SERVICE_NAME=NAME")
    else:
        yield Subject.SERVICE.ok(f"service.name is {name}")


def _sampler(provider: Any) -> Iterator[Finding]:
    described = sampler(provider)
    if not described:
        return
    if records_all(described):
        yield Subject.SAMPLER.ok(f"{described}: every span without a parent is recorded")
    elif "AlwaysOff" in described:
        message = f"{described}: no span is recorded; metrics and log events count every call"
        yield Subject.SAMPLER.warning(message, "export OTEL_TRACES_SAMPLER=parentbased_always_on")
    else:
        yield Subject.SAMPLER.ok(f"{described}: some spans are dropped; metrics and log events count every call")
