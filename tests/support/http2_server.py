"""A fake Messages API that speaks HTTP/2, without TLS, to clients that know beforehand that it does.

The model name in a request picks the answer.
"""

from __future__ import annotations

import asyncio
import json
import socket
from contextlib import suppress
from threading import Event, Thread
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import DataReceived, PingAckReceived, RequestReceived, StreamEnded
from h2.exceptions import ProtocolError

from midstream.faults._answers import text_answer
from midstream.faults._api_errors import api_error, envelope
from midstream.faults._script import request_id_of
from midstream.faults._wire import EVENT_STREAM, JSON, sse, to_json

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType

    from typing_extensions import Self

__all__ = ("AFTER_CONTENT", "Http2Server")

_BLOCK: Final = 64 * 1024
_SENT_FIRST: Final = 5
"""Events that are sent first: up to the second content delta, with the API's ping."""


class Http2Server:
    """A context manager: it listens on a free port of this machine while entered."""

    connections: int = 0
    """How many clients have connected."""

    def __enter__(self) -> Self:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._started = Event()
        self._thread = Thread(target=lambda: asyncio.run(self._serve()), name="http2-server", daemon=True)
        self._thread.start()
        self._started.wait()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join()

    @property
    def url(self) -> str:
        """The base URL for a client."""
        host, port = self._listener.getsockname()
        return f"http://{host}:{port}"

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stopping = asyncio.Event()
        self._tasks: dict[asyncio.Task[None], asyncio.StreamWriter] = {}
        server = await asyncio.start_server(self._accept, sock=self._listener)
        self._started.set()
        await self._stopping.wait()
        for writer in self._tasks.values():
            writer.transport.abort()
        await asyncio.gather(*self._tasks)
        server.close()
        await server.wait_closed()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = self._loop.create_task(_Connection(reader, writer).serve())
        self._tasks[task] = writer
        task.add_done_callback(self._tasks.pop)


class _Connection:
    """One client's connection, and the streams on it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.http = H2Connection(H2Configuration(client_side=False))
        self.held: list[int] = []
        """The streams that wait for the reset of another."""
        self._reader = reader
        self._writer = writer
        self._bodies: dict[int, bytes] = {}
        self._models: dict[int, str] = {}
        self._broken_off = False

    async def serve(self) -> None:
        """Answers requests until the client has gone."""
        # The client is free to go away at any time, or to speak something else.
        with suppress(OSError, ProtocolError):
            try:
                self.http.initiate_connection()
                while data := await self._reader.read(_BLOCK):
                    self._receive(data)
                    await self._writer.drain()
            finally:
                self._writer.close()
                await self._writer.wait_closed()

    def respond(self, stream: int, status: int, content_type: str, *pieces: bytes) -> None:
        """Sends the head of a response, and the first pieces of its body."""
        head = {":status": str(status), "content-type": content_type, "request-id": request_id_of(stream)}
        self.http.send_headers(stream, list(head.items()))
        self.go_on(stream, *pieces)

    def go_on(self, stream: int, *pieces: bytes) -> None:
        """Sends more of a body."""
        for piece in pieces:
            self.http.send_data(stream, piece)

    def stop(self, error: ErrorCodes, last_stream: int) -> None:
        """Sends GOAWAY: only the streams up to `last_stream` may have been answered. Then closes the connection."""
        self.http.close_connection(error, last_stream_id=last_stream)
        self.break_off()

    def break_off(self, last_words: bytes = b"") -> None:
        """Closes the connection, after these bytes that need not be HTTP/2."""
        self._writer.write(self.http.data_to_send() + last_words)
        self._writer.write_eof()
        self._broken_off = True

    def _receive(self, data: bytes) -> None:
        if self._broken_off:
            # What the client says is still read, and ignored: else it would see a reset.
            return
        for event in self.http.receive_data(data):
            if isinstance(event, RequestReceived):
                self._bodies[event.stream_id] = b""
            elif isinstance(event, DataReceived):
                self._bodies[event.stream_id] += event.data
                self.http.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            elif isinstance(event, StreamEnded):
                self._answer(event.stream_id, str(json.loads(self._bodies.pop(event.stream_id))["model"]))
            elif isinstance(event, PingAckReceived):
                stream = int.from_bytes(event.ping_data, "big")
                model = self._models.pop(stream)
                AFTER_CONTENT[model](self, stream, _pieces(model)[_SENT_FIRST:])
        if not self._broken_off:
            self._writer.write(self.http.data_to_send())

    def _answer(self, stream: int, model: str) -> None:
        family, _, status = model.partition(":")
        if family == "http":
            self.respond(stream, int(status or 529), JSON, to_json(_overloaded(request_id_of(stream))))
            self.http.end_stream(stream)
            return
        self.respond(stream, 200, EVENT_STREAM, *_pieces(model)[:_SENT_FIRST])
        # The rest comes when the client has read this: it answers a ping behind it.
        self._models[stream] = model
        self.http.ping(stream.to_bytes(8, "big"))


def _pieces(model: str) -> tuple[bytes, ...]:
    return tuple(event.wire for event in text_answer().events(model))


def _overloaded(request_id: str) -> dict[str, object]:
    return envelope("overloaded_error", api_error("overloaded_error").message, request_id)


def _whole(connection: _Connection, stream: int, rest: tuple[bytes, ...]) -> None:
    connection.go_on(stream, *rest)
    connection.http.end_stream(stream)


def _held(connection: _Connection, stream: int, _rest: tuple[bytes, ...]) -> None:
    connection.held.append(stream)


def _in_band(connection: _Connection, stream: int, _rest: tuple[bytes, ...]) -> None:
    _whole(connection, stream, (sse("error", to_json(_overloaded("req_in_band_000001"))),))


def _truncated(connection: _Connection, stream: int, _rest: tuple[bytes, ...]) -> None:
    connection.http.end_stream(stream)


def _reset(connection: _Connection, stream: int, rest: tuple[bytes, ...]) -> None:
    connection.http.reset_stream(stream, ErrorCodes.INTERNAL_ERROR)
    while connection.held:
        _whole(connection, connection.held.pop(), rest)


def _goaway(connection: _Connection, stream: int, _rest: tuple[bytes, ...]) -> None:
    connection.stop(ErrorCodes.INTERNAL_ERROR, stream)


def _disowned(connection: _Connection, stream: int, _rest: tuple[bytes, ...]) -> None:
    connection.stop(ErrorCodes.NO_ERROR, stream - 2)


def _closed(connection: _Connection, _stream: int, _rest: tuple[bytes, ...]) -> None:
    connection.break_off()


def _garbage(connection: _Connection, _stream: int, _rest: tuple[bytes, ...]) -> None:
    connection.break_off(_DATA_FOR_NO_STREAM)


def _stall(_connection: _Connection, _stream: int, _rest: tuple[bytes, ...]) -> None:
    pass


_DATA_FOR_NO_STREAM: Final = b"\0\0\1" + b"\0\0" + b"\0\0\0\0" + b"?"

AFTER_CONTENT: Final[Mapping[str, Callable[[_Connection, int, tuple[bytes, ...]], None]]] = MappingProxyType(
    {
        "whole": _whole,
        "held": _held,
        "in_band": _in_band,
        "truncated": _truncated,
        "reset": _reset,
        "goaway": _goaway,
        "disowned": _disowned,
        "closed": _closed,
        "garbage": _garbage,
        "stall": _stall,
    }
)
"""By model name, what follows once the client has read the first content. Besides, `http` is an HTTP error, and
`http:500` one of another status.

A `held` answer goes on when another stream of the connection is reset.
"""
