"""Retries with a plain loop."""

from __future__ import annotations

import asyncio
import time
from contextlib import aclosing
from itertools import count
from random import random
from typing import TYPE_CHECKING

from attempt import ATTEMPTS, Restart, continued, main, stream, stream_async, worth_a_retry
from midstream import classify

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator

    from anthropic import Anthropic, AsyncAnthropic

    from attempt import Messages, Piece
    from midstream import Failure


def answer(client: Anthropic, messages: Messages, *, resume: bool = False, pause: float = 0.5) -> Generator[Piece]:
    """A response in pieces, as they arrive, with retries.

    After a failure, `resume` requests the rest; otherwise the response starts over, after a `Restart`.
    """
    shown = ""
    for number in count(1):
        try:
            for text in stream(client, continued(messages, shown)):
                shown += text
                yield text
        except Exception as error:
            failure = classify(error)
            if number == ATTEMPTS or not worth_a_retry(failure):
                raise
        else:
            return
        time.sleep(wait(failure, number, pause))
        if shown and not resume:
            shown = ""
            yield Restart()


async def answer_async(
    client: AsyncAnthropic, messages: Messages, *, resume: bool = False, pause: float = 0.5
) -> AsyncGenerator[Piece]:
    """The same, for an async client."""
    shown = ""
    for number in count(1):
        try:
            async with aclosing(stream_async(client, continued(messages, shown))) as texts:
                async for text in texts:
                    shown += text
                    yield text
        except Exception as error:
            failure = classify(error)
            if number == ATTEMPTS or not worth_a_retry(failure):
                raise
        else:
            return
        await asyncio.sleep(wait(failure, number, pause))
        if shown and not resume:
            shown = ""
            yield Restart()


def wait(failure: Failure, number: int, pause: float) -> float:
    """The seconds to wait after the `number`-th attempt: the server's `retry-after`, and a random part."""
    return (failure.retry_after or 0) + pause * 2.0 ** (number - 1) * (0.5 + random() / 2)  # noqa: S311 - no secret


if __name__ == "__main__":
    main(answer, answer_async)
