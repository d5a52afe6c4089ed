"""The server: an asyncio loop in a thread of its own that plays scripts on loopback sockets."""

from __future__ import annotations

import asyncio
import socket
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from threading import Thread
from typing import TYPE_CHECKING, Final

from midstream.faults.latency import AT_ONCE, Latency
from midstream.faults.log import End, Log, Served
from midstream.faults.plans import Sequence
from midstream.faults.playing import Client
from midstream.faults.requests import MAX_HEAD_LENGTH, Refused, read_request
from midstream.faults.routes import script_for
from midstream.faults.scripts import Ending, Script, refusal_script

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from types import TracebackType

    from typing_extensions import Self

    from midstream.faults.log import Entry
    from midstream.faults.plans import Plan
    from midstream.faults.requests import Refusal, Request

__all__ = ("Exchange", "FaultServer")

_BACKLOG: Final = 512


@dataclass(frozen=True, eq=False)
class Exchange:
    """The `number`-th request of a server, the client that waits for the answer, and the entry in the log."""

    request: Request
    number: int
    client: Client
    entry: Entry

    async def play(self, script: Script, latency: Latency) -> bool:
        """Answer with `script`; say whether the connection waits for another request."""
        self.entry.plays(script)
        await self.client.play(script, latency, lambda: self.entry.note(end=End.PLAYED))
        return script.ending is Ending.KEEP and self.request.keeps_open


class FaultServer:
    """A fake Messages API. A context manager; it can be started again after it was stopped.

    `host` is an address or a name of this machine, `port` the one to listen on; 0 takes a free one. Where there is a
    `plan`, it chooses what happens to a request. What it leaves alone is as the model says, or answered whole if the
    model is no scenario; without a plan such a model is refused. `latency` comes on top of what scenarios take. `tell`
    is called with each request that has ended, in the server's thread.
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        plan: Plan | None = None,
        latency: Latency = AT_ONCE,
        tell: Callable[[Served], None] | None = None,
    ) -> None:
        self.plan = plan
        """Chooses what happens to the next requests. It can be set at any time, from any thread."""
        self._host = host
        self._wanted_port = port
        self._latency = latency
        self._tell = tell
        self._log = Log()
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

    @property
    def requests(self) -> tuple[Served, ...]:
        """The requests since the server was started, up to the last 10,000. Stays when the server is stopped."""
        return self._log.entries

    def script(self, *scenarios: str, repeat: bool = False) -> None:
        """Plan the next requests: each gets the next of `scenarios`, whatever model it names.

        After the last of them, or with none at all, a model that is a scenario counts again, and any other is answered
        whole; with `repeat` they begin again. Replaces what was planned before. Raises `ValueError` for a name that is
        no scenario.
        """
        self.plan = Sequence(scenarios, repeat=repeat)

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
        self._log = Log(self._tell)
        self._running = _Running(listener, self.reply, self._log)

    def stop(self) -> None:
        """Stop listening, close every connection and wait for the thread. Does nothing while not running."""
        running, self._running = self._running, None
        if running is not None:
            running.stop()

    def answer(self, request: Request, number: int) -> Script:
        """What is done about the `number`-th request. A subclass may speak another API."""
        return script_for(request, number, self.plan)

    async def reply(self, exchange: Exchange) -> bool:
        """Answer a request; say whether the connection waits for another. A subclass may do other things than play."""
        return await exchange.play(self.answer(exchange.request, exchange.number), self._latency)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        self.stop()


class _Running:
    """One run of the server: the listening socket, the loop in its thread, the open connections."""

    def __init__(self, listener: socket.socket, reply: Callable[[Exchange], Awaitable[bool]], log: Log) -> None:
        self.port: int = listener.getsockname()[1]
        self._reply = reply
        self._log = log
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
        server = await asyncio.start_server(self._accept, sock=self._listener, limit=MAX_HEAD_LENGTH)
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
        client = Client(reader, writer)
        # OSError: the client is free to go away at any time.
        with suppress(OSError):
            try:
                while await self._exchange(client):
                    pass
            finally:
                writer.close()
                await writer.wait_closed()

    async def _exchange(self, client: Client) -> bool:
        """Answer one request; say whether the connection waits for another."""
        try:
            request = await read_request(client.reader)
        except Refused as refused:
            await self._refuse(client, refused.refusal)
            return False
        if request is None:
            return False
        number = next(self._numbers)
        with self._log.entry(Served.of(request, number)) as entry:
            return await self._reply(Exchange(request, number, client, entry))

    async def _refuse(self, client: Client, refusal: Refusal) -> None:
        number = next(self._numbers)
        script = refusal_script(refusal.error_type, refusal.message, number)
        with self._log.entry(Served(number, "", "")) as entry:
            entry.plays(script)
            await client.play(script, ending=lambda: entry.note(end=End.PLAYED))
            await client.linger()
