"""A proxy that passes requests on to an upstream, and breaks some of the answers."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from contextlib import aclosing, suppress
from dataclasses import replace
from typing import Final

from midstream.faults._answers import Event, split_events
from midstream.faults._family import ATTEMPTS, Proxied
from midstream.faults._http_request import HttpRequest
from midstream.faults._latency import NO_LATENCY, Latency
from midstream.faults._log import End, Served
from midstream.faults._plans import Plan
from midstream.faults._routes import named_in
from midstream.faults._scenario import Scenario
from midstream.faults._scenarios import OK, family_of, play
from midstream.faults._script import Kind, Script, gateway_script
from midstream.faults._scripts import Case, halves
from midstream.faults._server import Exchange, FaultServer
from midstream.faults._upstream import BrokenOffError, UnreachableError, Upstream, UpstreamAnswer, events
from midstream.faults._wire import LAST_CHUNK, chunk_size, head_lines

_Split = tuple[tuple[bytes, ...], tuple[bytes, ...]]

_REFRAMED: Final = frozenset({"content-length", "content-encoding"})
_KINDS: Final = {"text/event-stream": Kind.EVENTS, "application/json": Kind.JSON}
_BREAKABLE: Final = 200
_EVENT_TYPE: Final = re.compile(rb"^event: ?(.*?)\r?$", re.MULTILINE)


class FaultProxy(FaultServer):
    """A `FaultServer` whose whole answers come from the upstream at a URL.

    The plan chooses which of them to break; without a plan, none is. An error of the upstream is passed through, and so
    are the client's headers, including its key. Raises `ValueError` if the URL cannot be an upstream's, and
    `ImportError` without the HTTP client that comes with the SDK.
    """

    def __init__(  # noqa: PLR0913 - the options of a server, and its upstream
        self,
        upstream: str,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        plan: Plan | None = None,
        latency: Latency = NO_LATENCY,
        tell: Callable[[Served], None] | None = None,
    ) -> None:
        super().__init__(host, port, plan=plan, latency=latency, tell=tell)
        self._upstream = Upstream(upstream)

    async def reply(self, exchange: Exchange) -> bool:
        """Answer a request as the upstream does, or break that; return whether the connection waits for another."""
        name = named_in(exchange.request)
        scenario = self._chosen(exchange.request, name)
        exchange.entry.named(name)
        exchange.entry.note(scenario=scenario.name)
        case = Case(scenario, Kind.JSON, exchange.number, exchange.request.resends)
        if family_of(scenario).proxied is Proxied.NOT_ASKED:
            script: Script | None = play(case)
        else:
            try:
                script = await exchange.client.unless_left(self._passed(exchange, case))
            except UnreachableError as error:
                reason = f"no answer from the upstream {self._upstream.address}: {error}"
                script = gateway_script(reason, exchange.number)
        return script is not None and await exchange.play(replace(script, model=name), self._latency)

    def _chosen(self, request: HttpRequest, name: str | None) -> Scenario:
        chosen = None if self.plan is None or name is None else self.plan.choose(request, name)
        if chosen is None or (family_of(chosen).argument is ATTEMPTS and request.resends + 1 >= chosen.attempts):
            return OK
        return chosen

    async def _passed(self, exchange: Exchange, case: Case) -> Script | None:
        """Pass the answer of the upstream through. If it is to be broken, return the script to play instead."""
        breaks = family_of(case.scenario).proxied is not Proxied.PASSED
        async with self._upstream.ask(exchange.request, plain=breaks) as answer:
            script = await _broken(answer, case) if breaks else None
            if script is None:
                exchange.entry.note(scenario=(OK if breaks else case.scenario).name, status=answer.status)
                await _relay(answer, exchange, self._latency, 0.0 if breaks else play(case).pause)
        return script


async def _broken(answer: UpstreamAnswer, case: Case) -> Script | None:
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
    return split_events(read, None if k is None else min(k, count - 1))


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


async def _relay(answer: UpstreamAnswer, exchange: Exchange, latency: Latency, pause: float) -> None:
    """Pass `answer` through, byte by byte and as it comes, with `pause` and `latency` between its events.

    If the upstream breaks off, so does this. Afterwards the connection cannot be used again.
    """
    client, entry, left = exchange.client, exchange.entry, answer.length
    await asyncio.sleep(latency.first())
    framing = () if left is not None else (("transfer-encoding", "chunked"),)
    headers = (*answer.headers, *framing, ("connection", "close"))
    block = bytearray(head_lines(f"HTTP/1.1 {answer.status} {answer.reason}", headers))
    if left == 0:
        entry.note(end=End.PLAYED)
    await client.send(block)
    paced = (pause or latency.paces) and answer.header("content-type").startswith("text/event-stream")
    try:
        async with aclosing(events(answer.pieces) if paced else answer.pieces) as pieces:
            first = True
            async for piece in pieces:
                if paced and not first:
                    await asyncio.sleep(pause + latency.between())
                first = False
                if left is None:
                    block += b"%b%b\r\n" % (chunk_size(piece), piece)
                else:
                    block += piece
                    left -= len(piece)
                    if not left:
                        entry.note(end=End.PLAYED)
                await client.send(block)
    except BrokenOffError as error:
        entry.note(end=End.BROKEN)
        await client.settle(block)
        await client.end(error.ending)
        return
    if left is None:
        entry.note(end=End.PLAYED)
        block += LAST_CHUNK
        await client.send(block)
