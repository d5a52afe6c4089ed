"""Plays scripts on the connections of clients."""

from __future__ import annotations

import asyncio
import os
import socket
import struct
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from midstream.faults._latency import NO_LATENCY, Latency
from midstream.faults._script import Ending, Script

T = TypeVar("T")

_BLOCK: Final = 64 * 1024
_SETTLE_SECONDS: Final = 0.02
_LINGER_SECONDS: Final = 1.0
_RESET_ON_CLOSE: Final = struct.pack("hh" if os.name == "nt" else "ii", 1, 0)


@dataclass(frozen=True, eq=False)
class Client:
    """The connection of a client. Every method that sends raises `OSError` if the client has closed it."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    def __post_init__(self) -> None:
        # With a limit of 0, `drain` returns only when all is sent: what precedes a fault must leave before the fault.
        self.writer.transport.set_write_buffer_limits(high=0)

    async def play(
        self, script: Script, latency: Latency = NO_LATENCY, ending: Callable[[], object] = lambda: None
    ) -> None:
        """Play `script`. `ending` is called before the client can see the end of it."""
        await asyncio.sleep(latency.first())
        block = bytearray(script.head)
        for index, frame in enumerate(script.frames):
            pause = script.pause + latency.between() if index else 0.0
            if pause or len(block) >= _BLOCK:
                await self.send(block)
                await asyncio.sleep(pause)
            block += frame
        if script.fault is not None:
            await self.settle(block)
            block += script.fault
        ending()
        await self.send(block)
        await self.end(script.ending)

    async def send(self, block: bytearray) -> None:
        """Send the bytes in `block`, and empty it."""
        if block:
            self.writer.write(bytes(block))
            block.clear()
        await self.writer.drain()

    async def settle(self, block: bytearray) -> None:
        """Send the bytes in `block`, and let the client read them."""
        await self.send(block)
        # Some systems and clients drop received bytes that are still unread when the fault arrives.
        await asyncio.sleep(_SETTLE_SECONDS)

    async def end(self, ending: Ending) -> None:
        """Stall or reset the connection if `ending` says so. The caller keeps or closes it."""
        if ending is Ending.STALL:
            await self.left()
        elif ending is Ending.RESET:
            self.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
            self.writer.transport.abort()

    async def linger(self) -> None:
        """End the answer to a request that was not read to its end, and let the client read it."""
        # Closing a connection with unread bytes resets it, and the client would never read why it was refused.
        self.writer.write_eof()
        with suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self.left(), _LINGER_SECONDS)

    async def left(self) -> None:
        """Wait until the client closes the connection, and drop what it sends."""
        while await self.reader.read(_BLOCK):
            pass

    async def unless_left(self, work: Coroutine[Any, Any, T]) -> T:
        """Do `work`, and cancel it if the client closes the connection.

        What the client sends meanwhile is lost, so the caller must close the connection afterwards, unless nothing of
        the answer was sent.
        """
        working, leaving = asyncio.ensure_future(work), asyncio.ensure_future(self.left())
        try:
            await asyncio.wait((working, leaving), return_when=asyncio.FIRST_COMPLETED)
            if working.done():
                return working.result()
            message = "the client has left"
            raise ConnectionAbortedError(message)
        finally:
            working.cancel()
            leaving.cancel()
            await asyncio.gather(working, leaving, return_exceptions=True)
