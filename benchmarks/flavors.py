"""Ways to call the SDK, sync and async, and how long they take in CPU time of this process."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

import anthropic
from clients import async_client, client
from server import MODEL

if TYPE_CHECKING:
    from anthropic import Anthropic, AsyncAnthropic

__all__ = ("FLAVORS", "Flavor", "Step", "Work", "asked")

Work = Callable[[Any], Any]
"""Does something once with a client of its flavor."""

Step = tuple[Work, int]
"""Work, and how often it is done."""


class Seconds(Protocol):
    """Does steps with one client for all, which has done each before, and returns what each takes."""

    def __call__(self, url: str, steps: Sequence[Step], transport: Any = None) -> list[float]:
        """With a `transport` of the HTTP client's, that answers instead of the network."""
        ...


def asked(prompt: str) -> dict[str, Any]:
    """The arguments of a request with which the server answers `prompt`."""
    return {"model": MODEL, "max_tokens": 1, "messages": [{"role": "user", "content": prompt}]}


@dataclass(frozen=True)
class Flavor:
    """Sync or async. The ways to call take a prompt; `failing` takes a way and lets it fail, as it must."""

    name: str
    call: Callable[[str], Work]
    create: Callable[[str], Work]
    helper: Callable[[str], Work]
    failing: Callable[[Work], Work]
    ending: Callable[[Work, Callable[[], None]], Work]
    """Takes a way, and what is to be done each time it has come to its end."""
    seconds: Seconds
    """What each step takes."""


def _call(prompt: str) -> Work:
    def work(client: Anthropic) -> None:
        client.messages.create(**asked(prompt))

    return work


def _create(prompt: str) -> Work:
    def work(client: Anthropic) -> None:
        for _ in client.messages.create(**asked(prompt), stream=True):
            pass

    return work


def _helper(prompt: str) -> Work:
    def work(client: Anthropic) -> None:
        with client.messages.stream(**asked(prompt)) as stream:
            for _ in stream:
                pass

    return work


def _failing(work: Work) -> Work:
    def fail(client: Anthropic) -> None:
        try:
            work(client)
        except anthropic.APIStatusError:
            return
        raise AssertionError(_NO_FAILURE)

    return fail


def _ending(work: Work, then: Callable[[], None]) -> Work:
    def end(client: Anthropic) -> None:
        work(client)
        then()

    return end


def _seconds(url: str, steps: Sequence[Step], transport: Any = None) -> list[float]:
    told: list[float] = []
    with client(url, transport) as one:
        for work, times in [*((work, 1) for work, _ in steps), *steps]:
            started = time.process_time()
            for _ in range(times):
                work(one)
            told.append(time.process_time() - started)
    return told[len(steps) :]


def _async_call(prompt: str) -> Work:
    async def work(client: AsyncAnthropic) -> None:
        await client.messages.create(**asked(prompt))

    return work


def _async_create(prompt: str) -> Work:
    async def work(client: AsyncAnthropic) -> None:
        async for _ in await client.messages.create(**asked(prompt), stream=True):
            pass

    return work


def _async_helper(prompt: str) -> Work:
    async def work(client: AsyncAnthropic) -> None:
        async with client.messages.stream(**asked(prompt)) as stream:
            async for _ in stream:
                pass

    return work


def _async_failing(work: Callable[[Any], Awaitable[Any]]) -> Work:
    async def fail(client: AsyncAnthropic) -> None:
        try:
            await work(client)
        except anthropic.APIStatusError:
            return
        raise AssertionError(_NO_FAILURE)

    return fail


def _async_ending(work: Callable[[Any], Awaitable[Any]], then: Callable[[], None]) -> Work:
    async def end(client: AsyncAnthropic) -> None:
        await work(client)
        then()

    return end


def _async_seconds(url: str, steps: Sequence[Step], transport: Any = None) -> list[float]:
    async def run() -> list[float]:
        told: list[float] = []
        async with async_client(url, transport) as one:
            for work, times in [*((work, 1) for work, _ in steps), *steps]:
                started = time.process_time()
                for _ in range(times):
                    await work(one)
                told.append(time.process_time() - started)
        return told[len(steps) :]

    return asyncio.run(run())


_NO_FAILURE: Final = "a call that was to fail did not: what is measured is something else"

FLAVORS: Final = (
    Flavor("sync", _call, _create, _helper, _failing, _ending, _seconds),
    Flavor("async", _async_call, _async_create, _async_helper, _async_failing, _async_ending, _async_seconds),
)
