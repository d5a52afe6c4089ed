"""Calls that go on and on: mostly whole answers, and some of each fault."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from itertools import cycle
from threading import Thread
from typing import TYPE_CHECKING, Final

from midstream._cli.clients import async_client
from midstream._cli.console.caught import Caught
from midstream._cli.demo.call_styles import (
    batch_results,
    begun_and_cancelled,
    begun_and_left,
    count_tokens,
    not_streamed,
    streamed,
)
from midstream.faults import EXAMPLES, parse

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from types import TracebackType

    from anthropic import AsyncAnthropic

    from midstream._cli.demo.call_styles import Way
    from midstream.faults import Scenario


CALLS_PER_SECOND: Final = 10


@dataclass(frozen=True)
class Plan:
    """One call: what for, and in which way."""

    scenario: Scenario
    way: Way


def only(scenarios: Iterable[Scenario]) -> tuple[Plan, ...]:
    """Streamed messages for each of `scenarios`."""
    return tuple(Plan(scenario, streamed) for scenario in scenarios)


_HEALTHY: Final = (
    Plan(parse("ok"), streamed),
    Plan(parse("ok:40"), streamed),
    Plan(parse("tool_use"), streamed),
    Plan(parse("ok"), not_streamed),
    Plan(parse("thinking"), streamed),
    Plan(parse("ok"), count_tokens),
    Plan(parse("slow:10"), streamed),
    Plan(parse("ok"), batch_results),
    Plan(parse("ok:40"), streamed),
)
"""What is called for between two of `_SINGULAR`."""


_SINGULAR: Final = (
    Plan(parse("slow"), begun_and_left),
    Plan(parse("slow"), begun_and_cancelled),
    *only(parse(model) for model in EXAMPLES if parse(model).expectation.outcome.is_failure or ":" in model),
)
"""The answers that the application does not want to their end, those that need retries or time, and every fault."""

_APART: Final = 6
"""As the examples have them, the faults of a kind come one after the other. The traffic has others between them."""

MIXED: Final = tuple(plan for first in range(_APART) for one in _SINGULAR[first::_APART] for plan in (*_HEALTHY, one))
"""A bit of everything that there is to be seen."""


class Traffic:
    """Calls the server at `url` steadily, from its entry to its exit as a context manager.

    `plans` are its calls, which begin again after the last. There must be one at least.
    """

    def __init__(self, url: str, plans: Sequence[Plan]) -> None:
        self._url = url
        self._plans = plans
        self._loop = asyncio.new_event_loop()
        self._stopping = asyncio.Event()
        self._thread = Thread(target=self._run, name="midstream-traffic", daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Ends the calls that are under way, and waits for that."""
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join()
        self._loop.close()

    def _run(self) -> None:
        self._loop.run_until_complete(self._flow())

    async def _flow(self) -> None:
        stopping = asyncio.ensure_future(self._stopping.wait())
        calls: set[asyncio.Task[None]] = set()
        async with async_client(self._url) as client:
            for plan in cycle(self._plans):
                call = asyncio.ensure_future(_call(client, plan))
                calls.add(call)
                call.add_done_callback(calls.discard)
                await asyncio.wait((stopping,), timeout=1 / CALLS_PER_SECOND)
                if stopping.done():
                    break
            under_way = tuple(calls)
            for call in under_way:
                call.cancel()
            await asyncio.gather(*under_way, return_exceptions=True)


async def _call(client: AsyncAnthropic, plan: Plan) -> None:
    with Caught():
        await plan.way(client, plan.scenario)
