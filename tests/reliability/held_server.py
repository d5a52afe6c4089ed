"""The scenarios of the fault server, from a separate process that can hold its streams open and counts them.

It runs in another process so that neither its objects nor its file descriptors are those of the test. It takes orders
on stdin, a line each, answers each with a number on stdout, and ends with stdin. The id of a request is made from the
`max_tokens` that it asks for, so a test that gives every call a number there knows the ids beforehand.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from midstream.faults._http_request import MAX_HEAD_LENGTH, read_request
from midstream.faults._playing import Client
from midstream.faults._routes import script_for
from midstream.faults._script import Ending, request_id_of

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from midstream.faults._script import Script

__all__ = ("HeldServer", "held_server", "request_id_of")

_HOST: Final = "127.0.0.1"
_BACKLOG: Final = 4096
_EVENT_STREAM: Final = b"text/event-stream"


@dataclass(frozen=True)
class HeldServer:
    """The running server, as the test sees it."""

    process: subprocess.Popen[str]
    port: int
    host: str = _HOST

    @property
    def url(self) -> str:
        """The base URL for a client."""
        return f"http://{self.host}:{self.port}"

    def hold(self) -> None:
        """Streams that begin from now on stop after their first event."""
        self._ask("hold")

    def go(self) -> None:
        """Lets all streams go on, and does not hold later ones."""
        self._ask("go")

    def held(self) -> int:
        """The number of streams that are held after their first event."""
        return self._ask("held")

    def connections(self) -> int:
        """How many connections are open."""
        return self._ask("connections")

    def hang_up(self) -> None:
        """Closes idle connections."""
        self._ask("hang_up")

    def _ask(self, order: str) -> int:
        pipes = self.process.stdin, self.process.stdout
        assert pipes[0] is not None
        assert pipes[1] is not None
        pipes[0].write(f"{order}\n")
        pipes[0].flush()
        return int(pipes[1].readline())


@contextmanager
def held_server() -> Generator[HeldServer]:
    """Runs the server until the end of the `with` block."""
    with subprocess.Popen(
        (sys.executable, __file__), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            yield HeldServer(process, int(process.stdout.readline()))
        finally:
            process.kill()


class _Server:
    """The server, as it runs in its process."""

    def __init__(self) -> None:
        self._open: set[asyncio.StreamWriter] = set()
        self._idle: set[asyncio.StreamWriter] = set()
        self._held = 0
        self._gate: asyncio.Event | None = None

    async def serve(self) -> None:
        server = await asyncio.start_server(self._connection, _HOST, 0, limit=MAX_HEAD_LENGTH, backlog=_BACKLOG)
        orders = asyncio.StreamReader()
        await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)
        print(server.sockets[0].getsockname()[1], flush=True)  # noqa: T201 - the protocol
        obey: dict[str, Callable[[], int]] = {
            "hold": self._hold,
            "go": self._go,
            "held": lambda: self._held,
            "connections": lambda: len(self._open),
            "hang_up": self._hang_up,
        }
        while order := (await orders.readline()).decode().strip():
            print(obey[order](), flush=True)  # noqa: T201 - the protocol
        os._exit(0)

    def _hold(self) -> int:
        self._gate = asyncio.Event()
        return 0

    def _go(self) -> int:
        gate, self._gate = self._gate, None
        if gate is not None:
            gate.set()
        return 0

    def _hang_up(self) -> int:
        for writer in self._idle:
            writer.close()
        return len(self._idle)

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # Only with an empty buffer is `drain` over: what precedes a fault must have left before the fault.
        writer.transport.set_write_buffer_limits(high=0)
        self._open.add(writer)
        # OSError: the client is free to go away at any time.
        with suppress(OSError):
            try:
                while await self._exchange(reader, writer):
                    pass
            finally:
                writer.close()
                self._open.discard(writer)

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        self._idle.add(writer)
        try:
            request = await read_request(reader)
        finally:
            self._idle.discard(writer)
        if request is None:
            return False
        asked: dict[str, Any] = json.loads(request.body)
        script = await self._begin(script_for(request, asked["max_tokens"]), writer)
        await Client(reader, writer).play(script)
        return script.ending is Ending.KEEP and request.keeps_open

    async def _begin(self, script: Script, writer: asyncio.StreamWriter) -> Script:
        """Sends the first event if streams are held. Returns the rest."""
        gate = self._gate
        if gate is None or _EVENT_STREAM not in script.head:
            return script
        first, *others = script.frames
        writer.write(script.head + first)
        await writer.drain()
        self._held += 1
        await gate.wait()
        self._held -= 1
        return replace(script, head=b"", frames=tuple(others))


if __name__ == "__main__":
    asyncio.run(_Server().serve())
