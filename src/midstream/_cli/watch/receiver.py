"""Receives OTLP over HTTP on loopback, as protobuf and as JSON."""

from __future__ import annotations

import socket
import zlib
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager, suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, Final, cast

from midstream._cli.console.problem import cannot_listen
from midstream._cli.watch.otlp import JSON, PROTOBUF, events_in, points_in
from midstream._cli.watch.tally import Tally

_Taker = Callable[[bytes, str], object]


_HOST: Final = "127.0.0.1"
_MAX_BODY: Final = 16 * 2**20
"""Bytes, also after decompression."""
_SECONDS: Final = 10.0
"""After so long without a byte, a client has no connection any more."""
_GZIP: Final = 31  # zlib's number for it

_EMPTY: Final = {PROTOBUF: b"", JSON: b"{}"}
"""By media type, the response to what was accepted. Browsers let no web page send one of these here."""


@contextmanager
def receiving(tally: Tally, port: int) -> Generator[str]:
    """Receives into `tally`. Yields HOST:PORT. Raises `Problem` if it cannot listen on `port`; 0 takes a free one.

    What clients sent before the end of the `with` block arrives, even if they are gone.
    """

    def take_metrics(body: bytes, media_type: str) -> None:
        tally.add_points(list(points_in(body, media_type)))

    def take_logs(body: bytes, media_type: str) -> None:
        tally.add_events(list(events_in(body, media_type)))

    def drop(_body: bytes, _media_type: str) -> None:
        """Drops spans: metrics and log events have the same calls, and those whose span is sampled out."""

    takers = {"/v1/metrics": take_metrics, "/v1/logs": take_logs, "/v1/traces": drop}
    try:
        server = _OtlpServer((_HOST, port), takers)
    except OSError as error:
        raise cannot_listen(port, error, f"--port {port}: cannot listen on {_HOST}: {error.strerror}") from error
    thread = Thread(target=server.serve_forever, args=(0.05,), name="midstream-receiver", daemon=True)
    with server:  # at its end it waits for the requests that it has accepted
        thread.start()
        try:
            yield f"{_HOST}:{server.server_port}"
        finally:
            server.accept_all()
            server.shutdown()
            thread.join()


class _OtlpServer(ThreadingHTTPServer):
    daemon_threads = False
    request_queue_size = 1024  # clients do not wait for an answer, and may be faster for a while

    def __init__(self, address: tuple[str, int], takers: Mapping[str, _Taker]) -> None:
        super().__init__(address, _OtlpHandler)
        self.takers = takers

    def accept_all(self) -> None:
        """Waits until all connections that exist now are accepted: they are, in their order, and this is the last."""
        with suppress(OSError), socket.create_connection((_HOST, self.server_port), _SECONDS) as last:
            last.sendall(b"GET / HTTP/1.0\r\n\r\n")
            last.recv(1)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignores clients that do not wait for the response."""


class _OtlpHandler(BaseHTTPRequestHandler):
    timeout = _SECONDS

    def do_POST(self) -> None:
        media_type = self.headers.get_content_type()
        take = cast("_OtlpServer", self.server).takers.get(self.path)
        if take is None:
            self._answer(HTTPStatus.NOT_FOUND)
        elif media_type not in _EMPTY:
            self._answer(HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
        else:
            try:
                take(self._body(), media_type)
            except ValueError:
                self._answer(HTTPStatus.BAD_REQUEST)
            else:
                self._answer(HTTPStatus.OK, media_type)

    def do_GET(self) -> None:
        self._answer(HTTPStatus.METHOD_NOT_ALLOWED)

    def _body(self) -> bytes:
        """The body, decompressed. Raises `ValueError` if it is too long or damaged."""
        length = int(self.headers.get("content-length") or 0)
        if not 0 <= length <= _MAX_BODY:
            raise ValueError(length)
        body = self.rfile.read(length)
        if self.headers.get("content-encoding") != "gzip":
            return body
        unpacking = zlib.decompressobj(_GZIP)
        try:
            unpacked = unpacking.decompress(body, _MAX_BODY)
        except zlib.error as error:
            raise ValueError(length) from error
        if unpacking.unconsumed_tail:
            raise ValueError(length)
        return unpacked

    def _answer(self, status: HTTPStatus, media_type: str = "text/plain") -> None:
        body = _EMPTY.get(media_type, b"")
        self.send_response(status)
        self.send_header("content-type", media_type)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it
        """Logs nothing: the terminal belongs to the display."""
