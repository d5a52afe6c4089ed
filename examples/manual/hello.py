"""OpenTelemetry and midstream, set up by the program; and their verdict, where the program handles a failure."""

import os

import anthropic
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

MODEL = os.environ.get("MODEL", "claude-sonnet-5")


def observe() -> None:
    """Export spans, metrics and log events to where OTEL_EXPORTER_OTLP_ENDPOINT says, and observe every call."""
    resource = Resource.create({"service.name": "hello"})
    traces = TracerProvider(resource=resource)
    traces.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(traces)
    reader = PeriodicExportingMetricReader(OTLPMetricExporter())
    metrics.set_meter_provider(MeterProvider([reader], resource=resource))
    logs = LoggerProvider(resource=resource)
    logs.add_log_record_processor(BatchLogRecordProcessor(OTLPLogExporter()))
    _logs.set_logger_provider(logs)
    midstream.AnthropicInstrumentor().instrument()


def main() -> None:
    """Print an answer, or what happened instead."""
    try:
        with anthropic.Anthropic().messages.stream(
            model=MODEL, max_tokens=1024, messages=[{"role": "user", "content": "Is all well?"}]
        ) as stream:
            for text in stream.text_stream:
                print(text, end="", flush=True)
        print()
    except Exception as error:  # not only anthropic.APIError: what breaks in mid-stream need not be one
        failure = midstream.classify(error)
        print(f"\n{failure}; {'worth another try' if failure.retryable else 'no use to try again'}")


if __name__ == "__main__":
    observe()
    main()
