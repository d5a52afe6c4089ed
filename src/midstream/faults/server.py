"""The server: an asyncio loop in a thread of its own that plays scripts on loopback sockets."""

from __future__ import annotations

import asyncio
import os
import socket
import struct
from concurrent.futures import Future
from contextlib import suppress
from itertools import count
from threading import Thread
from typing import TYPE_CHECKING, Final

from midstream.faults.requests import LONGEST_HEAD, Refused, read_request
from midstream.faults.routes import script_for
from midstream.faults.scripts import Ending, Script, refusal_script

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from typing_extensions import Self

    from midstream.faults.requests import Request

__all__ = ("FaultServer",)

_BLOCK: Final = 64 * 1024
_BACKLOG: Final = 512
_SETTLE_SECONDS: Final = 0.02
_LINGER_SECONDS: Final = 1.0
_LINGER_AT_ONCE: Final = struct.pack("hh" if os.name == "nt" else "ii", 1, 0)


class FaultServer:
    """A fake Messages API. A context manager; it can be started again after it was stopped.

    `host` is an address or a name of this machine, `port` the one to listen on; 0 takes a free one.
    """

    def __init__(self, host: str = "127.0.0.1", port: int = 0) -> None:
        self._host = host
        self._wanted_port = port
        self._running: _Running | None = None

    @property
    def host(self) -> str:
        """The host that the server was made for."""
        return self._host

    @property
    def port(self) -> int:
        """The port it listens on. Raises `RuntimeError` while it is not running."""
        if self._running is None:
            message = "the server is not running"
            raise RuntimeError(message)
        return self._running.port

    @property
    def url(self) -> str:
        """The base URL for a client, with no slash at its end. Raises `RuntimeError` while not running."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self.port}"

    def start(self) -> None:
        """Listen, and answer from now on, in a thread of its own.

        Raises `OSError` if the address cannot be had, for instance because the port is taken, and
        `RuntimeError` if the server is running already.
        """
        if self._running is not None:
            message = "the server is running already"
            raise RuntimeError(message)
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        listener = socket.create_server((self._host, self._wanted_port), family=family, backlog=_BACKLOG)
        self._running = _Running(listener, self.answer)

    def stop(self) -> None:
        """Stop listening, close every connection and wait for the thread. Does nothing while not running."""
        running, self._running = self._running, None
        if running is not None:
            running.stop()

    def answer(self, request: Request, number: int) -> Script:
        """What is done about the `number`-th request. A subclass may speak another API."""
        return script_for(request, number)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        self.stop()


class _Running:
    """One run of the server: the listening socket, the loop in its thread, the open connections."""

    def __init__(self, listener: socket.socket, answer: Callable[[Request, int], Script]) -> None:
        self.port: int = listener.getsockname()[1]
        self._answer = answer
        self._listener = listener
        self._numbers = count(1)
        self._connections: dict[asyncio.Task[None], asyncio.StreamWriter] = {}
        self._stopped = False
        self._started: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = Future()
        self._thread = Thread(target=self._run, name=f"midstream-faults-{self.port}", daemon=True)
        self._thread.start()
        self._loop, self._stopping = self._started.result()

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join()

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        finally:
            # Whoever waits for the start learns that there is none; a start that happened stays.
            self._started.cancel()

    async def _serve(self) -> None:
        stopping = asyncio.Event()
        server = await asyncio.start_server(self._accept, sock=self._listener, limit=LONGEST_HEAD)
        self._started.set_result((asyncio.get_running_loop(), stopping))
        await stopping.wait()
        self._stopped = True
        # Only then is the server closed: a connection that asyncio is accepting while it closes is left open.
        while others := asyncio.all_tasks() - {asyncio.current_task()}:
            for task, writer in self._connections.items():
                writer.transport.abort()
                task.cancel()
            await asyncio.wait(others)
        server.close()
        await server.wait_closed()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._stopped:
            writer.transport.abort()
            return
        # No coroutine function: a task that asyncio starts by itself complains when it is cancelled.
        task = asyncio.get_running_loop().create_task(self._connection(reader, writer))
        self._connections[task] = writer
        task.add_done_callback(self._connections.pop)

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # Only with an empty buffer is `drain` over: what precedes a fault must have left before the fault.
        writer.transport.set_write_buffer_limits(high=0)
        # OSError: the client is free to go away at any time.
        with suppress(OSError):
            try:
                while await self._exchange(reader, writer):
                    pass
            finally:
                writer.close()
                await writer.wait_closed()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Answer one request; say whether the connection waits for another."""
        try:
            request = await read_request(reader)
        except Refused as refused:
            refusal = refused.refusal
            script = refusal_script(refusal.error_type, refusal.message, next(self._numbers))
            await _play(script, reader, writer)
            await _linger(reader, writer)
            return False
        if request is None:
            return False
        script = self._answer(request, next(self._numbers))
        await _play(script, reader, writer)
        return script.ending is Ending.KEEP and request.keeps_open


async def _play(script: Script, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    block = bytearray(script.head)
    for frame in script.frames:
        block += frame
        if script.pause or len(block) >= _BLOCK:
            await _send(writer, block)
            await asyncio.sleep(script.pause)
    await _send(writer, block)
    if script.fault is not None:
        # Some systems and some clients drop what was received and not yet read once the fault arrives.
        await asyncio.sleep(_SETTLE_SECONDS)
        await _send(writer, bytearray(script.fault))
    if script.ending is Ending.STALL:
        await _discard(reader)
    elif script.ending is Ending.RESET:
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_AT_ONCE)
        writer.transport.abort()


async def _send(writer: asyncio.StreamWriter, block: bytearray) -> None:
    if block:
        writer.write(bytes(block))
        block.clear()
    await writer.drain()


async def _discard(reader: asyncio.StreamReader) -> None:
    while await reader.read(_BLOCK):
        pass


async def _linger(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    # To close a connection with unread bytes resets it, and the client would never read why it was refused.
    writer.write_eof()
    with suppress(asyncio.TimeoutError):
        await asyncio.wait_for(_discard(reader), _LINGER_SECONDS)
