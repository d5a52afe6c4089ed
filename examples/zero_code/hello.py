"""Print a response of Claude as it arrives, without any code of midstream or OpenTelemetry."""

import anthropic

MODEL = "claude-sonnet-5"

with anthropic.Anthropic().messages.stream(
    model=MODEL, max_tokens=1024, messages=[{"role": "user", "content": "Is all well?"}]
) as stream:
    for text in stream.text_stream:
        print(text, end="", flush=True)
print()
