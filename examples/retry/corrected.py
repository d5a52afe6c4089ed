"""Retries by the exception's class, which corrected errors make right: tenacity, stamina, or a plain `except`."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, ParamSpec, TypeVar

import stamina
import tenacity
from anthropic import (
    Anthropic,
    APIConnectionError,
    AsyncAnthropic,
    ConflictError,
    InternalServerError,
    RateLimitError,
    RequestTimeoutError,
)

from attempt import ATTEMPTS, MODEL, QUESTION, SILENCE
from midstream import corrected_errors

if TYPE_CHECKING:
    from collections.abc import Callable

    from attempt import Messages

    Arguments = ParamSpec("Arguments")
    Result = TypeVar("Result")

RETRIED: Final = (APIConnectionError, RateLimitError, InternalServerError, ConflictError, RequestTimeoutError)
"""What the SDK retries before the response: broken connections, 429, 500 and above, 409 and 408."""


def ask(client: Anthropic, messages: Messages) -> str:
    """The text of an answer, when all of it has arrived. Raises if it does not arrive whole."""
    with corrected_errors(), client.messages.stream(model=MODEL, max_tokens=1024, messages=messages) as events:
        return events.get_final_text()


async def ask_async(client: AsyncAnthropic, messages: Messages) -> str:
    """The same, for an async client."""
    with corrected_errors():
        async with client.messages.stream(model=MODEL, max_tokens=1024, messages=messages) as events:
            return await events.get_final_text()


def with_tenacity(function: Callable[Arguments, Result], *, pause: float = 0.5) -> Callable[Arguments, Result]:
    """`function`, sync or async, with retries by tenacity."""
    return tenacity.retry(
        retry=tenacity.retry_if_exception_type(RETRIED),
        wait=tenacity.wait_random_exponential(pause, max=30),
        stop=tenacity.stop_after_attempt(ATTEMPTS),
        reraise=True,
    )(function)


def with_stamina(function: Callable[Arguments, Result], *, pause: float = 0.5) -> Callable[Arguments, Result]:
    """`function`, sync or async, with retries by stamina."""
    return stamina.retry(on=RETRIED, attempts=ATTEMPTS, timeout=None, wait_initial=pause, wait_jitter=pause)(function)


if __name__ == "__main__":
    print(with_tenacity(ask)(Anthropic(max_retries=0, timeout=SILENCE), QUESTION))
    print(asyncio.run(with_stamina(ask_async)(AsyncAnthropic(max_retries=0, timeout=SILENCE), QUESTION)))
