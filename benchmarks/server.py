"""A server for benchmarks, in a process of its own: it answers at once, from memory, and keeps connections.

The model name asks for `events:N`, N content events in one piece, `chunked:N`, each event in an HTTP chunk of its
own, `overloaded`, an error event after four events, or anything else: a whole message that is not streamed.
"""

from __future__ import annotations

import functools
import json
import socketserver
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from midstream.faults.answers import text_answer

if TYPE_CHECKING:
    from collections.abc import Generator

__all__ = ("serving",)

_ERROR = b'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}\n\n'


@functools.cache
def answer(model: str) -> bytes:
    """The whole HTTP response to a request for `model`."""
    kind, _, count = model.partition(":")
    if kind == "chunked":
        events = text_answer(int(count)).events(model)
        body = b"".join(b"%x\r\n%b\r\n" % (len(event.wire), event.wire) for event in events) + b"0\r\n\r\n"
        return _head("text/event-stream", "transfer-encoding: chunked") + body
    if kind == "events":
        body = b"".join(event.wire for event in text_answer(int(count)).events(model))
        return _head("text/event-stream", f"content-length: {len(body)}") + body
    if kind == "overloaded":
        body = b"".join(event.wire for event in text_answer(2).events(model)[:5]) + _ERROR
        return _head("text/event-stream", f"content-length: {len(body)}") + body
    body = text_answer().message(model)
    return _head("application/json", f"content-length: {len(body)}") + body


def _head(content_type: str, framing: str) -> bytes:
    return f"HTTP/1.1 200 OK\r\ncontent-type: {content_type}\r\nrequest-id: req_bench\r\n{framing}\r\n\r\n".encode()


class _Handler(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        while self.rfile.readline():
            length = 0
            while (line := self.rfile.readline()) not in (b"\r\n", b""):
                name, _, value = line.partition(b":")
                if name.lower() == b"content-length":
                    length = int(value)
            model = json.loads(self.rfile.read(length))["model"]
            self.wfile.write(answer(model))


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True


@contextmanager
def serving() -> Generator[str]:
    """Runs the server in another process, and gives its URL."""
    with subprocess.Popen([sys.executable, __file__], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None  # noqa: S101 - it is a pipe, as asked for
            yield process.stdout.readline().strip()
        finally:
            process.kill()


def main() -> None:
    """Serves on a free loopback port, and prints its URL."""
    with _Server(("127.0.0.1", 0), _Handler) as server:
        print(f"http://127.0.0.1:{server.server_address[1]}", flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main()
