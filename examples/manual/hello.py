"""OpenTelemetry and midstream, set up in code, and the verdict in an exception handler."""

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

MODEL = "claude-sonnet-5"


def observe() -> None:
    """Export spans, metrics and log events to OTEL_EXPORTER_OTLP_ENDPOINT, and observe every call."""
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
    """Print a response, or why it failed."""
    try:
        with anthropic.Anthropic().messages.stream(
            model=MODEL, max_tokens=1024, messages=[{"role": "user", "content": "Is all well?"}]
        ) as stream:
            for text in stream.text_stream:
                print(text, end="", flush=True)
        print()
    except Exception as error:  # not only anthropic.APIError: the SDK does not wrap what breaks mid-stream
        failure = midstream.classify(error)
        print(f"\n{failure}; {'worth another try' if failure.retryable else 'no use to try again'}")


if __name__ == "__main__":
    observe()
    main()
