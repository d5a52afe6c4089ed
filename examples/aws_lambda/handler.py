"""An AWS Lambda function that calls Claude, and exports its telemetry before it is frozen."""

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

# At the top: once per process. Lambda starts a process for each concurrent invocation.
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
    """Lambda calls this for each invocation."""
    try:
        with claude.messages.stream(
            model=MODEL, max_tokens=1024, messages=[{"role": "user", "content": event["question"]}]
        ) as stream:
            return {"answer": stream.get_final_text()}
    finally:
        flush()


def flush() -> None:
    """Export the rest: when the handler returns, the process is frozen, possibly forever."""
    for provider in (traces, meters, logs):
        provider.force_flush()
