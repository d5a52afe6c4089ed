"""Where the telemetry of the demo goes: to its own table, to Prometheus, over OTLP."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from inspect import signature
from typing import Any, Final

from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricReader, MetricsData, PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_ON

from midstream._cli.console.captured import captured_logs
from midstream._cli.console.problem import Problem, cannot_listen
from midstream._cli.console.values import base_url
from midstream._guard import attempt

_SERVICE: Final = "midstream-demo"
_HOST: Final = "127.0.0.1"
_EXPORT_SECONDS: Final = 5.0
_EXPECTED_URL: Final = "the base URL of an OTLP/HTTP receiver, such as http://127.0.0.1:4318"


class OtlpSignal(str, Enum):
    """What can be exported over OTLP. The value is the end of its path."""

    SPANS = "traces"
    METRICS = "metrics"
    LOG_EVENTS = "logs"


@dataclass(frozen=True)
class OtlpReceiver:
    """The OTLP/HTTP receiver whose base is `url`."""

    url: str
    signals: tuple[OtlpSignal, ...]
    """What it accepts. A metrics store accepts nothing else."""

    @classmethod
    def at(cls, url: str) -> OtlpReceiver:
        """Finds out what `url` accepts. Raises `Problem` if that is nothing."""
        base = base_url("--otlp", url, _EXPECTED_URL)
        with export_failures(lambda _line: None) as failures, ThreadPoolExecutor() as pool:
            answers = {signal: pool.submit(_accepts, base, signal) for signal in OtlpSignal}
            accepted = tuple(signal for signal, answer in answers.items() if answer.result())
        if accepted:
            return cls(base, accepted)
        why = next(iter(failures), "no answer")
        message = f"--otlp {url}: nothing there takes OTLP over HTTP ({why}); is a collector running?"
        raise Problem(message)

    def __str__(self) -> str:
        """What is exported there, in words."""
        *others, last = (signal.name.lower().replace("_", " ") for signal in self.signals)
        listed = f"{', '.join(others)} and {last}" if others else last
        return f"{listed} to {self.url}{'' if len(self.signals) == len(OtlpSignal) else ', which takes nothing else'}"


def _accepts(base: str, signal: OtlpSignal) -> bool:
    exporter = _exporter(base, signal)
    nothing = MetricsData(()) if signal is OtlpSignal.METRICS else ()
    try:
        # Older exporters raise if nothing listens.
        result = attempt(exporter.export, nothing)
        return result is not None and result.name == "SUCCESS"  # of one of three enums with the same members
    finally:
        exporter.shutdown()


def _exporter(base: str, signal: OtlpSignal) -> Any:
    # Imported here, as only --otlp needs them.
    from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter  # noqa: PLC0415
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter  # noqa: PLC0415
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415

    kinds = {
        OtlpSignal.SPANS: OTLPSpanExporter,
        OtlpSignal.METRICS: OTLPMetricExporter,
        OtlpSignal.LOG_EVENTS: OTLPLogExporter,
    }
    return kinds[signal](f"{base}/v1/{signal.value}", timeout=_EXPORT_SECONDS)


@contextmanager
def export_failures(report: Callable[[str], None]) -> Generator[list[str]]:
    """Yields a list that gets the first failure of an exporter, in one line, as does `report`, from any thread.

    Exporters log their failures and return nothing about them.
    """
    failures: list[str] = []

    def note(record: logging.LogRecord) -> None:
        if not failures:
            failures.append(record.getMessage().partition("\n")[0])
            report(failures[0])

    with captured_logs(note, "opentelemetry", level=logging.ERROR):
        yield failures


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
    wanted: dict[str, Any] = {"registry": CollectorRegistry(), "resource_attribute_filter": "service.name".__eq__}
    known = signature(PrometheusMetricReader).parameters
    options = {name: value for name, value in wanted.items() if name in known}
    reader = PrometheusMetricReader(**options)
    try:
        server, thread = start_http_server(port, addr=_HOST, registry=options.get("registry", REGISTRY))
    except OSError as error:
        raise cannot_listen(port, error, f"--port {port}: cannot listen on {_HOST}: {error.strerror}") from error
    try:
        yield MetricsPage(f"http://{_HOST}:{server.server_port}/metrics", reader)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@dataclass(frozen=True)
class Telemetry:
    """The providers of the demo."""

    tracer_provider: TracerProvider
    meter_provider: MeterProvider
    logger_provider: LoggerProvider
    _memory: InMemorySpanExporter

    def finished_spans(self) -> tuple[ReadableSpan, ...]:
        """The spans that have ended so far."""
        return self._memory.get_finished_spans()

    def discard_spans(self) -> None:
        """Drops the spans that have ended, and those that will."""
        self._memory.shutdown()
        self._memory.clear()


@contextmanager
def telemetry(receiver: OtlpReceiver | None, page: MetricsPage | None) -> Generator[Telemetry]:
    """Providers that export to `receiver` and `page`, if there are any. Flushed at the end."""
    resource = Resource.create({"service.name": _SERVICE})
    memory = InMemorySpanExporter()
    exporters = {} if receiver is None else {signal: _exporter(receiver.url, signal) for signal in receiver.signals}
    readers = [] if page is None else [page.reader]
    if OtlpSignal.METRICS in exporters:
        readers.append(PeriodicExportingMetricReader(exporters[OtlpSignal.METRICS]))
    made = Telemetry(
        TracerProvider(sampler=ALWAYS_ON, resource=resource, shutdown_on_exit=False),
        MeterProvider(readers, resource=resource, shutdown_on_exit=False),
        LoggerProvider(resource=resource, shutdown_on_exit=False),
        memory,
    )
    made.tracer_provider.add_span_processor(SimpleSpanProcessor(memory))
    if OtlpSignal.SPANS in exporters:
        made.tracer_provider.add_span_processor(BatchSpanProcessor(exporters[OtlpSignal.SPANS]))
    if OtlpSignal.LOG_EVENTS in exporters:
        made.logger_provider.add_log_record_processor(BatchLogRecordProcessor(exporters[OtlpSignal.LOG_EVENTS]))
    try:
        yield made
    finally:
        made.tracer_provider.shutdown()
        made.meter_provider.shutdown()
        made.logger_provider.shutdown()
