"""Retries with tenacity."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from tenacity import (
    AsyncRetrying,
    Retrying,
    retry_if_exception,
    stop_after_attempt,
    wait_exception,
    wait_random_exponential,
)

from attempt import ATTEMPTS, Restart, continued, main, stream, stream_async, worth_a_retry
from midstream import classify

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator

    from anthropic import Anthropic, AsyncAnthropic

    from attempt import Messages, Piece


def rules(pause: float) -> dict[str, Any]:
    """What tenacity retries, when, and how often."""
    as_asked = wait_exception(lambda error: classify(error).retry_after or 0)
    return {
        "retry": retry_if_exception(lambda error: worth_a_retry(classify(error))),
        "wait": as_asked + wait_random_exponential(pause, max=30),
        "stop": stop_after_attempt(ATTEMPTS),
        "reraise": True,  # the exception, and no RetryError around it
    }


def answer(client: Anthropic, messages: Messages, *, resume: bool = False, pause: float = 0.5) -> Generator[Piece]:
    """A response in pieces, as they arrive, with retries.

    After a failure, `resume` requests the rest; otherwise the response starts over, after a `Restart`.
    """
    shown = ""
    for attempt in Retrying(**rules(pause)):
        with attempt:
            if shown and not resume:
                shown = ""
                yield Restart()
            for text in stream(client, continued(messages, shown)):
                shown += text
                yield text


async def answer_async(
    client: AsyncAnthropic, messages: Messages, *, resume: bool = False, pause: float = 0.5
) -> AsyncGenerator[Piece]:
    """The same, for an async client."""
    shown = ""
    async for attempt in AsyncRetrying(**rules(pause)):
        with attempt:
            if shown and not resume:
                shown = ""
                yield Restart()
            async with aclosing(stream_async(client, continued(messages, shown))) as texts:
                async for text in texts:
                    shown += text
                    yield text


if __name__ == "__main__":
    main(answer, answer_async)
