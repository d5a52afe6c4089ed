"""Ask Claude something and print the answer as it comes. Nothing here knows of midstream, or of OpenTelemetry."""

import os

import anthropic

MODEL = os.environ.get("MODEL", "claude-sonnet-5")

with anthropic.Anthropic().messages.stream(
    model=MODEL, max_tokens=1024, messages=[{"role": "user", "content": "Is all well?"}]
) as stream:
    for text in stream.text_stream:
        print(text, end="", flush=True)
print()
