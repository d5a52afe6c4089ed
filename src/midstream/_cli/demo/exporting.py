"""Where the telemetry of the demo goes: to its own table, to Prometheus, over OTLP."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from inspect import signature
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricReader, MetricsData, PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_ON

from midstream._cli.console.problem import Problem, cannot_listen
from midstream._guard import attempt

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from types import TracebackType

    from opentelemetry.sdk.trace import ReadableSpan
    from typing_extensions import Self


_SERVICE: Final = "midstream-demo"
_HOST: Final = "127.0.0.1"
_ANSWER_SECONDS: Final = 5.0


class Signal(str, Enum):
    """What can be exported over OTLP. Its value is the end of its address."""

    SPANS = "traces"
    METRICS = "metrics"
    LOG_EVENTS = "logs"


@dataclass(frozen=True)
class OtlpEndpoints:
    """The OTLP/HTTP receiver whose base is `url`."""

    url: str
    signals: tuple[Signal, ...]
    """What it takes. A store of metrics takes nothing else."""

    @classmethod
    def at(cls, url: str) -> OtlpEndpoints:
        """The receiver at `url`, asked what it takes. Raises `Problem` if there is none, or if it takes nothing."""
        base = _checked(url).rstrip("/")
        with ExportFailures(lambda _line: None) as failures, ThreadPoolExecutor() as pool:
            answers = {signal: pool.submit(_takes, base, signal) for signal in Signal}
            taken = tuple(signal for signal, answer in answers.items() if answer.result())
        if taken:
            return cls(base, taken)
        why = failures.first or "no answer"
        message = f"--otlp {url}: nothing there takes OTLP over HTTP ({why}); is a collector running?"
        raise Problem(message)

    def __str__(self) -> str:
        """What is exported there, in words."""
        *others, last = (signal.name.lower().replace("_", " ") for signal in self.signals)
        listed = f"{', '.join(others)} and {last}" if others else last
        return f"{listed} to {self.url}{'' if len(self.signals) == len(Signal) else ', which takes nothing else'}"


def _takes(base: str, signal: Signal) -> bool:
    """Whether the receiver accepts an export of `signal`, an empty one."""
    exporter = _exporter(base, signal)
    nothing = MetricsData(()) if signal is Signal.METRICS else ()
    try:
        # Older exporters raise where there is nobody.
        result = attempt(exporter.export, nothing)
        return result is not None and result.name == "SUCCESS"  # of one of three enums with the same members
    finally:
        exporter.shutdown()


def _exporter(base: str, signal: Signal) -> Any:
    # Imported here, as only --otlp needs them.
    from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter  # noqa: PLC0415
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter  # noqa: PLC0415
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415

    kinds = {
        Signal.SPANS: OTLPSpanExporter,
        Signal.METRICS: OTLPMetricExporter,
        Signal.LOG_EVENTS: OTLPLogExporter,
    }
    return kinds[signal](f"{base}/v1/{signal.value}", timeout=_ANSWER_SECONDS)


def _checked(url: str) -> str:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
        usable = usable and not parts.query and not parts.fragment
    except ValueError:
        usable = False
    if usable:
        return url
    message = f"--otlp {url}: must be the base URL of an OTLP/HTTP receiver, such as http://127.0.0.1:4318"
    raise Problem(message)


@dataclass(frozen=True)
class MetricsPage:
    """A page for Prometheus: its address, and the reader that a meter provider needs for it."""

    url: str
    reader: MetricReader


@contextmanager
def metrics_page(port: int) -> Generator[MetricsPage]:
    """Serves a metrics page on loopback; 0 takes a free port. Raises `Problem` if it cannot listen on `port`."""
    from opentelemetry.exporter.prometheus import PrometheusMetricReader  # noqa: PLC0415 - only --serve needs it
    from prometheus_client import REGISTRY, CollectorRegistry, start_http_server  # noqa: PLC0415 - only --serve needs it

    # Dashboards choose by service. Exporters before 0.66b0 cannot put it on every series, and those before 0.63b0 use
    # the registry of the process.
    wanted: dict[str, Any] = {"registry": CollectorRegistry(), "resource_attribute_filter": _is_service_name}
    known = signature(PrometheusMetricReader).parameters
    options = {name: value for name, value in wanted.items() if name in known}
    registry: CollectorRegistry = options.get("registry", REGISTRY)
    reader = PrometheusMetricReader(**options)
    try:
        server, thread = start_http_server(port, addr=_HOST, registry=registry)
    except OSError as error:
        raise cannot_listen(port, error, f"--port {port}: cannot listen on {_HOST}: {error.strerror}") from error
    try:
        yield MetricsPage(f"http://{_HOST}:{server.server_port}/metrics", reader)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _is_service_name(attribute: str) -> bool:
    return attribute == "service.name"


@dataclass(frozen=True)
class Telemetry:
    """The OpenTelemetry SDK, as the demo uses it."""

    tracer_provider: TracerProvider
    meter_provider: MeterProvider
    logger_provider: LoggerProvider
    _memory: InMemorySpanExporter

    def finished_spans(self) -> tuple[ReadableSpan, ...]:
        """The spans that have ended so far."""
        return self._memory.get_finished_spans()

    def forget_spans(self) -> None:
        """Keeps no spans from now on, neither those that ended nor those to come."""
        self._memory.shutdown()
        self._memory.clear()


@contextmanager
def telemetry(endpoints: OtlpEndpoints | None, page: MetricsPage | None) -> Generator[Telemetry]:
    """The OpenTelemetry SDK, exporting to `endpoints` and `page` as far as they are given. Flushed at the end."""
    resource = Resource.create({"service.name": _SERVICE})
    memory = InMemorySpanExporter()
    exporters = {} if endpoints is None else {signal: _exporter(endpoints.url, signal) for signal in endpoints.signals}
    readers = [] if page is None else [page.reader]
    if Signal.METRICS in exporters:
        readers.append(PeriodicExportingMetricReader(exporters[Signal.METRICS]))
    made = Telemetry(
        TracerProvider(sampler=ALWAYS_ON, resource=resource, shutdown_on_exit=False),
        MeterProvider(readers, resource=resource, shutdown_on_exit=False),
        LoggerProvider(resource=resource, shutdown_on_exit=False),
        memory,
    )
    made.tracer_provider.add_span_processor(SimpleSpanProcessor(memory))
    if Signal.SPANS in exporters:
        made.tracer_provider.add_span_processor(BatchSpanProcessor(exporters[Signal.SPANS]))
    if Signal.LOG_EVENTS in exporters:
        made.logger_provider.add_log_record_processor(BatchLogRecordProcessor(exporters[Signal.LOG_EVENTS]))
    try:
        yield made
    finally:
        made.tracer_provider.shutdown()
        made.meter_provider.shutdown()
        made.logger_provider.shutdown()


class ExportFailures(logging.Handler):
    """From its entry to its exit as a context manager, takes what OpenTelemetry logs, and tells the first failure.

    The exporters log failures and return nothing of them. `tell` is called once, with one line, from any thread.
    """

    def __init__(self, tell: Callable[[str], None]) -> None:
        super().__init__(logging.ERROR)
        self._tell = tell
        self._source = logging.getLogger("opentelemetry")
        self._propagated = self._source.propagate
        self.first: str | None = None
        """The first failure, in one line. `None` if there was none."""

    def emit(self, record: logging.LogRecord) -> None:
        """Takes one record."""
        if self.first is None:
            self.first = record.getMessage().partition("\n")[0]
            self._tell(self.first)

    def __enter__(self) -> Self:
        self._propagated = self._source.propagate
        self._source.addHandler(self)
        self._source.propagate = False
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._source.removeHandler(self)
        self._source.propagate = self._propagated
