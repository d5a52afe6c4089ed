"""Passes the answer of an upstream through, byte by byte and as it comes."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING

from midstream.faults.log import End
from midstream.faults.upstream import BrokenOffError, events, head
from midstream.faults.wire import LAST_CHUNK, chunk_size

if TYPE_CHECKING:
    from midstream.faults.latency import Latency
    from midstream.faults.log import Entry
    from midstream.faults.playing import Client
    from midstream.faults.upstream import Answer

__all__ = ("relay",)


async def relay(answer: Answer, client: Client, entry: Entry, latency: Latency, pause: float) -> None:
    """Pass `answer` through to `client`, with `pause` and what `latency` says between its events.

    If the upstream breaks off, so does this; the connection is then of no use any more. It never is afterwards.
    """
    await asyncio.sleep(latency.first())
    block = bytearray(head(f"HTTP/1.1 {answer.status} {answer.reason}", _headers(answer)))
    left = answer.length
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
    except BrokenOffError as broken:
        entry.note(end=End.BROKEN)
        await client.settle(block)
        await client.end(broken.ending)
        return
    if left is None:
        entry.note(end=End.PLAYED)
        block += LAST_CHUNK
        await client.send(block)


def _headers(answer: Answer) -> list[tuple[str, str]]:
    framing = [("transfer-encoding", "chunked")] if answer.length is None else []
    return [*answer.headers, *framing, ("connection", "close")]
