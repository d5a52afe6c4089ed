"""A server for benchmarks, in a process of its own: it answers at once, from memory, and keeps connections.

The prompt says what it answers: see `_BODIES`. Whatever the answer, the request has the same model, so that all
requests of a kind are alike to who counts by model.
"""

from __future__ import annotations

import asyncio
import functools
import json
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from midstream.faults._answers import text_answer

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping

__all__ = ("MODEL", "SHORTEST", "Answer", "answer", "serving")

MODEL: Final = "claude-bench"

SHORTEST: Final = 9
"""Events of the default answer, pings not counted."""

_NO_DELTAS: Final = 5
"""Events of an answer that are not content deltas, pings not counted."""

_PIECE: Final = 1 << 16
_BACKLOG: Final = 1024
_LAST_CHUNK: Final = b"0\r\n\r\n"

_OVERLOADED: Final = b'{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}'
_ERROR: Final = b"event: error\ndata: " + _OVERLOADED + b"\n\n"


@dataclass(frozen=True)
class Answer:
    """What the server answers."""

    status: int
    media_type: str
    pieces: tuple[bytes, ...]
    """Of the body: each is an HTTP chunk if it is `chunked`."""
    chunked: bool = False
    ended: bool = True
    """Whether the last chunk is marked as the last."""

    @property
    def headers(self) -> dict[str, str]:
        """All but those of the framing."""
        return {"content-type": self.media_type, "request-id": "req_bench"}

    @functools.cached_property
    def wire(self) -> bytes:
        """The whole HTTP response."""
        body = b"".join(map(_chunk, self.pieces) if self.chunked else self.pieces)
        framing = "transfer-encoding: chunked" if self.chunked else f"content-length: {len(body)}"
        headers = (*(f"{name}: {value}" for name, value in self.headers.items()), framing)
        head = "\r\n".join((f"HTTP/1.1 {self.status} Told", *headers, "", ""))
        return head.encode() + body + (_LAST_CHUNK if self.chunked and self.ended else b"")


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def _events(count: int) -> list[bytes]:
    return [event.wire for event in text_answer(count - _NO_DELTAS).events(MODEL) if not event.is_ping]


def _stream(events: list[bytes], *, chunked: bool = False, ended: bool = True) -> Answer:
    return Answer(200, "text/event-stream", tuple(events) if chunked else (b"".join(events),), chunked, ended)


def _together(count: int) -> Answer:
    return _stream(_events(count))


def _chunked(count: int) -> Answer:
    return _stream(_events(count), chunked=True)


def _held(count: int) -> Answer:
    # In chunks, so that the last one is all that a client can have left of what it has read.
    return _stream(_events(count + SHORTEST)[:count], chunked=True, ended=False)


def _failing(count: int) -> Answer:
    return _stream([*_events(SHORTEST)[:count], _ERROR])


def _refused(status: int) -> Answer:
    return Answer(status, "application/json", (_OVERLOADED,))


def _whole(_: int) -> Answer:
    return Answer(200, "application/json", (text_answer().message(MODEL),))


_BODIES: Final[Mapping[str, Callable[[int], Answer]]] = {
    "whole": _whole,
    "together": _together,
    "chunked": _chunked,
    "held": _held,
    "failing": _failing,
    "refused": _refused,
}
"""By the first word of the prompt, what its number makes of it: a message; so many events in one piece; each in an
HTTP chunk of its own; so many events and then nothing; so many events and then an error event; an HTTP error."""


@functools.cache
def answer(prompt: str) -> Answer:
    """What a request with this prompt gets."""
    kind, _, number = prompt.partition(" ")
    return _BODIES[kind](int(number or 0))


async def _handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            length = int(head.partition(b"content-length:")[2].split(b"\r\n", 1)[0])
            request = json.loads(await reader.readexactly(length))
            response = memoryview(answer(request["messages"][0]["content"]).wire)
            for start in range(0, len(response), _PIECE):
                writer.write(response[start : start + _PIECE])
                await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


async def _serve() -> None:
    server = await asyncio.start_server(_handle, "127.0.0.1", 0, backlog=_BACKLOG)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


@contextmanager
def serving() -> Generator[str]:
    """Runs the server in another process, and gives its URL."""
    with subprocess.Popen([sys.executable, __file__], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None  # noqa: S101 - it is a pipe, as asked for
            yield process.stdout.readline().strip()
        finally:
            process.kill()


if __name__ == "__main__":
    asyncio.run(_serve())
