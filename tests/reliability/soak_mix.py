"""What the application of the soak does with its calls, and how each of them ends."""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import anthropic

from midstream._outcomes import Outcome, Phase
from midstream.faults import parse
from support import expected
from support.readers import READERS
from support.styles import STYLES, arguments

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from midstream.faults import Scenario
    from support.styles import Style

__all__ = ("Play", "act", "act_async", "hurry_those_that_ask", "mix")

_SHORTLY: Final = 0.05
_HURRY: Final = "x-soak-hurry"
_WHOLE: Final = "read to its end"
_STALLED_AT: Final = 4

MODELS: Final = (
    "ok",
    "ok",
    "ok:40",
    "tool_use",
    "retry:2",
    "in_band:overloaded_error@0",
    "in_band:overloaded_error",
    "in_band:rate_limit_error@8",
    "in_band_text",
    "http:overloaded_error",
    "http:invalid_request_error",
    "http_html:502",
    "reset@0",
    "reset",
    "fin",
    "fin_length",
    "bad_chunk",
    "stall",
    "cut@0",
    "cut",
    "cut@8",
    "eof",
    "bad_json",
    "bad_utf8",
    "bad_gzip",
    "hangup",
    "silent",
)
"""The scenarios of a round. Faults are as common as answers."""


class ApplicationError(Exception):
    """The application's own."""


@dataclass(frozen=True)
class Play:
    """One call of the application's: in some way, for some scenario, with the end that it must have."""

    way: str
    model: str
    ends: Outcome


def mix(size: int, seed: int, flavor: str) -> list[Play]:
    """So many calls. For the same arguments the same ones, every way among them if there is room."""
    every = _plays([way for way in _WAYS if flavor == "async" or way.sync is not None])
    chosen = random.Random(seed)  # noqa: S311 - to be repeatable is the point
    chosen.shuffle(every)
    # First each way once, then each scenario once, then what comes.
    first = [*{play.way: play for play in every}.values(), *{play.model: play for play in every}.values()]
    rounds = first + every * (1 + size // len(every))
    return rounds[:size]


def act(client: Any, play: Play) -> None:
    """Makes the call, and sees its exceptions as an application does."""
    way = _BY_NAME[play.way]
    assert way.sync is not None
    with suppress(Exception):
        way.sync(_suited(client, play), play.model, [])


async def act_async(client: Any, play: Play) -> None:
    """The same with an async client."""
    with suppress(Exception):
        await _BY_NAME[play.way].run(_suited(client, play), play.model, [])


def hurry_those_that_ask(client: Any) -> None:
    """Lets calls for a stall wait only shortly for more of an answer that has begun."""

    def shorten(response: Any) -> None:
        if _HURRY in response.request.headers:
            response.request.extensions["timeout"]["read"] = _SHORTLY

    async def shorten_async(response: Any) -> None:
        shorten(response)

    http_client = client._client
    http_client.event_hooks = {"response": [shorten_async if hasattr(http_client, "aclose") else shorten]}


@dataclass(frozen=True)
class _Way:
    name: str
    sync: Callable[[Any, str, list[Any]], None] | None
    run: Callable[[Any, str, list[Any]], Awaitable[None]]
    ends: Callable[[Scenario], Outcome]
    models: tuple[str, ...] = MODELS
    patient: bool = False
    """Whether a stall is not cut short by the client."""


def _suited(client: Any, play: Play) -> Any:
    scenario = parse(play.model)
    if scenario.family == "retry":
        return client.with_options(max_retries=scenario.attempts - 1)
    if _BY_NAME[play.way].patient:
        return client
    if scenario.family == "silent":
        return client.with_options(timeout=anthropic.Timeout(30.0, read=_SHORTLY))
    if scenario.family == "stall":
        return client.with_options(default_headers={_HURRY: "yes"})
    return client


def _plays(ways: list[_Way]) -> list[Play]:
    every = [Play(way.name, model, way.ends(parse(model))) for way in ways for model in way.models]
    # What `Stream.raw_events` raises for bad UTF-8 is raised above the body, and not seen: docs/limits.md.
    return [play for play in every if play != _NOT_SEEN]


def _whole(style: Style, scenario: Scenario) -> Outcome:
    return expected.ending(scenario, style).outcome


def _let_go(scenario: Scenario) -> Outcome:
    """How a stream ends that is dropped after its first event."""
    own = scenario.expectation
    return own.outcome if own.phase is Phase.REQUEST or scenario.k == 0 else Outcome.ABANDONED


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


def _drop(client: Any, model: str, events: list[Any]) -> None:
    stream = client.messages.create(**arguments(model), stream=True)
    events.append(next(stream))


async def _adrop(client: Any, model: str, events: list[Any]) -> None:
    stream = await client.messages.create(**arguments(model), stream=True)
    events.append(await stream.__anext__())


def _break_in_with(client: Any, model: str, events: list[Any]) -> None:
    with client.messages.create(**arguments(model), stream=True) as stream:
        for event in stream:
            events.append(event)
            break


async def _abreak_in_with(client: Any, model: str, events: list[Any]) -> None:
    async with await client.messages.create(**arguments(model), stream=True) as stream:
        async for event in stream:
            events.append(event)
            break


def _raise_in_with(client: Any, model: str, events: list[Any]) -> None:
    with client.messages.create(**arguments(model), stream=True) as stream:
        for event in stream:
            events.append(event)
            raise ApplicationError


async def _araise_in_with(client: Any, model: str, events: list[Any]) -> None:
    async with await client.messages.create(**arguments(model), stream=True) as stream:
        async for event in stream:
            events.append(event)
            raise ApplicationError


def _raise_in_loop(client: Any, model: str, events: list[Any]) -> None:
    for event in client.messages.create(**arguments(model), stream=True):
        events.append(event)
        raise ApplicationError


async def _araise_in_loop(client: Any, model: str, events: list[Any]) -> None:
    async for event in await client.messages.create(**arguments(model), stream=True):
        events.append(event)
        raise ApplicationError


def _break_in_helper(client: Any, model: str, events: list[Any]) -> None:
    with client.messages.stream(**arguments(model)) as stream:
        for event in stream:
            events.append(event)
            break


async def _abreak_in_helper(client: Any, model: str, events: list[Any]) -> None:
    async with client.messages.stream(**arguments(model)) as stream:
        async for event in stream:
            events.append(event)
            break


def _raise_in_helper(client: Any, model: str, events: list[Any]) -> None:
    with client.messages.stream(**arguments(model)) as stream:
        for event in stream:
            events.append(event)
            raise ApplicationError


async def _araise_in_helper(client: Any, model: str, events: list[Any]) -> None:
    async with client.messages.stream(**arguments(model)) as stream:
        async for event in stream:
            events.append(event)
            raise ApplicationError


async def _cancel_reading(client: Any, model: str, events: list[Any]) -> None:
    """Cancels a task that waits for an event that never comes."""
    all_came = asyncio.Event()

    async def read() -> None:
        async for event in await client.messages.create(**arguments(model), stream=True):
            events.append(event)
            if len(events) == _STALLED_AT:
                all_came.set()

    await _cancelled(read(), all_came)


async def _cancel_helper(client: Any, model: str, events: list[Any]) -> None:
    came = asyncio.Event()

    async def read() -> None:
        async with client.messages.stream(**arguments(model)) as stream:
            async for event in stream:
                events.append(event)
                if event.type == "message_start":
                    came.set()

    await _cancelled(read(), came)


async def _cancel_request(client: Any, model: str, events: list[Any]) -> None:
    """Cancels a task that waits for an answer that never comes."""
    del events
    begun = asyncio.Event()

    async def request() -> None:
        begun.set()
        await client.messages.create(**arguments(model))

    await _cancelled(request(), begun)


async def _cancelled(work: Any, when: asyncio.Event) -> None:
    task = asyncio.ensure_future(work)
    await when.wait()
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


def _cancelled_by_application(_scenario: Scenario) -> Outcome:
    return Outcome.CANCELLED


_WAYS: Final = (
    *(
        _Way(f"{_WHOLE}: {style.name}", style.sync, style.run, partial(_whole, style))
        for style in (*STYLES.values(), *READERS.values())
    ),
    _Way("closed", _close, _aclose, _let_go),
    _Way("dropped", _drop, _adrop, _let_go),
    _Way("left with a break", _break_in_with, _abreak_in_with, _let_go),
    _Way("left with an exception", _raise_in_with, _araise_in_with, _let_go),
    _Way("dropped by an exception", _raise_in_loop, _araise_in_loop, _let_go),
    _Way("helper left with a break", _break_in_helper, _abreak_in_helper, _let_go),
    _Way("helper left with an exception", _raise_in_helper, _araise_in_helper, _let_go),
    _Way("cancelled in a read", None, _cancel_reading, _cancelled_by_application, ("stall",), patient=True),
    _Way("cancelled in a helper", None, _cancel_helper, _cancelled_by_application, ("stall",), patient=True),
    _Way("cancelled in the request", None, _cancel_request, _cancelled_by_application, ("silent",), patient=True),
)
_NOT_SEEN: Final = Play(f"{_WHOLE}: raw_events", "bad_utf8", Outcome.COMPLETED)
_BY_NAME: Final = {way.name: way for way in _WAYS}
