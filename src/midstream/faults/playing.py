"""Plays scripts on the connections of clients."""

from __future__ import annotations

import asyncio
import os
import socket
import struct
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from midstream.faults.scripts import Ending

if TYPE_CHECKING:
    from collections.abc import Callable

    from midstream.faults.scripts import Script

__all__ = ("linger", "play")

_BLOCK: Final = 64 * 1024
_SETTLE_SECONDS: Final = 0.02
_LINGER_SECONDS: Final = 1.0
_LINGER_AT_ONCE: Final = struct.pack("hh" if os.name == "nt" else "ii", 1, 0)


async def play(
    script: Script,
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    ending: Callable[[], object] = lambda: None,
) -> None:
    """Does what `script` says. Calls `ending` before the client can see the end of it."""
    block = bytearray(script.head)
    for index, frame in enumerate(script.frames):
        if (script.pause and index) or len(block) >= _BLOCK:
            await _send(writer, block)
            await asyncio.sleep(script.pause)
        block += frame
    if script.fault is not None:
        # Some systems and some clients drop what was received and not yet read once the fault arrives.
        await _send(writer, block)
        await asyncio.sleep(_SETTLE_SECONDS)
        block += script.fault
    ending()
    await _send(writer, block)
    if script.ending is Ending.STALL:
        await _discard(reader)
    elif script.ending is Ending.RESET:
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_AT_ONCE)
        writer.transport.abort()


async def linger(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Ends the answer to a request that was not read to its end, and lets the client read it."""
    # To close a connection with unread bytes resets it, and the client would never read why it was refused.
    writer.write_eof()
    with suppress(asyncio.TimeoutError):
        await asyncio.wait_for(_discard(reader), _LINGER_SECONDS)


async def _send(writer: asyncio.StreamWriter, block: bytearray) -> None:
    if block:
        writer.write(bytes(block))
        block.clear()
    await writer.drain()


async def _discard(reader: asyncio.StreamReader) -> None:
    while await reader.read(_BLOCK):
        pass
