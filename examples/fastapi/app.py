"""A service that streams Claude's responses to browsers, and reports when a response breaks off."""

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from random import random
from typing import Any

import anthropic
from anthropic.types import RawMessageStreamEvent
from fastapi import FastAPI, HTTPException
from fastapi.responses import FileResponse, StreamingResponse
from opentelemetry import metrics, trace
from opentelemetry._logs import get_logger_provider
from starlette.types import Receive, Scope, Send

import midstream

MODEL = "claude-sonnet-5"
ATTEMPTS, LONGEST_PAUSE = 3, 10

Stream = anthropic.AsyncStream[RawMessageStreamEvent]


@asynccontextmanager
async def lifespan(_app: FastAPI) -> AsyncGenerator[None]:
    """Export the rest at the end: SIGTERM ends uvicorn without exit handlers."""
    yield
    providers: tuple[Any, ...] = (trace.get_tracer_provider(), metrics.get_meter_provider(), get_logger_provider())
    for provider in providers:
        provider.force_flush()


app = FastAPI(lifespan=lifespan)
claude = anthropic.AsyncAnthropic()


@app.get("/")
async def page() -> FileResponse:
    """The page that shows a response as it arrives."""
    return FileResponse(Path(__file__).with_name("index.html"))


@app.get("/answer")
async def answer(question: str) -> StreamingResponse:
    """The response as server-sent events: `text`, `restart` (discard the text), and at the end `done` or `failed`."""
    try:
        stream = await asked(question)
    except anthropic.APIError as error:  # nothing is sent yet, so the status can report it
        raise HTTPException(503 if midstream.classify(error).retryable else 502) from error
    return Answer(question, stream)


async def asked(question: str) -> Stream:
    """Claude's stream."""
    return await claude.messages.create(
        model=MODEL, max_tokens=1024, messages=[{"role": "user", "content": question}], stream=True
    )


class Answer(StreamingResponse):
    """Forwards Claude's stream until the browser disconnects."""

    def __init__(self, question: str, stream: Stream) -> None:
        super().__init__(events(self), media_type="text/event-stream", headers={"Cache-Control": "no-store"})
        self.question, self.stream, self.has_left = question, stream, False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Close the stream at the end, even if it was not read."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            await self.stream.close()

    async def listen_for_disconnect(self, receive: Receive) -> None:
        """Close the stream when the browser disconnects. Starlette would only cancel the reader."""
        await super().listen_for_disconnect(receive)
        self.has_left = True
        await self.stream.close()


async def events(answer: "Answer") -> AsyncGenerator[str]:
    """A response as events of this service. What broke off starts over, after a pause."""
    for attempt in range(1, ATTEMPTS + 1):
        last = None
        try:
            if attempt > 1:
                answer.stream = await asked(answer.question)
            async for event in answer.stream:
                last = event.type
                if event.type == "content_block_delta" and event.delta.type == "text_delta":
                    yield sse("text", event.delta.text)
            if last != "message_stop":
                raise midstream.StreamTruncatedError  # the SDK raises nothing for half a response
        except Exception as error:  # also after listen_for_disconnect has closed the stream, where no retry is wanted
            failure = midstream.classify(error)
            pause = (failure.retry_after or 0) + 2**attempt * random() / 4  # noqa: S311 - spreads retries
            if attempt == ATTEMPTS or answer.has_left or not failure.retryable or pause > LONGEST_PAUSE:
                yield sse("failed", {"retryable": failure.retryable})
                return
        else:
            yield sse("done", {})
            return
        await asyncio.sleep(pause)
        yield sse("restart", {})


def sse(name: str, data: object) -> str:
    """A server-sent event."""
    return f"event: {name}\ndata: {json.dumps(data)}\n\n"
