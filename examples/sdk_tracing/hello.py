"""The SDK's own tracing, with messages: the span of a call without midstream, and with it."""

import anthropic
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import ConsoleSpanExporter, SimpleSpanProcessor

import midstream

MODEL = "claude-sonnet-5"


def in_short(span: ReadableSpan) -> str:
    """A span in a few lines."""
    attributes = span.attributes or {}
    found = [f"  {name}: {attributes[name]!r}" for name in ("error.type", "midstream.outcome") if name in attributes]
    content = [f"  {name}" for name in attributes if name.endswith(".messages")]
    return "\n".join((f"{span.name}: {span.status.status_code.name}", *found, *content, ""))


traces = TracerProvider()
traces.add_span_processor(SimpleSpanProcessor(ConsoleSpanExporter(formatter=in_short)))
claude = anthropic.Anthropic(open_telemetry={"tracer_provider": traces, "traces": {"content_mode": "content"}})


def ask() -> None:
    """Make a call."""
    with claude.messages.stream(
        model=MODEL, max_tokens=1024, messages=[{"role": "user", "content": "Is all well?"}]
    ) as stream:
        for _ in stream.text_stream:
            pass


ask()
midstream.AnthropicInstrumentor().instrument()
ask()
