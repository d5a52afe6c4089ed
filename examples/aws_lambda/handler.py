"""An AWS Lambda function that asks Claude, and exports all that it knows before it is frozen."""

from typing import Any

import anthropic
from opentelemetry import _logs, metrics, trace
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

import midstream

MODEL = "claude-sonnet-5"

# At the top: once for each process, of which Lambda starts as many as there are invocations at a time.
traces = TracerProvider()
traces.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
trace.set_tracer_provider(traces)
meters = MeterProvider([PeriodicExportingMetricReader(OTLPMetricExporter())])
metrics.set_meter_provider(meters)
logs = LoggerProvider()
logs.add_log_record_processor(BatchLogRecordProcessor(OTLPLogExporter()))
_logs.set_logger_provider(logs)
midstream.AnthropicInstrumentor().instrument()

claude = anthropic.Anthropic()


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """What Lambda calls for each invocation."""
    try:
        with claude.messages.stream(
            model=MODEL, max_tokens=1024, messages=[{"role": "user", "content": event["question"]}]
        ) as stream:
            return {"answer": stream.get_final_text()}
    finally:
        flush()


def flush() -> None:
    """Export what is left: from the handler's return on, the process is frozen, and it may never be thawed."""
    for provider in (traces, meters, logs):
        provider.force_flush()
