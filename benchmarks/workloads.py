"""The calls that are measured, sync and async."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import anthropic
from anthropic import Anthropic, AsyncAnthropic
from server import SHORTEST, request_for
from subjects import async_client, client

FLAVORS: Final = ("sync", "async")


@dataclass(frozen=True)
class Workload:
    """A call of the SDK, and the reading of its answer."""

    flavor: str
    """`sync` or `async`."""
    style: str
    """A key of `_SYNC` and `_ASYNC`."""
    prompt: str
    fails: bool = False

    @contextmanager
    def expected(self) -> Generator[None]:
        """Fails unless the block raises an `APIStatusError` exactly if the call `fails`."""
        try:
            yield
        except anthropic.APIStatusError:
            if not self.fails:
                raise
        else:
            assert not self.fails, "the call did not fail, so another path would be measured"  # noqa: S101


_CALLS: Final[Mapping[str, tuple[str, str, bool]]] = {
    "call": ("call", "whole", False),
    "call refused": ("call", "refused 529", True),
    "stream": ("stream", f"together {SHORTEST}", False),
    "stream failing after 4 events": ("stream", "failing 4", True),
}

CALLS: Final[Mapping[str, Workload]] = {
    f"{name}, {flavor}": Workload(flavor, *call) for flavor in FLAVORS for name, call in _CALLS.items()
}
"""By name. A stream has nine events unless it fails."""


def no_end() -> None:
    """For calls after which nothing is done."""


def run(workload: Workload, times: int, server: Any, then: Callable[[], None] = no_end) -> float:
    """The CPU seconds of `times` calls of a new client, after one to warm up. `then` is called after each call."""
    if workload.flavor == "sync":
        return _run(workload, times, server, then)
    return asyncio.run(_async_run(workload, times, server, then))


def _run(workload: Workload, times: int, server: Any, then: Callable[[], None]) -> float:
    do, request = _SYNC[workload.style], request_for(workload.prompt)
    started = 0.0
    with client(server) as made:
        for number in range(times + 1):
            if number == 1:
                started = time.process_time()
            with workload.expected():
                do(made, request)
            then()
        return time.process_time() - started


async def _async_run(workload: Workload, times: int, server: Any, then: Callable[[], None]) -> float:
    do, request = _ASYNC[workload.style], request_for(workload.prompt)
    started = 0.0
    async with async_client(server) as made:
        for number in range(times + 1):
            if number == 1:
                started = time.process_time()
            with workload.expected():
                await do(made, request)
            then()
        return time.process_time() - started


def _stream(client: Anthropic, request: dict[str, Any]) -> None:
    for _ in client.messages.create(**request, stream=True):
        pass


async def _async_stream(client: AsyncAnthropic, request: dict[str, Any]) -> None:
    async for _ in await client.messages.create(**request, stream=True):
        pass


def _call(client: Any, request: dict[str, Any]) -> Any:
    return client.messages.create(**request)


_SYNC: Final[Mapping[str, Callable[[Anthropic, dict[str, Any]], object]]] = {
    "call": _call,
    "stream": _stream,
}
_ASYNC: Final[Mapping[str, Callable[[AsyncAnthropic, dict[str, Any]], Awaitable[object]]]] = {
    "call": _call,
    "stream": _async_stream,
}
