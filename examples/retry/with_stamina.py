"""Retries with stamina."""

from __future__ import annotations

from contextlib import aclosing
from functools import partial
from random import random
from typing import TYPE_CHECKING

import stamina

from attempt import ATTEMPTS, Restart, continued, main, stream, stream_async, worth_a_retry
from midstream import classify

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator

    from anthropic import Anthropic, AsyncAnthropic

    from attempt import Messages, Piece


def again(error: Exception) -> bool | float:
    """Whether stamina retries. A number is the wait in seconds."""
    failure = classify(error)
    if failure.retry_after and worth_a_retry(failure):
        return failure.retry_after + random()  # noqa: S311 - not a secret: it spreads the clients
    return worth_a_retry(failure)


# timeout=None: stamina's 45 seconds would count the time that an answer takes to arrive.
attempts = partial(stamina.retry_context, again, ATTEMPTS, timeout=None)


def answer(client: Anthropic, messages: Messages, *, resume: bool = False, pause: float = 0.5) -> Generator[Piece]:
    """A response in pieces, as they arrive, with retries.

    After a failure, `resume` requests the rest; otherwise the response starts over, after a `Restart`.
    """
    shown = ""
    for attempt in attempts(wait_initial=pause, wait_jitter=pause):
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
    async for attempt in attempts(wait_initial=pause, wait_jitter=pause):
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
