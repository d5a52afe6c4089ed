"""The ways in which the traffic of the demo calls the SDK. Each raises whatever the SDK raises."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from anthropic import AsyncAnthropic

from midstream._cli.clients import MAX_TOKENS, MESSAGES, for_scenario, open_async_stream
from midstream.faults import Scenario

CallStyle = Callable[[AsyncAnthropic, Scenario], Awaitable[None]]


async def streamed(client: AsyncAnthropic, scenario: Scenario) -> None:
    """Reads a streamed message to its end."""
    async with await open_async_stream(client, scenario) as stream:
        async for _event in stream:
            pass


async def abandoned(client: AsyncAnthropic, scenario: Scenario) -> None:
    """Closes a streamed message after its first event."""
    async with await open_async_stream(client, scenario) as stream:
        async for _event in stream:
            break


async def cancelled(client: AsyncAnthropic, scenario: Scenario) -> None:
    """Cancels its own task after the first event of a streamed message."""
    async for _event in await open_async_stream(client, scenario):
        task = asyncio.current_task()
        if task is not None:
            task.cancel()  # takes effect when it waits for the next event


async def not_streamed(client: AsyncAnthropic, scenario: Scenario) -> None:
    """Requests a message that is not streamed."""
    limited = for_scenario(client, scenario)
    await limited.messages.create(model=scenario.name, max_tokens=MAX_TOKENS, messages=MESSAGES)


async def count_tokens(client: AsyncAnthropic, scenario: Scenario) -> None:
    """Requests the number of tokens in a message."""
    await for_scenario(client, scenario).messages.count_tokens(model=scenario.name, messages=MESSAGES)


async def batch_results(client: AsyncAnthropic, scenario: Scenario) -> None:
    """Reads the results of a batch."""
    async for _result in await for_scenario(client, scenario).messages.batches.results(scenario.name):
        pass
