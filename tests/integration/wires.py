"""Responses as gateways, proxies, other vendors and the API send them, and a server that sends them byte for byte."""

from __future__ import annotations

import json
import zlib
from contextlib import contextmanager
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING, Any, Final

from support.sdk_errors import body_of, sse

if TYPE_CHECKING:
    from collections.abc import Generator

__all__ = (
    "BLOCK",
    "DELTA",
    "END",
    "HEAD",
    "HTML",
    "JSON",
    "MESSAGE",
    "PAGE",
    "SSE",
    "START",
    "STOP",
    "TAIL",
    "TEXT",
    "Wire",
    "WireServer",
    "envelope",
    "wires",
)

SSE: Final = "text/event-stream; charset=utf-8"
JSON: Final = "application/json"
HTML: Final = "text/html; charset=utf-8"

MESSAGE: Final[dict[str, Any]] = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-x",
    "content": [{"type": "text", "text": "All is well."}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {"input_tokens": 9, "output_tokens": 4},
}
PAGE: Final = b"<!doctype html><html><body>Sign in</body></html>"


def _event(data: dict[str, Any]) -> bytes:
    return sse(data["type"], data)


START: Final = _event({"type": "message_start", "message": {**MESSAGE, "content": [], "stop_reason": None}})
BLOCK: Final = _event({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}})
TEXT: Final = _event({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "All is"}})
END: Final = _event({"type": "content_block_stop", "index": 0})
DELTA: Final = _event(
    {
        "type": "message_delta",
        "delta": {"stop_reason": "end_turn", "stop_sequence": None},
        "usage": {"output_tokens": 4},
    }
)
STOP: Final = _event({"type": "message_stop"})
HEAD: Final = START + BLOCK + TEXT
TAIL: Final = END + DELTA + STOP


@dataclass(frozen=True)
class Wire:
    """A response, byte for byte."""

    body: bytes
    media_type: str = SSE
    status: int = 200
    reason: str = "OK"
    headers: tuple[tuple[str, str], ...] = ()
    lacks: int = 0
    """How many more bytes its `content-length` promises before the connection ends."""

    def packed(self) -> Wire:
        """The same with gzip as its content encoding."""
        packer = zlib.compressobj(wbits=16 + zlib.MAX_WBITS)
        body = packer.compress(self.body) + packer.flush()
        return replace(self, body=body, headers=(*self.headers, ("content-encoding", "gzip")))


class WireServer:
    """Answers every request with `wire`, and `elsewhere` with a redirect to it."""

    def __init__(self, port: int) -> None:
        self.host: Final = "127.0.0.1"
        self.url: Final = f"http://{self.host}:{port}"
        self.wire: Wire = Wire(b"")
        self.redirects: bool = False


@contextmanager
def wires() -> Generator[WireServer]:
    """A running server."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("content-length") or 0))
            self._answer(Wire(b"", status=307) if serving.redirects else serving.wire)

        def do_GET(self) -> None:
            self._answer(serving.wire)

        def _answer(self, wire: Wire) -> None:
            self.send_response(wire.status, wire.reason)
            self.send_header("content-type", wire.media_type)
            self.send_header("content-length", str(len(wire.body) + wire.lacks))
            self.send_header("request-id", "req_header")
            if wire.status == 307:
                serving.redirects = False
                self.send_header("location", f"{serving.url}{self.path}")
            for name, value in wire.headers:
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(wire.body)
            self.close_connection = self.close_connection or wire.lacks > 0

        def log_message(self, format: str, *args: object) -> None: ...  # noqa: A002 - that is its name there

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        serving = WireServer(running.server_port)
        thread = Thread(target=running.serve_forever, daemon=True)
        thread.start()
        try:
            yield serving
        finally:
            running.shutdown()
            thread.join()


def envelope(error_type: str = "overloaded_error") -> bytes:
    """The API's error, as a document."""
    return json.dumps(body_of(error_type, "No luck", "req_body")).encode()
