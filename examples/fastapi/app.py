"""A service that streams Claude's answers to browsers, and tells them when an answer breaks off."""

import json
import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anthropic
from anthropic.types import RawMessageStreamEvent
from fastapi import FastAPI, HTTPException
from fastapi.responses import FileResponse, StreamingResponse
from opentelemetry import metrics, trace
from opentelemetry._logs import get_logger_provider
from starlette.types import Receive, Scope, Send

import midstream

MODEL = os.environ.get("MODEL", "claude-sonnet-5")

Stream = anthropic.AsyncStream[RawMessageStreamEvent]


@asynccontextmanager
async def lifespan(_app: FastAPI) -> AsyncGenerator[None]:
    """Export what is left at the end: SIGTERM ends uvicorn before any exit handler runs."""
    yield
    providers: tuple[Any, ...] = (trace.get_tracer_provider(), metrics.get_meter_provider(), get_logger_provider())
    for provider in providers:
        provider.force_flush()


app = FastAPI(lifespan=lifespan)
claude = anthropic.AsyncAnthropic()


@app.get("/")
async def page() -> FileResponse:
    """The page that shows an answer as it comes."""
    return FileResponse(Path(__file__).with_name("index.html"))


@app.get("/answer")
async def answer(question: str) -> StreamingResponse:
    """The answer as server-sent events: `text`, and in the end `done` or `failed`."""
    try:
        stream = await claude.messages.create(
            model=MODEL, max_tokens=1024, messages=[{"role": "user", "content": question}], stream=True
        )
    except anthropic.APIError as error:  # nothing is sent yet, so that the status can tell it
        raise HTTPException(503 if midstream.classify(error).retryable else 502) from error
    return Answer(stream)


class Answer(StreamingResponse):
    """What comes from Claude, for as long as the browser is there, and no longer."""

    def __init__(self, stream: Stream) -> None:
        super().__init__(events(stream), media_type="text/event-stream", headers={"Cache-Control": "no-store"})
        self.stream = stream

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Close the stream in the end, even if nobody has read it."""
        async with self.stream:
            await super().__call__(scope, receive, send)

    async def listen_for_disconnect(self, receive: Receive) -> None:
        """Close the stream when the browser goes. Starlette would only cancel who reads it."""
        await super().listen_for_disconnect(receive)
        await self.stream.close()


async def events(stream: Stream) -> AsyncGenerator[str]:
    """An answer in the service's own events."""
    last = None
    try:
        async for event in stream:
            last = event.type
            if event.type == "content_block_delta" and event.delta.type == "text_delta":
                yield sse("text", event.delta.text)
        if last != "message_stop":
            raise midstream.StreamTruncatedError  # the SDK is content with half an answer
    except Exception as error:  # also when we have closed it: then nobody is there to be told
        yield sse("failed", {"retryable": midstream.classify(error).retryable})
    else:
        yield sse("done", {})


def sse(name: str, data: object) -> str:
    """One server-sent event."""
    return f"event: {name}\ndata: {json.dumps(data)}\n\n"
