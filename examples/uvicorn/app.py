"""A service under uvicorn that calls Claude, and exports its last telemetry on SIGTERM."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import anthropic
from opentelemetry import metrics, trace
from opentelemetry._logs import get_logger_provider

MODEL = "claude-sonnet-5"

Message = MutableMapping[str, Any]

claude = anthropic.AsyncAnthropic()


async def app(scope: Message, receive: Callable[[], Awaitable[Message]], send: Callable[..., Awaitable[None]]) -> None:
    """Answer a request, or run the lifespan of the server."""
    if scope["type"] == "lifespan":
        await lifespan(receive, send)
        return
    async with claude.messages.stream(
        model=MODEL, max_tokens=1024, messages=[{"role": "user", "content": "Is all well?"}]
    ) as stream:
        text = await stream.get_final_text()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": text.encode()})


async def lifespan(receive: Callable[[], Awaitable[Message]], send: Callable[..., Awaitable[None]]) -> None:
    """Export the rest after the last request: uvicorn ends with the signal, without exit handlers."""
    while (message := await receive())["type"] != "lifespan.shutdown":
        await send({"type": f"{message['type']}.complete"})
    providers: tuple[Any, ...] = (trace.get_tracer_provider(), metrics.get_meter_provider(), get_logger_provider())
    for provider in providers:
        provider.force_flush()
    await send({"type": "lifespan.shutdown.complete"})
