"""The answers that benchmarks get, and a server in another process that gives them.

It answers from memory, without a delay, and keeps connections open. The prompt of a request selects the answer: see
`_BODIES`.
"""

from __future__ import annotations

import asyncio
import functools
import json
import subprocess
import sys
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from midstream.faults._answers import text_answer
from midstream.faults._wire import LAST_CHUNK, chunk, head, sse

MODEL: Final = "claude-bench"
"""The same for every request, so that no metric gets a series for each answer."""

SHORTEST: Final = 9
"""The events of the default answer, without pings."""

_NO_DELTAS: Final = 5
"""Its events that are not content deltas."""

_BACKLOG: Final = 1024

_OVERLOADED: Final = b'{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}'
_ERROR_EVENT: Final = sse("error", _OVERLOADED)


@dataclass(frozen=True)
class CannedAnswer:
    """An HTTP response."""

    status: int
    media_type: str
    pieces: tuple[bytes, ...]
    """The body. If the answer is `chunked`, each piece is an HTTP chunk."""
    chunked: bool = False
    ended: bool = True
    """Whether the chunks are followed by the one that ends the body."""

    @property
    def headers(self) -> dict[str, str]:
        """The headers, without the framing of the body."""
        return {"content-type": self.media_type, "request-id": "req_bench"}

    @functools.cached_property
    def wire(self) -> bytes:
        """The whole response, in HTTP/1.1."""
        body = b"".join(map(chunk, self.pieces) if self.chunked else self.pieces)
        framing = {"transfer-encoding": "chunked"} if self.chunked else {"content-length": str(len(body))}
        end = LAST_CHUNK if self.chunked and self.ended else b""
        return head(self.status, {**self.headers, **framing}) + body + end


def _events(count: int) -> list[bytes]:
    return [event.wire for event in text_answer(count - _NO_DELTAS).events(MODEL) if not event.is_ping]


def _stream(*pieces: bytes, chunked: bool = False, ended: bool = True) -> CannedAnswer:
    return CannedAnswer(200, "text/event-stream", pieces, chunked, ended)


_BODIES: Final[Mapping[str, Callable[[int], CannedAnswer]]] = {
    "whole": lambda _: CannedAnswer(200, "application/json", (text_answer().message(MODEL),)),
    "together": lambda events: _stream(b"".join(_events(events))),
    "chunked": lambda events: _stream(*_events(events), chunked=True),
    "held": lambda events: _stream(*_events(events + SHORTEST)[:events], chunked=True, ended=False),
    "failing": lambda events: _stream(b"".join([*_events(SHORTEST)[:events], _ERROR_EVENT])),
    "refused": lambda status: CannedAnswer(status, "application/json", (_OVERLOADED,)),
}
"""What the first word of a prompt makes of its number: a message; a stream of that many events in one piece; the same
with an HTTP chunk for each event; a stream that stays open after that many events; one with an error event after
them; an HTTP error with that status."""


@functools.cache
def answer(prompt: str) -> CannedAnswer:
    """The answer to a request with this prompt."""
    kind, _, number = prompt.partition(" ")
    return _BODIES[kind](int(number or 0))


def prompt_of(request: Any) -> str:
    """The prompt of a decoded request."""
    prompt: str = request["messages"][0]["content"]
    return prompt


def request_for(prompt: str) -> dict[str, Any]:
    """The arguments of a call that has the answer to `prompt`."""
    return {"model": MODEL, "max_tokens": 1, "messages": [{"role": "user", "content": prompt}]}


async def _handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            length = int(head.partition(b"content-length:")[2].split(b"\r\n", 1)[0])
            request = json.loads(await reader.readexactly(length))
            writer.write(answer(prompt_of(request)).wire)
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


async def _serve() -> None:
    server = await asyncio.start_server(_handle, "127.0.0.1", 0, backlog=_BACKLOG)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


@contextmanager
def serving() -> Generator[str]:
    """The URL of a server that runs until the end of the block."""
    with subprocess.Popen([sys.executable, __file__], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None  # noqa: S101 - it is a pipe
            yield process.stdout.readline().strip()
        finally:
            process.kill()


if __name__ == "__main__":
    asyncio.run(_serve())
