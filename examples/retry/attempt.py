"""An attempt at a response, and what a retry needs."""

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
"""The maximum wait between two attempts, in seconds: a user is waiting for the response."""

SILENCE: Final = 60.0
"""The read timeout of a stream in seconds. The SDK's default is ten minutes."""

CONTINUE: Final = "Your answer broke off. Continue it exactly where it stopped, without a word about this."


class Restart:
    """A piece of a response: it starts over, so discard what was shown."""


Piece: TypeAlias = "str | Restart"


def stream(client: Anthropic, messages: Messages) -> Generator[str]:
    """The text of a response in pieces, as they arrive. Raises if the response does not reach its end."""
    last = None
    with client.messages.stream(model=MODEL, max_tokens=1024, messages=messages) as events:
        for event in events:
            if event.type == "text":
                yield event.text
            last = event.type
    if last != "message_stop":
        raise StreamTruncatedError  # the SDK raises nothing for half a response


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
    """Whether a retry can succeed, within the maximum wait."""
    return failure.retryable and (failure.retry_after or 0) <= LONGEST_WAIT


def continued(messages: Messages, shown: str) -> Messages:
    """The messages that request the rest of a response after `shown`; all of it if nothing has arrived.

    Opus 4.6, Sonnet 4.6 and later models refuse a request that ends with a turn of the assistant. So the last turn is
    the user's.
    """
    if not shown:
        return messages
    return [*messages, {"role": "assistant", "content": shown}, {"role": "user", "content": CONTINUE}]


def main(
    answer: Callable[[Anthropic, Messages], Iterable[Piece]],
    answer_async: Callable[[AsyncAnthropic, Messages], AsyncGenerator[Piece]],
) -> None:
    """Makes a sync and an async call, and prints the responses as they arrive."""
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
