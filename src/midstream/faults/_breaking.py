"""Breaks the answer of an upstream as a scenario says."""

from __future__ import annotations

import re
from contextlib import aclosing, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from midstream.faults._answers import Event, split_events
from midstream.faults._family import Proxied
from midstream.faults._scenarios import family_of, play
from midstream.faults._script import Kind, Script
from midstream.faults._scripts import halves
from midstream.faults._upstream import BrokenOffError, UnreachableError, events

if TYPE_CHECKING:
    from midstream.faults._scripts import Case
    from midstream.faults._upstream import UpstreamAnswer

_Split = tuple[tuple[bytes, ...], tuple[bytes, ...]]

_REFRAMED: Final = frozenset({"content-length", "content-encoding"})
_KINDS: Final = {"text/event-stream": Kind.EVENTS, "application/json": Kind.JSON}
_BREAKABLE: Final = 200
_EVENT_TYPE: Final = re.compile(rb"^event: ?(.*?)\r?$", re.MULTILINE)


async def broken(answer: UpstreamAnswer, case: Case) -> Script | None:
    """Read as much of an answer as its script needs, and return the script.

    None if such an answer cannot break in this way; then nothing of it was read. Raises `UnreachableError` if the
    upstream broke off before there was anything to break.
    """
    kind = _KINDS.get(answer.header("content-type").partition(";")[0].strip(), Kind.BYTES)
    fits = kind is not Kind.BYTES or family_of(case.scenario).proxied is Proxied.BROKEN
    if answer.status != _BREAKABLE or answer.header("content-encoding") or not fits:
        return None
    before, after = await (_events if kind is Kind.EVENTS else _body)(answer, case.scenario.k)
    headers = {name: value for name, value in answer.headers if name.lower() not in _REFRAMED}
    return play(replace(case, kind=kind, before=before, after=after, headers=headers))


async def _events(answer: UpstreamAnswer, k: int | None) -> _Split:
    read: list[Event] = []
    count = 0
    with suppress(BrokenOffError):
        async with aclosing(events(answer.pieces)) as wires:
            async for wire in wires:
                found = _EVENT_TYPE.search(wire)
                read.append(Event(found[1].decode("latin-1") if found else "", wire))
                count += not read[-1].is_ping
                if k is not None and count > k:
                    break
    _check(count)
    # An answer may be shorter than the fault server's own. Then it breaks before its last event.
    before, after = ((), read) if k is None else split_events(read, min(k, count - 1))
    return tuple(event.wire for event in before), tuple(event.wire for event in after)


async def _body(answer: UpstreamAnswer, k: int | None) -> _Split:
    body = bytearray()
    with suppress(BrokenOffError):
        async for piece in answer.pieces:
            body += piece
    _check(len(body))
    return halves(bytes(body), k)


def _check(count: int) -> None:
    if not count:
        message = "it broke off before there was anything to break"
        raise UnreachableError(message)
