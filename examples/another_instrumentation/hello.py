"""OpenLLMetry makes the spans; midstream adds metrics and log events, without a second span."""

import anthropic
from opentelemetry.instrumentation.anthropic import AnthropicInstrumentor

import midstream

MODEL = "claude-sonnet-5"

AnthropicInstrumentor().instrument()
midstream.AnthropicInstrumentor().instrument(spans=False)

# open_telemetry=False: from 1.14 on, the SDK makes spans, too.
with anthropic.Anthropic(open_telemetry=False).messages.stream(
    model=MODEL, max_tokens=1024, messages=[{"role": "user", "content": "Is all well?"}]
) as stream:
    for text in stream.text_stream:
        print(text, end="", flush=True)
print()
