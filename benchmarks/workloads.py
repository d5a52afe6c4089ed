"""The calls that are measured, sync and async."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import anthropic
from server import SHORTEST, request_for
from subjects import async_client, client

FLAVORS: Final = ("sync", "async")


@dataclass(frozen=True)
class Workload:
    """A call of the SDK, and the reading of its answer."""

    flavor: str
    """`sync` or `async`."""
    prompt: str
    streamed: bool = False
    fails: bool = False

    @property
    def request(self) -> dict[str, Any]:
        """The arguments of the call."""
        return {**request_for(self.prompt), **({"stream": True} if self.streamed else {})}

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


_CALLS: Final[Mapping[str, tuple[str, bool, bool]]] = {
    "call": ("whole", False, False),
    "call refused": ("refused 529", False, True),
    "stream": (f"together {SHORTEST}", True, False),
    "stream failing after 4 events": ("failing 4", True, True),
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
    request, started = workload.request, 0.0
    with client(server) as made:
        create: Any = made.messages.create
        for number in range(times + 1):
            if number == 1:
                started = time.process_time()
            with workload.expected():
                answer = create(**request)
                if workload.streamed:
                    for _ in answer:
                        pass
            then()
        return time.process_time() - started


async def _async_run(workload: Workload, times: int, server: Any, then: Callable[[], None]) -> float:
    request, started = workload.request, 0.0
    async with async_client(server) as made:
        create: Any = made.messages.create
        for number in range(times + 1):
            if number == 1:
                started = time.process_time()
            with workload.expected():
                answer = await create(**request)
                if workload.streamed:
                    async for _ in answer:
                        pass
            then()
        return time.process_time() - started
