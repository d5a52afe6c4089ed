"""Calls that go on and on: mostly whole answers, and some of each fault."""

from __future__ import annotations

import asyncio
from itertools import chain, cycle
from threading import Thread
from typing import TYPE_CHECKING, Final

from midstream.cli.clients import Caught, async_client, open_async_stream
from midstream.faults import EXAMPLES, parse

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

    from anthropic import AsyncAnthropic

    from midstream.faults import Scenario

__all__ = ("CALLS_PER_SECOND", "Traffic")

CALLS_PER_SECOND: Final = 10

_HEALTHY: Final = ("ok", "ok:40", "tool_use", "ok", "thinking", "ok:12", "slow:10", "ok", "ok:40")
"""What is asked for between two faults."""

_FAULTS: Final = tuple(model for model in EXAMPLES if parse(model).expectation.outcome.is_failure or ":" in model)


class Traffic:
    """Calls the server at `url` steadily, from its entry to its exit as a context manager."""

    def __init__(self, url: str) -> None:
        self._url = url
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
            for scenario in _endless():
                call = asyncio.ensure_future(_call(client, scenario))
                calls.add(call)
                call.add_done_callback(calls.discard)
                await asyncio.wait((stopping,), timeout=1 / CALLS_PER_SECOND)
                if stopping.done():
                    break
            under_way = tuple(calls)
            for call in under_way:
                call.cancel()
            await asyncio.gather(*under_way, return_exceptions=True)


async def _call(client: AsyncAnthropic, scenario: Scenario) -> None:
    with Caught():
        async for _event in await open_async_stream(client, scenario):
            pass


def _endless() -> Iterator[Scenario]:
    for fault in cycle(_FAULTS):
        yield from map(parse, chain(_HEALTHY, (fault,)))
