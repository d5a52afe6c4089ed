"""An application whose telemetry takes several routes, and that knows what it did."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from math import inf
from threading import Event, Thread
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor, LogRecordExportResult
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from prometheus_client import CollectorRegistry, start_http_server

from midstream import AnthropicInstrumentor
from midstream._cli.clients import async_client
from midstream._cli.demo.call_styles import abandoned, cancelled
from midstream._outcomes import Outcome
from midstream.faults import FaultServer

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Mapping, Sequence

    from opentelemetry.sdk.trace import ReadableSpan

    from midstream._cli.demo.traffic import PlannedCall

__all__ = ("ENVIRONMENT", "Application", "Failed", "application", "outcomes_of")

ENVIRONMENT: Final = "testing"
_IDENTIFYING: Final = frozenset({"service.name", "deployment.environment.name"})
_TOGETHER: Final = 16
"""The number of simultaneous calls."""
_FLUSH_SECONDS: Final = 2.0
_BY_THE_APPLICATION: Final[Mapping[Any, Outcome]] = {abandoned: Outcome.ABANDONED, cancelled: Outcome.CANCELLED}


@dataclass(frozen=True, order=True)
class Failed:
    """What any signal shows of a failed call."""

    trace_id: str
    outcome: str
    line: str


@dataclass(frozen=True)
class Application:
    """Makes calls that midstream observes. Metrics are exported by `flush` only; a scraper finds them at `page`."""

    url: str
    page: str
    pushing: Sequence[Any]
    """What exports when it is flushed. Not the meter provider: a page has what its reader collects then twice."""
    memory: InMemorySpanExporter
    given_up: list[str] = field(default_factory=list[str])
    """The trace ids of what OpenTelemetry did not keep: an exporter gave these spans up."""
    given_up_events: list[str] = field(default_factory=list[str])
    """The same of log events."""

    def make(self, calls: Iterable[PlannedCall]) -> None:
        """Makes all of `calls`, some at a time, and returns after their ends."""
        asyncio.run(self._make(calls))

    async def _make(self, calls: Iterable[PlannedCall]) -> None:
        free = asyncio.Semaphore(_TOGETHER)
        async with async_client(self.url) as client:

            async def make(call: PlannedCall) -> None:
                async with free:
                    await call.make(client)

            await asyncio.gather(*(asyncio.ensure_future(make(call)) for call in calls), return_exceptions=True)

    @staticmethod
    def done() -> None:
        """Ends the observation, so that another application can be observed in this process. Metrics stay."""
        instrumentor = AnthropicInstrumentor()
        if instrumentor.is_instrumented_by_opentelemetry:
            instrumentor.uninstrument()

    def flush(self) -> None:
        """Exports everything."""
        for one in self.pushing:
            one.force_flush()

    @contextmanager
    def flushing(self) -> Generator[None]:
        """Exports every two seconds, inside the `with` block."""
        stopping = Event()

        def run() -> None:
            while not stopping.wait(_FLUSH_SECONDS):
                self.flush()

        thread = Thread(target=run)
        thread.start()
        try:
            yield
        finally:
            stopping.set()
            thread.join()

    def failed(self) -> list[Failed]:
        """The calls that failed, in order, from their spans."""
        spans = [span for span in self.memory.get_finished_spans() if not span.status.is_ok]
        return sorted(
            Failed(_trace_id(span), str((span.attributes or {})["midstream.outcome"]), str(span.status.description))
            for span in spans
        )

    def trace_ids(self) -> set[str]:
        """Of all calls."""
        return {_trace_id(span) for span in self.memory.get_finished_spans()}


def outcomes_of(calls: Iterable[PlannedCall]) -> Counter[str]:
    """How `calls` end, by the table of faults."""
    outcomes = (_BY_THE_APPLICATION.get(call.style, call.scenario.expectation.outcome) for call in calls)
    return Counter(outcome.value for outcome in outcomes)


def _trace_id(span: Any) -> str:
    return f"{span.context.trace_id:032x}"


class _Spans(OTLPSpanExporter):
    def __init__(self, url: str, given_up: list[str]) -> None:
        super().__init__(f"{url}/v1/traces")
        self._given_up = given_up

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        result = super().export(spans)
        if result is not SpanExportResult.SUCCESS:
            self._given_up += map(_trace_id, spans)
        return result


class _Events(OTLPLogExporter):
    def __init__(self, url: str, given_up: list[str]) -> None:
        super().__init__(f"{url}/v1/logs")
        self._given_up = given_up

    def export(self, batch: Sequence[Any]) -> LogRecordExportResult:
        result = super().export(batch)
        if result is not LogRecordExportResult.SUCCESS:
            self._given_up += (f"{event.log_record.trace_id:032x}" for event in batch)
        return result


@contextmanager
def _page() -> Generator[tuple[str, PrometheusMetricReader]]:
    """The URL of a page of metrics, which all have what identifies the service, and its reader."""
    registry = CollectorRegistry()
    reader = PrometheusMetricReader(registry=registry, resource_attribute_filter=_IDENTIFYING.__contains__)
    server, thread = start_http_server(0, addr="127.0.0.1", registry=registry)
    try:
        yield f"http://127.0.0.1:{server.server_port}/metrics", reader
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def application(service: str, traces: str, *metrics: str) -> Generator[Application]:
    """An application with this name. `traces` gets spans and log events over OTLP, and each of `metrics` metrics."""
    resource = Resource.create({"service.name": service, "deployment.environment.name": ENVIRONMENT})
    memory = InMemorySpanExporter()
    with ExitStack() as stack:
        server = stack.enter_context(FaultServer())
        page, reader = stack.enter_context(_page())
        readers = [
            PeriodicExportingMetricReader(OTLPMetricExporter(f"{url}/v1/metrics"), export_interval_millis=inf)
            for url in metrics
        ]
        tracer_provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        meter_provider = MeterProvider([reader, *readers], resource=resource, shutdown_on_exit=False)
        logger_provider = LoggerProvider(resource=resource, shutdown_on_exit=False)
        for provider in (tracer_provider, meter_provider, logger_provider):
            stack.callback(provider.shutdown)
        made = Application(server.url, page, (tracer_provider, logger_provider, *readers), memory)
        tracer_provider.add_span_processor(SimpleSpanProcessor(memory))
        tracer_provider.add_span_processor(BatchSpanProcessor(_Spans(traces, made.given_up)))
        logger_provider.add_log_record_processor(BatchLogRecordProcessor(_Events(traces, made.given_up_events)))
        AnthropicInstrumentor().instrument(
            tracer_provider=tracer_provider, meter_provider=meter_provider, logger_provider=logger_provider
        )
        stack.callback(made.done)
        yield made
