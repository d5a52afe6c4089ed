"""The providers of this process: whose they are, and where they export to.

What the OpenTelemetry SDK gives no public way to ask for is looked up by name, and is not told where it has moved.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, Final

from opentelemetry._logs import get_logger_provider
from opentelemetry.metrics import get_meter_provider
from opentelemetry.trace import get_tracer_provider

from midstream._cli.doctor.findings import Finding, Health, Subject, one_line
from midstream._guard import attempt

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Maker(Enum):
    """Who has made a provider."""

    SDK = "the OpenTelemetry SDK"
    NOBODY = "nobody"
    DISABLED = "the OpenTelemetry SDK, disabled"
    OTHER = "somebody else"


@dataclass(frozen=True)
class Destination:
    """Where a provider sends to."""

    name: str
    exporter: Any | None
    """`None` where nothing is pushed, or where it cannot be looked at."""
    pulled: bool = False
    """Whether it waits to be asked."""


@dataclass(frozen=True)
class Signal:
    """One kind of telemetry."""

    subject: Subject
    arrives: Subject
    """What the finding about its arrival is about."""
    variable: str
    """What names its exporters."""
    get: Callable[[], Any]
    """The global provider."""
    sinks: Callable[[Any], Any]
    """The processors or readers of a provider of the SDK's. May raise."""
    missed: str
    """What there is not without it."""
    essential: bool = False
    """Whether boards and alerts are made of it."""
    remedy: str = "set one: see set-up"
    """How to get a provider."""

    @property
    def provider(self) -> Any:
        """The global one. `None` if it cannot be had."""
        return attempt(self.get)

    def maker(self) -> Maker:
        """Who has made the global provider."""
        provider = self.provider
        modules = [one.__module__ for one in type(provider).__mro__[:-1]]
        if any(module.startswith("opentelemetry.sdk.") for module in modules):
            return Maker.DISABLED if getattr(provider, "_disabled", False) is True else Maker.SDK
        by_api = provider is None or modules[0].startswith(_API)
        return Maker.NOBODY if by_api else Maker.OTHER

    def destinations(self) -> tuple[Destination, ...]:
        """Where the global provider sends to, as far as that can be seen."""
        if self.maker() is not Maker.SDK:
            return ()
        return tuple(_destination(sink) for sink in attempt(lambda: tuple(self.sinks(self.provider))) or ())


_API: Final = ("opentelemetry.trace", "opentelemetry.metrics", "opentelemetry._logs")

TRACES: Final = Signal(
    Subject.TRACES,
    Subject.SPAN_ARRIVES,
    "OTEL_TRACES_EXPORTER",
    get_tracer_provider,
    lambda provider: provider._active_span_processor._span_processors,  # noqa: SLF001 - see the top
    missed="no span is exported",
)
METRICS: Final = Signal(
    Subject.METRICS,
    Subject.METRICS_ARRIVE,
    "OTEL_METRICS_EXPORTER",
    get_meter_provider,
    # The latter before OpenTelemetry 1.43.
    lambda provider: _at(provider, "_metric_readers") or _at(provider, "_sdk_config.metric_readers"),
    missed="no metric is exported, of which boards and alerts are made",
    essential=True,
)
LOGS: Final = Signal(
    Subject.LOGS,
    Subject.LOG_EVENT_ARRIVES,
    "OTEL_LOGS_EXPORTER",
    get_logger_provider,
    lambda provider: provider._multi_log_record_processor._log_record_processors,  # noqa: SLF001 - see the top
    missed="no log event is exported",
    remedy="opentelemetry._logs.set_logger_provider() where the others are set; AWS's distribution sets one if "
    "OTEL_PYTHON_LOGGING_AUTO_INSTRUMENTATION_ENABLED=true",
)
SIGNALS: Final = (TRACES, METRICS, LOGS)

_EXPORTERS: Final = ("span_exporter", "_exporter", "_batch_processor._exporter")
"""Where the processors and readers of the SDK have theirs."""


def _destination(sink: Any) -> Destination:
    exporter = next((found for path in _EXPORTERS if (found := _at(sink, path)) is not None), None)
    if exporter is not None:
        return Destination(_name(exporter), exporter)
    pulled = hasattr(sink, "collect")
    kind = type(sink).__qualname__.lstrip("_")
    return Destination(f"{kind}, which waits for a scrape" if pulled else kind, None, pulled=pulled)


def _at(thing: Any, path: str) -> Any:
    for name in path.split("."):
        thing = getattr(thing, name, None)
    return thing


def _name(exporter: Any) -> str:
    kind = type(exporter).__qualname__
    endpoint = getattr(exporter, "_endpoint", None)
    if not isinstance(endpoint, str):
        return kind
    protocol = "gRPC" if ".grpc." in type(exporter).__module__ else "HTTP"
    return f"{one_line(endpoint)} (OTLP over {protocol})"


def provided() -> Iterator[Finding]:
    """Whether there is a real provider for each signal, where it exports to, and what is sampled."""
    yield from _service()
    for signal in SIGNALS:
        yield _provider(signal)
        if signal is TRACES and signal.maker() is Maker.SDK:
            yield from _sampler(signal.provider)


def sampler(provider: Any) -> str:
    """The sampler of a provider of spans: what it does with a span that has no parent. Empty if that is not known."""
    described = str(attempt(_described, provider) or "")
    return described.removeprefix("ParentBased{root:").partition(",")[0]


def _described(provider: Any) -> Any:
    return provider.sampler.get_description()


def records_all(sampler: str) -> bool:
    """Whether `sampler` leaves no span out."""
    return sampler.startswith("AlwaysOn")


def _provider(signal: Signal) -> Finding:
    maker = signal.maker()
    if maker is Maker.SDK:
        return _exports(signal)
    if maker is Maker.OTHER:
        kind = f"{type(signal.provider).__module__}.{type(signal.provider).__qualname__}"
        message = f"the provider is a {kind}, which cannot be looked into: where it exports to is not known"
        return Finding(signal.subject, Health.NOT_TRIED, message)
    if maker is Maker.DISABLED:
        return Finding(signal.subject, Health.NOT_TRIED, "the provider is disabled: see switches")
    return _lacking(signal, "no provider is set", signal.remedy)


def _exports(signal: Signal) -> Finding:
    found = signal.destinations()
    if found:
        names = " and ".join(one.name for one in found)
        return Finding(signal.subject, Health.OK, f"a real provider, which exports to {names}")
    told = os.environ.get(signal.variable, "")
    message = f"a real provider without an exporter ({signal.variable}={told or 'is not set'})"
    return _lacking(signal, message, f"{signal.variable}=otlp, or an exporter where the provider is set")


def _lacking(signal: Signal, message: str, remedy: str) -> Finding:
    verdict = Health.PROBLEM if signal.essential else Health.WARNING
    return Finding(signal.subject, verdict, f"{message}: {signal.missed}", remedy)


def _service() -> Iterator[Finding]:
    resource = getattr(TRACES.provider, "resource", None)
    name = None if resource is None else resource.attributes.get("service.name")
    if name is None:
        return
    if str(name).startswith("unknown_service"):
        message = f"service.name is {name}: the boards choose by service"
        yield Finding(Subject.SERVICE, Health.WARNING, message, "set OTEL_SERVICE_NAME")
    else:
        yield Finding(Subject.SERVICE, Health.OK, f"service.name is {name}")


def _sampler(provider: Any) -> Iterator[Finding]:
    described = sampler(provider)
    if not described:
        return
    if records_all(described):
        yield Finding(Subject.SAMPLER, Health.OK, f"{described}: every span without a parent is recorded")
    elif "AlwaysOff" in described:
        message = f"{described}: no span is recorded; metrics and log events count every call"
        yield Finding(Subject.SAMPLER, Health.WARNING, message, "OTEL_TRACES_SAMPLER=parentbased_always_on")
    else:
        message = f"{described}: some spans are left out; metrics and log events count every call"
        yield Finding(Subject.SAMPLER, Health.OK, message)
