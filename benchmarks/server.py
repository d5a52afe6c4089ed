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
from typing import TYPE_CHECKING, Final

from midstream.faults.answers import text_answer

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping

__all__ = ("MODEL", "SHORTEST", "serving")

MODEL: Final = "claude-bench"

SHORTEST: Final = 9
"""Events of the default answer, pings not counted."""

_NO_DELTAS: Final = 5
"""Events of an answer that are not content deltas, pings not counted."""

_PIECE: Final = 1 << 16
_BACKLOG: Final = 1024

_OVERLOADED: Final = b'{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}'
_ERROR: Final = b"event: error\ndata: " + _OVERLOADED + b"\n\n"


def _events(count: int) -> list[bytes]:
    return [event.wire for event in text_answer(count - _NO_DELTAS).events(MODEL) if not event.is_ping]


def _together(count: int) -> bytes:
    body = b"".join(_events(count))
    return _head("200 OK", "text/event-stream", f"content-length: {len(body)}") + body


def _chunked(count: int) -> bytes:
    return _chunks(_events(count)) + b"0\r\n\r\n"


def _held(count: int) -> bytes:
    # In chunks, so that the last one is all that a client can have left of what it has read.
    return _chunks(_events(count + SHORTEST)[:count])


def _chunks(events: list[bytes]) -> bytes:
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(wire), wire) for wire in events)
    return _head("200 OK", "text/event-stream", "transfer-encoding: chunked") + chunks


def _failing(count: int) -> bytes:
    body = b"".join(_events(SHORTEST)[:count]) + _ERROR
    return _head("200 OK", "text/event-stream", f"content-length: {len(body)}") + body


def _refused(status: int) -> bytes:
    return _head(f"{status} Refused", "application/json", f"content-length: {len(_OVERLOADED)}") + _OVERLOADED


def _whole(_: int) -> bytes:
    body = text_answer().message(MODEL)
    return _head("200 OK", "application/json", f"content-length: {len(body)}") + body


_BODIES: Final[Mapping[str, Callable[[int], bytes]]] = {
    "whole": _whole,
    "together": _together,
    "chunked": _chunked,
    "held": _held,
    "failing": _failing,
    "refused": _refused,
}
"""By the first word of the prompt, what its number makes of it: a message; so many events in one piece; each in an
HTTP chunk of its own; so many events and then nothing; so many events and then an error event; an HTTP error."""


def _head(status: str, content_type: str, framing: str) -> bytes:
    return f"HTTP/1.1 {status}\r\ncontent-type: {content_type}\r\nrequest-id: req_bench\r\n{framing}\r\n\r\n".encode()


@functools.cache
def answer(prompt: str) -> bytes:
    """The whole HTTP response to a request with this prompt."""
    kind, _, number = prompt.partition(" ")
    return _BODIES[kind](int(number or 0))


async def _handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            length = int(head.partition(b"content-length:")[2].split(b"\r\n", 1)[0])
            request = json.loads(await reader.readexactly(length))
            response = memoryview(answer(request["messages"][0]["content"]))
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
