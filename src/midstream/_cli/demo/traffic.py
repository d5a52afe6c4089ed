"""A steady flow of calls: most of them succeed, and every fault occurs."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import cycle
from threading import Thread
from typing import Final

from anthropic import AsyncAnthropic

from midstream._cli.clients import async_client
from midstream._cli.demo.call_styles import (
    CallStyle,
    abandoned,
    batch_results,
    cancelled,
    count_tokens,
    not_streamed,
    streamed,
)
from midstream.faults import EXAMPLES, Scenario, parse

CALLS_PER_SECOND: Final = 10


@dataclass(frozen=True)
class PlannedCall:
    """One call of the traffic."""

    scenario: Scenario
    style: CallStyle

    async def make(self, client: AsyncAnthropic) -> None:
        """Makes the call. What the SDK raises is for midstream to record."""
        with suppress(Exception):
            await self.style(client, self.scenario)


def streams(scenarios: Iterable[Scenario]) -> tuple[PlannedCall, ...]:
    """A streamed message for each of `scenarios`."""
    return tuple(PlannedCall(scenario, streamed) for scenario in scenarios)


_HEALTHY: Final = (
    PlannedCall(parse("ok"), streamed),
    PlannedCall(parse("ok:40"), streamed),
    PlannedCall(parse("tool_use"), streamed),
    PlannedCall(parse("ok"), not_streamed),
    PlannedCall(parse("thinking"), streamed),
    PlannedCall(parse("ok"), count_tokens),
    PlannedCall(parse("slow:10"), streamed),
    PlannedCall(parse("ok"), batch_results),
    PlannedCall(parse("ok:40"), streamed),
)
"""The calls between two of `_RARE`."""

_RARE: Final = (
    PlannedCall(parse("slow"), abandoned),
    PlannedCall(parse("slow"), cancelled),
    *streams(parse(model) for model in EXAMPLES if parse(model).expectation.outcome.is_failure or ":" in model),
)
"""The calls that the application ends, those that need retries or time, and every fault."""

_STRIDE: Final = 6  # in EXAMPLES faults of one kind follow each other; here other calls come between them

MIXED: Final = tuple(call for first in range(_STRIDE) for rare in _RARE[first::_STRIDE] for call in (*_HEALTHY, rare))
"""Some of everything."""


class Traffic:
    """A context manager that calls the server at `url` steadily: `calls`, at least one, over and over."""

    def __init__(self, url: str, calls: Sequence[PlannedCall]) -> None:
        self._url = url
        self._calls = calls
        self._loop = asyncio.new_event_loop()
        self._stopping = asyncio.Event()
        self._thread = Thread(target=self._run, name="midstream-traffic", daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        """Cancels the calls that are running, and waits for their end."""
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join()
        self._loop.close()

    def _run(self) -> None:
        self._loop.run_until_complete(self._flow())

    async def _flow(self) -> None:
        stopping = asyncio.ensure_future(self._stopping.wait())
        running: set[asyncio.Task[None]] = set()
        async with async_client(self._url) as client:
            for call in cycle(self._calls):
                task = asyncio.ensure_future(call.make(client))
                running.add(task)
                task.add_done_callback(running.discard)
                await asyncio.wait((stopping,), timeout=1 / CALLS_PER_SECOND)
                if stopping.done():
                    break
            remaining = tuple(running)
            for task in remaining:
                task.cancel()
            await asyncio.gather(*remaining, return_exceptions=True)
