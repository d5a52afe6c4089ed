"""The failure line of a connection error gives the reason, and says no retry helps where none does."""

from __future__ import annotations

import errno
import os
import socket
import ssl
from contextlib import contextmanager
from threading import Thread
from typing import TYPE_CHECKING, Any, Final

import anthropic
import anyio
import pytest

from support.clients import HTTP_PACKAGE
from support.styles import arguments

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from support.exported import Exported


@contextmanager
def answering(answer: Callable[[socket.socket], None]) -> Generator[int]:
    """The port of a server that does the same with every connection."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            while True:
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                with connection:
                    try:
                        answer(connection)
                    except OSError:
                        continue

        thread = Thread(target=serve, daemon=True)
        thread.start()
        yield listening.getsockname()[1]
        listening.shutdown(socket.SHUT_RDWR)
    thread.join()


def says(head: bytes) -> Callable[[socket.socket], None]:
    """Answers every request of a connection with `head`."""

    def answer(connection: socket.socket) -> None:
        while connection.recv(65_536):
            connection.sendall(head + b"\r\ncontent-length: 0\r\n\r\n")

    return answer


def speaks_tls(certificate: Path) -> Callable[[socket.socket], None]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)

    def answer(connection: socket.socket) -> None:
        context.wrap_socket(connection, server_side=True).close()

    return answer


def call(flavor: str, url: str, **http_options: Any) -> None:
    options: dict[str, Any] = {"base_url": url, "api_key": "k", "max_retries": 0}
    if flavor == "sync":
        with anthropic.Anthropic(**options, http_client=anthropic.DefaultHttpxClient(**http_options)) as made:
            made.messages.create(**arguments("claude-x"))
        return

    async def run() -> None:
        http_client = anthropic.DefaultAsyncHttpxClient(**http_options)
        async with anthropic.AsyncAnthropic(**options, http_client=http_client) as made:
            await made.messages.create(**arguments("claude-x"))

    anyio.run(run)


REFUSED: Final = f"[Errno {errno.ECONNREFUSED}] {os.strerror(errno.ECONNREFUSED)}"


@contextmanager
def refused(_: pytest.FixtureRequest) -> Generator[tuple[str, dict[str, Any]]]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    yield f"http://127.0.0.1:{port}", {}


@contextmanager
def unknown_host(_: pytest.FixtureRequest) -> Generator[tuple[str, dict[str, Any]]]:
    yield "http://absent.invalid", {}


@contextmanager
def untrusted(request: pytest.FixtureRequest) -> Generator[tuple[str, dict[str, Any]]]:
    with answering(speaks_tls(request.getfixturevalue("certificate"))) as port:
        yield f"https://127.0.0.1:{port}", {}


@contextmanager
def proxy_without_password(_: pytest.FixtureRequest) -> Generator[tuple[str, dict[str, Any]]]:
    with answering(says(b"HTTP/1.1 407 Proxy Authentication Required")) as port:
        yield "https://api.test", {"proxy": f"http://127.0.0.1:{port}"}


@contextmanager
def proxy_that_fails(_: pytest.FixtureRequest) -> Generator[tuple[str, dict[str, Any]]]:
    with answering(says(b"HTTP/1.1 502 Bad Gateway")) as port:
        yield "https://api.test", {"proxy": f"http://127.0.0.1:{port}"}


@contextmanager
def circle(_: pytest.FixtureRequest) -> Generator[tuple[str, dict[str, Any]]]:
    with answering(says(b"HTTP/1.1 307 Around\r\nlocation: /v1/messages")) as port:
        yield f"http://127.0.0.1:{port}", {}


@contextmanager
def odd_protocol(_: pytest.FixtureRequest) -> Generator[tuple[str, dict[str, Any]]]:
    yield "gopher://api.test", {}


@pytest.mark.parametrize("flavor", ["sync", "async"])
@pytest.mark.parametrize(
    ("place", "name", "reason", "retryable"),
    [
        (refused, "ConnectError", REFUSED, True),
        (unknown_host, "ConnectError", "[Errno -", True),
        (untrusted, "ConnectError", "certificate verify failed", False),
        (proxy_without_password, "ProxyError", "407 Proxy Authentication Required", False),
        (proxy_that_fails, "ProxyError", "502 Bad Gateway", True),
        (circle, "TooManyRedirects", "Exceeded maximum allowed redirects", False),
        (odd_protocol, "UnsupportedProtocol", "unsupported protocol", False),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_connection_error_gives_its_reason(
    place: Callable[[pytest.FixtureRequest], AbstractContextManager[tuple[str, dict[str, Any]]]],
    name: str,
    reason: str,
    retryable: bool,
    flavor: str,
    request: pytest.FixtureRequest,
    exported: Exported,
    instrumented: Callable[..., AbstractContextManager[Exported]],
) -> None:
    with place(request) as (url, http_options), instrumented(), pytest.raises(anthropic.APIConnectionError):
        call(flavor, url, **http_options)
    span = exported.told_span
    found = dict(span.attributes or {})
    line = span.status.description or ""
    assert (found["midstream.outcome"], found["error.type"]) == ("connection_error", f"{HTTP_PACKAGE}.{name}")
    assert found["midstream.retryable"] is retryable
    assert line.startswith(f"{HTTP_PACKAGE}.{name} before the response headers: ")
    assert reason in line
    assert line.endswith(str((exported.logs[0].log_record.attributes or {})["exception.message"]))
