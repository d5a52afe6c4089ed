"""The baselines of the examples: the usual ladder of `except` clauses, and a retry of everything."""

from __future__ import annotations

import asyncio
import time
from contextlib import aclosing
from itertools import count
from typing import TYPE_CHECKING

from anthropic import APIConnectionError, APIStatusError, RateLimitError

from attempt import ATTEMPTS, MODEL

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Generator

    from anthropic import Anthropic, AsyncAnthropic

    from attempt import Messages

SERVER_ERROR = 500


def stream(client: Anthropic, messages: Messages) -> Generator[str]:
    """The text of a response in pieces, as they arrive."""
    with client.messages.stream(model=MODEL, max_tokens=1024, messages=messages) as events:
        yield from events.text_stream


async def stream_async(client: AsyncAnthropic, messages: Messages) -> AsyncGenerator[str]:
    """The same, for an async client."""
    async with client.messages.stream(model=MODEL, max_tokens=1024, messages=messages) as events:
        async for text in events.text_stream:
            yield text


def by_status(error: Exception) -> bool:
    """What most code retries."""
    if isinstance(error, (APIConnectionError, RateLimitError)):
        return True
    return isinstance(error, APIStatusError) and error.status_code >= SERVER_ERROR


def everything(_error: Exception) -> bool:
    """Retries everything."""
    return True


def answer(
    client: Anthropic, messages: Messages, worth_a_retry: Callable[[Exception], bool], *, pause: float = 0.5
) -> Generator[str]:
    """A response in pieces, with retries."""
    for number in count(1):
        try:
            yield from stream(client, messages)
        except Exception as error:
            if number == ATTEMPTS or not worth_a_retry(error):
                raise
        else:
            return
        time.sleep(pause)


async def answer_async(
    client: AsyncAnthropic, messages: Messages, worth_a_retry: Callable[[Exception], bool], *, pause: float = 0.5
) -> AsyncGenerator[str]:
    """The same, for an async client."""
    for number in count(1):
        try:
            async with aclosing(stream_async(client, messages)) as texts:
                async for text in texts:
                    yield text
        except Exception as error:
            if number == ATTEMPTS or not worth_a_retry(error):
                raise
        else:
            return
        await asyncio.sleep(pause)
