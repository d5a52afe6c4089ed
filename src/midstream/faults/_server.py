"""The server: a thread with an asyncio loop that plays scripts on loopback sockets."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from threading import Thread
from typing import TYPE_CHECKING, Final

from midstream.faults._http_request import MAX_HEAD_LENGTH, HttpRequest, RefusedRequestError, read_request
from midstream.faults._latency import NO_LATENCY, Latency
from midstream.faults._log import End, Log, LogEntry, Served
from midstream.faults._plans import Plan, Sequence
from midstream.faults._playing import Client
from midstream.faults._routes import script_for
from midstream.faults._script import Ending, Script, refusal_script

if TYPE_CHECKING:
    from typing_extensions import Self

_BACKLOG: Final = 512


@dataclass(frozen=True, eq=False)
class Exchange:
    """The `number`-th request of a server, the client that waits for the answer, and the entry in the log."""

    request: HttpRequest
    number: int
    client: Client
    entry: LogEntry

    async def play(self, script: Script, latency: Latency) -> bool:
        """Answer with `script`; return whether the connection waits for another request."""
        self.entry.plays(script)
        await self.client.play(script, latency, lambda: self.entry.note(end=End.PLAYED))
        return script.ending is Ending.KEEP and self.request.keeps_open


class FaultServer:
    """A fake Messages API. A context manager; it can be started again after it was stopped.

    `host` is an address or a name of this machine, `port` the port to listen on; 0 takes a free port. A `plan` chooses
    what happens to a request. For a request that it leaves alone, the model chooses; a model that is not a scenario is
    answered whole, but refused if there is no plan. `latency` is added to what scenarios take. `tell` is called with
    each request that has ended, in the server's thread.
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        plan: Plan | None = None,
        latency: Latency = NO_LATENCY,
        tell: Callable[[Served], None] | None = None,
    ) -> None:
        self.plan = plan
        """Chooses what happens to the next requests. It can be set at any time, from any thread."""
        self.host = host
        """The host that was given."""
        self._wanted_port = port
        self._latency = latency
        self._tell = tell
        self._log = Log()
        self._running: _Running | None = None

    @property
    def port(self) -> int:
        """The port that it listens on. Raises `RuntimeError` while it is not running."""
        if self._running is None:
            message = "the server is not running"
            raise RuntimeError(message)
        return self._running.port

    @property
    def url(self) -> str:
        """The base URL for a client, with no slash at its end. Raises `RuntimeError` while not running."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"

    @property
    def requests(self) -> tuple[Served, ...]:
        """The last 10,000 requests since the server was started. They stay when the server is stopped."""
        return self._log.entries

    def script(self, *scenarios: str, repeat: bool = False) -> None:
        """Plan the next requests: each gets the next of `scenarios`, whatever model it names.

        After the last, or without any, a model that is a scenario counts again, and any other model is answered whole;
        with `repeat` the scenarios start over. Replaces the previous plan. Raises `ValueError` for a name that is not a
        scenario.
        """
        self.plan = Sequence(scenarios, repeat=repeat)

    def start(self) -> None:
        """Listen, and answer in a new thread.

        Raises `OSError` if the address is not available, for instance because the port is taken, and `RuntimeError` if
        the server is already running.
        """
        if self._running is not None:
            message = "the server is already running"
            raise RuntimeError(message)
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        listener = socket.create_server((self.host, self._wanted_port), family=family, backlog=_BACKLOG)
        self._log = Log(self._tell)
        self._running = _Running(listener, self.reply, self._log)

    def stop(self) -> None:
        """Stop listening, close every connection and wait for the thread. Does nothing while not running."""
        running, self._running = self._running, None
        if running is not None:
            running.stop()

    def answer(self, request: HttpRequest, number: int) -> Script:
        """Return the script that answers the `number`-th request. A subclass may serve another API."""
        return script_for(request, number, self.plan)

    async def reply(self, exchange: Exchange) -> bool:
        """Answer a request; return whether the connection waits for another. A subclass need not play a script."""
        return await exchange.play(self.answer(exchange.request, exchange.number), self._latency)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
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
            # If the start failed, `__init__` must not wait for it forever. After a start, this does nothing.
            self._started.cancel()

    async def _serve(self) -> None:
        stopping = asyncio.Event()
        server = await asyncio.start_server(self._accept, sock=self._listener, limit=MAX_HEAD_LENGTH)
        self._started.set_result((asyncio.get_running_loop(), stopping))
        await stopping.wait()
        self._stopped = True
        # The server is closed last: asyncio leaves a connection open that it is accepting while the server closes.
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
        # Not a coroutine function: a task that asyncio starts itself logs an error when it is cancelled.
        task = asyncio.get_running_loop().create_task(self._connection(reader, writer))
        self._connections[task] = writer
        task.add_done_callback(self._connections.pop)

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        client = Client(reader, writer)
        # OSError: the client may leave at any time.
        with suppress(OSError):
            try:
                while await self._exchange(client):
                    pass
            finally:
                writer.close()
                await writer.wait_closed()

    async def _exchange(self, client: Client) -> bool:
        """Answer one request; return whether the connection waits for another."""
        try:
            request = await read_request(client.reader)
        except RefusedRequestError as refused:
            await self._refuse(client, refused)
            return False
        if request is None:
            return False
        served = Served(next(self._numbers), request.method, request.path, resends=request.resends)
        with self._log.entry(served) as entry:
            return await self._reply(Exchange(request, served.number, client, entry))

    async def _refuse(self, client: Client, refused: RefusedRequestError) -> None:
        number = next(self._numbers)
        script = refusal_script(refused.error_type, str(refused), number)
        with self._log.entry(Served(number, "", "")) as entry:
            entry.plays(script)
            await client.play(script, ending=lambda: entry.note(end=End.PLAYED))
            await client.linger()
