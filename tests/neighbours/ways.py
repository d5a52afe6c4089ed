"""How an application calls, and how it closes or drops a stream before its end."""

from __future__ import annotations

import gc
from contextvars import Context
from typing import TYPE_CHECKING, Any

import anyio

from support.clients import async_client, client
from support.styles import STYLES, Seen, Style, arguments, parsed, see, see_async

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

    from midstream.faults import FaultServer, Scenario
    from neighbours.peers import Peer

__all__ = ("LET_GO", "READ", "call")

READ = {
    name: STYLES[name]
    for name in (
        "create",
        "raw create",
        "create(stream=True) in a loop",
        "stream() events",
        "with_raw_response, parsed",
    )
}


def _close(client: Any, model: str, events: list[Any]) -> None:
    stream = client.messages.create(**arguments(model), stream=True)
    for event in stream:
        events.append(event)
        break
    stream.close()


async def _aclose(client: Any, model: str, events: list[Any]) -> None:
    stream = await client.messages.create(**arguments(model), stream=True)
    async for event in stream:
        events.append(event)
        break
    await stream.close()


def _close_helper(client: Any, model: str, events: list[Any]) -> None:
    with client.messages.stream(**arguments(model)) as stream:
        for event in stream:
            events.append(event)
            break


async def _aclose_helper(client: Any, model: str, events: list[Any]) -> None:
    async with client.messages.stream(**arguments(model)) as stream:
        async for event in stream:
            events.append(event)
            break


def _close_raw(client: Any, model: str, events: list[Any]) -> None:
    stream = client.messages.with_raw_response.create(**arguments(model), stream=True).parse()
    for event in stream:
        events.append(event)
        break
    stream.close()


async def _aclose_raw(client: Any, model: str, events: list[Any]) -> None:
    stream = await parsed(await client.messages.with_raw_response.create(**arguments(model), stream=True))
    async for event in stream:
        events.append(event)
        break
    await stream.close()


def _drop(client: Any, model: str, events: list[Any]) -> None:
    for event in client.messages.create(**arguments(model), stream=True):
        events.append(event)
        break


async def _adrop(client: Any, model: str, events: list[Any]) -> None:
    async for event in await client.messages.create(**arguments(model), stream=True):
        events.append(event)
        break


def _drop_raw(client: Any, model: str, events: list[Any]) -> None:
    for event in client.messages.with_raw_response.create(**arguments(model), stream=True).parse():
        events.append(event)
        break


async def _adrop_raw(client: Any, model: str, events: list[Any]) -> None:
    async for event in await parsed(await client.messages.with_raw_response.create(**arguments(model), stream=True)):
        events.append(event)
        break


def _drop_unread(client: Any, model: str, events: list[Any]) -> None:
    del events
    client.messages.create(**arguments(model), stream=True)


async def _adrop_unread(client: Any, model: str, events: list[Any]) -> None:
    del events
    await client.messages.create(**arguments(model), stream=True)


LET_GO = {
    style.name: style
    for style in (
        Style("create(stream=True), closed", True, _close, _aclose),
        Style("stream(), left", True, _close_helper, _aclose_helper),
        Style("with_raw_response, closed", True, _close_raw, _aclose_raw),
        Style("create(stream=True), dropped", True, _drop, _adrop),
        Style("create(stream=True), dropped unread", True, _drop_unread, _adrop_unread),
        Style("with_raw_response, dropped", True, _drop_raw, _adrop_raw),
    )
}

_ROUNDS = 10


def call(
    style: Style, flavor: str, server: FaultServer, scenario: Scenario, sdk_spans: TracerProvider | None, peer: Peer
) -> Seen:
    """One call in a separate context: some neighbours leave something behind in theirs."""
    return Context().run(_call, style, flavor, server, scenario, sdk_spans, peer)


def _call(
    style: Style, flavor: str, server: FaultServer, scenario: Scenario, sdk_spans: TracerProvider | None, peer: Peer
) -> Seen:
    if flavor == "sync":
        with client(server, scenario, sdk_spans) as made, peer.around():
            seen = see(style, made, scenario.name)
            gc.collect()
        return seen

    async def run() -> Seen:
        async with async_client(server, scenario, sdk_spans) as made:
            with peer.around():
                seen = await see_async(style, made, scenario.name)
                # The event loop finalizes async generators in separate tasks, one inside the other.
                for _ in range(_ROUNDS if style.name in LET_GO else 1):
                    gc.collect()
                    await anyio.lowlevel.checkpoint()
        return seen

    return anyio.run(run)
