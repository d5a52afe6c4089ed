"""Breaks the answer of an upstream as a scenario says."""

from __future__ import annotations

import re
from contextlib import aclosing, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from midstream.faults.answers import Event, split_events
from midstream.faults.scenarios import Proxied, family_of
from midstream.faults.scripts import Case, Kind, Script
from midstream.faults.upstream import BrokenOffError, UnreachableError, events

if TYPE_CHECKING:
    from midstream.faults.scenarios import Scenario
    from midstream.faults.upstream import Answer

__all__ = ("Breaking",)

_REFRAMED: Final = frozenset({"content-length", "content-encoding"})
_KINDS: Final = {"text/event-stream": Kind.EVENTS, "application/json": Kind.JSON}
_BREAKABLE: Final = 200
_EVENT_TYPE: Final = re.compile(rb"^event: ?(.*?)\r?$", re.MULTILINE)
_NOTHING: Final = "it broke off before there was anything to break"


@dataclass(frozen=True)
class Breaking:
    """What a scenario is to make of the answer to the `number`-th request, which was sent `resends` times before."""

    scenario: Scenario
    number: int
    resends: int

    def without_upstream(self) -> Script:
        """What to do where the upstream is not asked."""
        return self._script(Kind.JSON, (), (), None)

    async def of(self, answer: Answer) -> Script | None:
        """Read as much of an answer as there is to be of it, and say how it goes wrong.

        None if such an answer cannot go wrong in this way; then nothing of it was read. Raises `UnreachableError` if
        the upstream broke off before there was anything.
        """
        kind = _KINDS.get(answer.header("content-type").partition(";")[0].strip(), Kind.BYTES)
        fits = kind is not Kind.BYTES or family_of(self.scenario).proxied is Proxied.BROKEN
        if answer.status != _BREAKABLE or answer.header("content-encoding") or not fits:
            return None
        return await (self._events(answer) if kind is Kind.EVENTS else self._body(answer, kind))

    async def _events(self, answer: Answer) -> Script:
        k = self.scenario.k
        read: list[Event] = []
        count = 0
        with suppress(BrokenOffError):
            async with aclosing(events(answer.pieces)) as wires:
                async for wire in wires:
                    read.append(_event(wire))
                    count += not read[-1].is_ping
                    if k is not None and count > k:
                        break
        if not count:
            raise UnreachableError(_NOTHING)
        # An answer may be shorter than the fault server's own: then it goes wrong before its last event.
        before, after = ((), read) if k is None else split_events(read, min(k, count - 1))
        return self._script(Kind.EVENTS, tuple(one.wire for one in before), tuple(one.wire for one in after), answer)

    async def _body(self, answer: Answer, kind: Kind) -> Script:
        body = bytearray()
        with suppress(BrokenOffError):
            async for piece in answer.pieces:
                body += piece
        if not body:
            raise UnreachableError(_NOTHING)
        half = len(body) // 2 if self.scenario.k else 0
        return self._script(kind, (bytes(body[:half]),) if half else (), (bytes(body[half:]),), answer)

    def _script(self, kind: Kind, before: tuple[bytes, ...], after: tuple[bytes, ...], answer: Answer | None) -> Script:
        given = None if answer is None else {name: value for name, value in answer.headers if _is_kept(name)}
        case = Case(self.scenario, kind, self.number, self.resends, before, after, given)
        return replace(family_of(self.scenario).script_for(kind)(case), scenario=self.scenario.name)


def _event(wire: bytes) -> Event:
    found = _EVENT_TYPE.search(wire)
    return Event(found[1].decode("latin-1") if found else "", wire)


def _is_kept(header: str) -> bool:
    return header.lower() not in _REFRAMED
