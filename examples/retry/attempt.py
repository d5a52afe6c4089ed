"""One attempt at an answer, and what is needed to make another one of it."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING, Final, TypeAlias

from anthropic import Anthropic, AsyncAnthropic

from midstream import Failure, StreamTruncatedError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Generator, Iterable, Sequence

    from anthropic.types import MessageParam

    Messages: TypeAlias = Sequence[MessageParam]

MODEL: Final = "claude-sonnet-5"
QUESTION: Final[Messages] = ({"role": "user", "content": "Is all well?"},)

ATTEMPTS: Final = 4
LONGEST_WAIT: Final = 60.0
"""Seconds that somebody who waits for the answer has patience for, between two attempts."""

SILENCE: Final = 60.0
"""Seconds without a byte after which a stream is given up. The SDK waits for ten minutes."""

CONTINUE: Final = "Your answer broke off. Continue it exactly where it stopped, without a word about this."


class Restart:
    """Among the pieces of an answer: what was shown so far is void, for the answer begins anew."""


Piece: TypeAlias = "str | Restart"


def stream(client: Anthropic, messages: Messages) -> Generator[str]:
    """The text of an answer in pieces, as they arrive. Raises unless the answer has come to its end."""
    last = None
    with client.messages.stream(model=MODEL, max_tokens=1024, messages=messages) as events:
        for event in events:
            if event.type == "text":
                yield event.text
            last = event.type
    if last != "message_stop":
        raise StreamTruncatedError  # the SDK is content with half an answer


async def stream_async(client: AsyncAnthropic, messages: Messages) -> AsyncGenerator[str]:
    """The same, for an async client."""
    last = None
    async with client.messages.stream(model=MODEL, max_tokens=1024, messages=messages) as events:
        async for event in events:
            if event.type == "text":
                yield event.text
            last = event.type
    if last != "message_stop":
        raise StreamTruncatedError


def worth_a_retry(failure: Failure) -> bool:
    """Whether the same request may succeed, and before whoever waits for it has gone."""
    return failure.retryable and (failure.retry_after or 0) <= LONGEST_WAIT


def continued(messages: Messages, shown: str) -> Messages:
    """What to ask for the rest of an answer of which `shown` has arrived; for all of it, if nothing has.

    The models from Opus 4.6 and Sonnet 4.6 on refuse a request that ends with a turn of the assistant's. So the last
    word is the user's.
    """
    if not shown:
        return messages
    return [*messages, {"role": "assistant", "content": shown}, {"role": "user", "content": CONTINUE}]


def main(
    answer: Callable[[Anthropic, Messages], Iterable[Piece]],
    answer_async: Callable[[AsyncAnthropic, Messages], AsyncGenerator[Piece]],
) -> None:
    """Asks in both ways, and prints the answers as they arrive."""
    # max_retries=0: the SDK's own retries would multiply with ours.
    for piece in answer(Anthropic(max_retries=0, timeout=SILENCE), QUESTION):
        _show(piece)
    print()

    async def run() -> None:
        async with aclosing(answer_async(AsyncAnthropic(max_retries=0, timeout=SILENCE), QUESTION)) as pieces:
            async for piece in pieces:
                _show(piece)

    asyncio.run(run())
    print()


def _show(piece: Piece) -> None:
    print("\n[it broke off; from the beginning]\n" if isinstance(piece, Restart) else piece, end="", flush=True)
