"""Every way to read a streamed answer without decoding it, sync and async."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from anthropic import AsyncStream, Stream

from support.styles import Style, arguments

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Iterable

__all__ = ("READERS",)

_SYNC: dict[str, Callable[[Any], Iterable[Any]]] = {
    "iter_bytes": lambda response: response.iter_bytes(),
    "iter_text": lambda response: response.iter_text(),
    "iter_lines": lambda response: response.iter_lines(),
    "http_response.iter_raw": lambda response: response.http_response.iter_raw(),
    "read": lambda response: [response.read()],
    "raw_events": lambda response: (str(event) for event in _raw_events(Stream)(response.http_response)),
}
_ASYNC: dict[str, Callable[[Any], AsyncIterable[Any]]] = {
    "iter_bytes": lambda response: response.iter_bytes(),
    "iter_text": lambda response: response.iter_text(),
    "iter_lines": lambda response: response.iter_lines(),
    "http_response.iter_raw": lambda response: response.http_response.aiter_raw(),
    "read": lambda response: _once(response.read()),
    "raw_events": lambda response: _texts(_raw_events(AsyncStream)(response.http_response)),
}


def _raw_events(kind: Any) -> Any:
    return kind.raw_events


async def _once(coming: Awaitable[Any]) -> AsyncIterator[Any]:
    yield await coming


async def _texts(events: AsyncIterable[Any]) -> AsyncIterator[str]:
    async for event in events:
        yield str(event)


def _style(name: str) -> Style:
    def sync(client: Any, model: str, events: list[Any]) -> None:
        with client.messages.with_streaming_response.create(**arguments(model), stream=True) as response:
            events.extend(_SYNC[name](response))

    async def run(client: Any, model: str, events: list[Any]) -> None:
        async with client.messages.with_streaming_response.create(**arguments(model), stream=True) as response:
            async for piece in _ASYNC[name](response):
                events.append(piece)

    return Style(name, True, sync, run, undecoded=True, packed=name.endswith("raw"))


READERS = {name: _style(name) for name in _SYNC if name != "raw_events" or hasattr(Stream, name)}
"""By name; `raw_events` from SDK 0.108 on."""
