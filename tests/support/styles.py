"""Every way to ask for an answer, sync and async, as functions that return what the application saw.

A style yields into `events` as it goes, so that what came before an exception is seen too.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from anthropic.resources.messages import Messages
from opentelemetry.trace import StatusCode

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from midstream.faults import Operation

__all__ = ("CANARY", "STYLES", "Seen", "Style", "arguments", "parsed", "see", "see_async")

CANARY = "canary-prompt-7f3a"
"""A prompt that must appear in nothing that is exported."""


def arguments(model: str) -> dict[str, Any]:
    """The request of every call."""
    return {"model": model, "max_tokens": 64, "messages": [{"role": "user", "content": CANARY}]}


@dataclass
class Seen:
    """What the application saw of one call."""

    events: list[Any] = field(default_factory=list[Any])
    error: BaseException | None = None


@dataclass(frozen=True)
class Style:
    """One way to call."""

    name: str
    streamed: bool
    sync: Callable[[Any, str, list[Any]], None]
    run: Callable[[Any, str, list[Any]], Awaitable[None]]
    helper: bool = False
    """Whether it reads through `messages.stream()`, which adds events."""
    raw: bool = False
    """Whether the response is there before the answer is decoded."""
    undecoded: bool = False
    """Whether it reads bytes or lines of events, in which nothing is decoded and no error event is raised."""
    packed: bool = False
    """Whether it reads the bytes as they were sent, with their content encoding."""
    read_above: bool = False
    """Whether what reads the body is outside of all that is patched."""
    operation: Operation = "chat"
    """Its `gen_ai.operation.name`."""
    asked: bool | None = None
    """Whether the request asks for a stream. `None` where that is as the application reads it."""
    span_name: str = "anthropic.messages.create"
    """The name of the SDK's own span."""
    span_status: StatusCode = StatusCode.OK
    """The status that the SDK gives its own span where nothing fails."""
    with_request_id: bool = True
    """Whether what a call returns has the request's id."""

    @property
    def asks_for_stream(self) -> bool:
        """Whether the request asks for a stream."""
        return self.streamed if self.asked is None else self.asked


def see(style: Style, client: Any, model: str) -> Seen:
    """Calls in `style` with a sync client."""
    seen = Seen()
    try:
        style.sync(client, model, seen.events)
    except Exception as error:  # noqa: BLE001 - the exception is what is looked at
        seen.error = error
    return seen


async def see_async(style: Style, client: Any, model: str) -> Seen:
    """Calls in `style` with an async client."""
    seen = Seen()
    try:
        await style.run(client, model, seen.events)
    except Exception as error:  # noqa: BLE001 - the exception is what is looked at
        seen.error = error
    return seen


def _create(client: Any, model: str, events: list[Any]) -> None:
    events.append(client.messages.create(**arguments(model)))


async def _acreate(client: Any, model: str, events: list[Any]) -> None:
    events.append(await client.messages.create(**arguments(model)))


def _beta_create(client: Any, model: str, events: list[Any]) -> None:
    events.append(client.beta.messages.create(**arguments(model)))


async def _abeta_create(client: Any, model: str, events: list[Any]) -> None:
    events.append(await client.beta.messages.create(**arguments(model)))


def _raw(client: Any, model: str, events: list[Any]) -> None:
    events.append(client.messages.with_raw_response.create(**arguments(model)).parse())


async def _araw(client: Any, model: str, events: list[Any]) -> None:
    response = await client.messages.with_raw_response.create(**arguments(model))
    events.append(await parsed(response))


def _parse(client: Any, model: str, events: list[Any]) -> None:
    events.append(client.messages.parse(**arguments(model)))


async def _aparse(client: Any, model: str, events: list[Any]) -> None:
    events.append(await client.messages.parse(**arguments(model)))


def _loop(client: Any, model: str, events: list[Any]) -> None:
    for event in client.messages.create(**arguments(model), stream=True):
        events.append(event)


async def _aloop(client: Any, model: str, events: list[Any]) -> None:
    async for event in await client.messages.create(**arguments(model), stream=True):
        events.append(event)


def _next(client: Any, model: str, events: list[Any]) -> None:
    stream = client.messages.create(**arguments(model), stream=True)
    while True:
        try:
            events.append(next(stream))
        except StopIteration:
            return


async def _anext(client: Any, model: str, events: list[Any]) -> None:
    stream = await client.messages.create(**arguments(model), stream=True)
    while True:
        try:
            events.append(await stream.__anext__())
        except StopAsyncIteration:
            return


def _with(client: Any, model: str, events: list[Any]) -> None:
    with client.messages.create(**arguments(model), stream=True) as stream:
        for event in stream:
            events.append(event)


async def _awith(client: Any, model: str, events: list[Any]) -> None:
    async with await client.messages.create(**arguments(model), stream=True) as stream:
        async for event in stream:
            events.append(event)


def _beta_loop(client: Any, model: str, events: list[Any]) -> None:
    for event in client.beta.messages.create(**arguments(model), stream=True):
        events.append(event)


async def _abeta_loop(client: Any, model: str, events: list[Any]) -> None:
    async for event in await client.beta.messages.create(**arguments(model), stream=True):
        events.append(event)


def _helper(client: Any, model: str, events: list[Any]) -> None:
    with client.messages.stream(**arguments(model)) as stream:
        for event in stream:
            events.append(event)


async def _ahelper(client: Any, model: str, events: list[Any]) -> None:
    async with client.messages.stream(**arguments(model)) as stream:
        async for event in stream:
            events.append(event)


def _beta_helper(client: Any, model: str, events: list[Any]) -> None:
    with client.beta.messages.stream(**arguments(model)) as stream:
        for event in stream:
            events.append(event)


async def _abeta_helper(client: Any, model: str, events: list[Any]) -> None:
    async with client.beta.messages.stream(**arguments(model)) as stream:
        async for event in stream:
            events.append(event)


def _text_stream(client: Any, model: str, events: list[Any]) -> None:
    with client.messages.stream(**arguments(model)) as stream:
        for text in stream.text_stream:
            events.append(text)


async def _atext_stream(client: Any, model: str, events: list[Any]) -> None:
    async with client.messages.stream(**arguments(model)) as stream:
        async for text in stream.text_stream:
            events.append(text)


def _final_message(client: Any, model: str, events: list[Any]) -> None:
    with client.messages.stream(**arguments(model)) as stream:
        events.append(stream.get_final_message())


async def _afinal_message(client: Any, model: str, events: list[Any]) -> None:
    async with client.messages.stream(**arguments(model)) as stream:
        events.append(await stream.get_final_message())


def _final_text(client: Any, model: str, events: list[Any]) -> None:
    with client.messages.stream(**arguments(model)) as stream:
        events.append(stream.get_final_text())


async def _afinal_text(client: Any, model: str, events: list[Any]) -> None:
    async with client.messages.stream(**arguments(model)) as stream:
        events.append(await stream.get_final_text())


def _until_done(client: Any, model: str, events: list[Any]) -> None:
    with client.messages.stream(**arguments(model)) as stream:
        events.append(stream.until_done())


async def _auntil_done(client: Any, model: str, events: list[Any]) -> None:
    async with client.messages.stream(**arguments(model)) as stream:
        events.append(await stream.until_done())


def _raw_loop(client: Any, model: str, events: list[Any]) -> None:
    response = client.messages.with_raw_response.create(**arguments(model), stream=True)
    for event in response.parse():
        events.append(event)


async def _araw_loop(client: Any, model: str, events: list[Any]) -> None:
    response = await client.messages.with_raw_response.create(**arguments(model), stream=True)
    async for event in await parsed(response):
        events.append(event)


def _streaming_loop(client: Any, model: str, events: list[Any]) -> None:
    with client.messages.with_streaming_response.create(**arguments(model), stream=True) as response:
        for event in response.parse():
            events.append(event)


async def _astreaming_loop(client: Any, model: str, events: list[Any]) -> None:
    async with client.messages.with_streaming_response.create(**arguments(model), stream=True) as response:
        async for event in await parsed(response):
            events.append(event)


async def parsed(response: Any) -> Any:
    """What `response.parse()` gives: a plain function on raw responses below SDK 1.0, a coroutine elsewhere."""
    result = response.parse()
    return await result if hasattr(result, "__await__") else result


_STYLES = (
    Style("create", False, _create, _acreate),
    Style("beta create", False, _beta_create, _abeta_create),
    Style("raw create", False, _raw, _araw, raw=True),
    *([Style("parse", False, _parse, _aparse)] if hasattr(Messages, "parse") else []),
    Style("create(stream=True) in a loop", True, _loop, _aloop),
    Style("create(stream=True) by next()", True, _next, _anext),
    Style("create(stream=True) in a with block", True, _with, _awith),
    Style("beta create(stream=True)", True, _beta_loop, _abeta_loop),
    Style("stream() events", True, _helper, _ahelper, helper=True),
    Style("beta stream() events", True, _beta_helper, _abeta_helper, helper=True),
    Style("stream() text_stream", True, _text_stream, _atext_stream, helper=True),
    Style("stream() get_final_message", True, _final_message, _afinal_message, helper=True),
    Style("stream() get_final_text", True, _final_text, _afinal_text, helper=True),
    Style("stream() until_done", True, _until_done, _auntil_done, helper=True),
    Style("with_raw_response, parsed", True, _raw_loop, _araw_loop),
    Style("with_streaming_response, parsed", True, _streaming_loop, _astreaming_loop),
)
STYLES = {style.name: style for style in _STYLES}
