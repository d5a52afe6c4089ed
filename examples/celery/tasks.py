"""A task that calls Claude, and worker processes that export their last telemetry."""

import os
from pathlib import Path
from typing import Any

import anthropic
from celery import Celery
from celery.signals import worker_process_init, worker_process_shutdown
from opentelemetry import _logs, metrics, trace
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

import midstream

MODEL = "claude-sonnet-5"

# A folder replaces the broker, so that the example runs without one.
QUEUE = Path(os.environ.get("QUEUE", "queue"))
QUEUE.mkdir(exist_ok=True)

app = Celery("tasks", broker="filesystem://")
app.conf.broker_transport_options = dict.fromkeys(("data_folder_in", "data_folder_out", "control_folder"), str(QUEUE))


@worker_process_init.connect
def observe(**_signal: Any) -> None:
    """Export from this process, and observe its calls."""
    resource = Resource.create({"service.name": "tasks"})
    traces = TracerProvider(resource=resource)
    traces.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(traces)
    metrics.set_meter_provider(MeterProvider([PeriodicExportingMetricReader(OTLPMetricExporter())], resource=resource))
    logs = LoggerProvider(resource=resource)
    logs.add_log_record_processor(BatchLogRecordProcessor(OTLPLogExporter()))
    _logs.set_logger_provider(logs)
    midstream.AnthropicInstrumentor().instrument()


@worker_process_shutdown.connect
def flush(**_signal: Any) -> None:
    """Export the rest: this process ends without exit handlers."""
    providers: tuple[Any, ...] = (
        trace.get_tracer_provider(),
        metrics.get_meter_provider(),
        _logs.get_logger_provider(),
    )
    for provider in providers:
        provider.force_flush()


@app.task
def answer(question: str) -> str:
    """The response of Claude."""
    with anthropic.Anthropic().messages.stream(
        model=MODEL, max_tokens=1024, messages=[{"role": "user", "content": question}]
    ) as stream:
        return stream.get_final_text()
