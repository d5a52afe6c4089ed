"""Calls and events by the real SDK, with OpenTelemetry's, over a transport in memory that answers at once.

Nothing waits and nothing leaves the process, so that the same work is done every time.
"""

from __future__ import annotations

import gc
import json
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

import anthropic
from clients import SDK_TRACES, SDK_TRACING
from counting import Counted, Making
from flavors import FLAVORS
from providers import providers
from server import SHORTEST, answer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence

    from counting import Do
    from flavors import Flavor, Step, Work
    from subjects import Subject

__all__ = ("CALLS", "STREAMS", "Kind", "per_event", "transport")

_LONG: Final = 109
_STREAMS: Final = 10

_http: Final[Any] = import_module(anthropic.DefaultHttpxClient.__mro__[1].__module__.partition(".")[0])


@dataclass(frozen=True)
class Kind:
    """Something of which there can be more or less: calls of a kind, or the events of a stream."""

    flavor: Flavor
    step: Callable[[int], Step]
    """What makes so many."""
    warm: int
    """So many before those that are counted: by then the interpreter has adapted, and what is done once is done."""
    items: int
    """So many are counted."""
    traced: bool = False
    """Whether the SDK makes a span."""

    def making(self, subject: Subject) -> Making:
        """It, to be counted with `subject` and without."""
        return Making(self.items, partial(self.doing, None), partial(self.doing, subject))

    def doing(self, subject: Subject | None) -> Do:
        """What makes so many of it. Who observes it does so for the rest of the process."""
        given = providers()
        subjects = (SDK_TRACING if self.traced else None, subject)
        # Kept, for who is dropped may stop.
        stops = [one.start(given) for one in subjects if one is not None]

        def do(number: int) -> None:
            self.flavor.seconds("http://127.0.0.1", [self.step(number)], transport())

        do(self.warm)
        gc.disable()
        _kept.extend(stops)
        return do


class _Pieces:
    """What comes of a body, sync and async."""

    def __init__(self, pieces: Sequence[bytes]) -> None:
        self._pieces = pieces

    def __iter__(self) -> Iterator[bytes]:
        yield from self._pieces

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self._pieces:
            yield piece


# A class of the HTTP client's, of which it is known here only which the SDK has.
_Body: Final[Any] = type("_Body", (_Pieces, _http.SyncByteStream, _http.AsyncByteStream), {})


_kept: Final[list[Callable[[], None]]] = []


def transport() -> Any:
    """A transport of the HTTP client's, sync and async, that answers as the server does."""
    return _http.MockTransport(_answer)


def _answer(request: Any) -> Any:
    told = answer(json.loads(request.content)["messages"][0]["content"])
    return _http.Response(told.status, headers=told.headers, stream=_Body(told.pieces))


def _calls(flavor: Flavor, *, traced: bool) -> dict[str, Kind]:
    works = {
        "call": flavor.call("whole"),
        "call refused": flavor.failing(flavor.call("refused 529")),
        "stream": flavor.create(f"together {SHORTEST}"),
        "stream failing after 4 events": flavor.failing(flavor.create("failing 4")),
    }
    return {
        f"{name}, {flavor.name}" + ", on the SDK's span" * traced: Kind(flavor, partial(_times, work), 15, 10, traced)
        for name, work in works.items()
    }


def _times(work: Work, number: int) -> Step:
    return work, number


def _streams(flavor: Flavor) -> dict[str, Kind]:
    ways = {"create(stream=True)": flavor.create, "messages.stream()": flavor.helper}
    framings = {"large chunks": "together", "a chunk each": "chunked"}
    return {
        _name(f"{flavor.name}, {way}, {framing}", length): Kind(
            flavor, partial(_times, make(f"{prompt} {length}")), 15, _STREAMS
        )
        for framing, prompt in framings.items()
        for way, make in ways.items()
        for length in (SHORTEST, _LONG)
    }


def per_event(counted: Mapping[str, Counted]) -> dict[str, Counted]:
    """What an event takes, of streams read and framed in a way, where `counted` are `STREAMS`."""
    ways = dict.fromkeys(name.rpartition(", ")[0] for name in STREAMS)
    return {way: _each(counted[_name(way, SHORTEST)], counted[_name(way, _LONG)]) for way in ways}


def _each(short: Counted, long: Counted) -> Counted:
    events = _LONG - SHORTEST
    return Counted((long.bare - short.bare) / events, (long.observed - short.observed) / events)


def _name(name: str, length: int) -> str:
    return f"{name}, {length} events"


_TRACED: Final = (False, True) if SDK_TRACES else (False,)

CALLS: Final[Mapping[str, Kind]] = {
    name: kind for traced in _TRACED for flavor in FLAVORS for name, kind in _calls(flavor, traced=traced).items()
}
"""By name."""

STREAMS: Final[Mapping[str, Kind]] = {name: kind for flavor in FLAVORS for name, kind in _streams(flavor).items()}
"""By how they are read and how they arrive, a short one and a long one: `per_event` tells them by event."""
