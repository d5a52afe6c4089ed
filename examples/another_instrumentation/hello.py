"""OpenLLMetry makes the spans, as before; midstream adds metrics and log events, and no second span."""

import os

import anthropic
from opentelemetry.instrumentation.anthropic import AnthropicInstrumentor

import midstream

MODEL = os.environ.get("MODEL", "claude-sonnet-5")

AnthropicInstrumentor().instrument()
midstream.AnthropicInstrumentor().instrument(spans=False)

# open_telemetry=False: from 1.14 on, the SDK makes a span of its own, which would be a second one, too.
with anthropic.Anthropic(open_telemetry=False).messages.stream(
    model=MODEL, max_tokens=1024, messages=[{"role": "user", "content": "Is all well?"}]
) as stream:
    for text in stream.text_stream:
        print(text, end="", flush=True)
print()
