"""Asks an upstream over HTTP/1.1, and reads its answer as it comes.

It uses httpcore, on which the SDK's HTTP client is built: unlike that client, it passes bytes on as they are.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Iterable
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Final
from urllib.parse import SplitResult, urlsplit

from midstream.faults._http_request import HttpRequest
from midstream.faults._script import Ending

_Headers = tuple[tuple[str, str], ...]

_CONNECT_SECONDS: Final = 10.0
_OF_THE_CONNECTION: Final = frozenset(
    {"connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection"}
    | {"te", "trailer", "transfer-encoding", "upgrade"}
)
"""The headers that concern the connection, and not the request or its answer."""
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_NO_BODY: Final = frozenset({204, 304})
_EVENT_END: Final = re.compile(rb"\r\n\r\n|\n\n|\r\r")


class UnreachableError(Exception):
    """The upstream gave no answer. The message says why, in one line."""


class BrokenOffError(Exception):
    """The upstream broke off in the middle of the body, with `ending` of its connection."""

    def __init__(self, ending: Ending) -> None:
        super().__init__(ending.value)
        self.ending = ending


@dataclass(frozen=True)
class UpstreamAnswer:
    """The answer of the upstream. `headers` are without those of the connection, `length` is None if it is unknown."""

    status: int
    reason: str
    headers: _Headers
    length: int | None
    pieces: AsyncGenerator[bytes]
    """The body as it comes, in arbitrary pieces. Raises `BrokenOffError`."""

    def header(self, name: str) -> str:
        """The value of a header, in lower case; empty if it is missing."""
        return next((value.lower() for key, value in self.headers if key.lower() == name), "")


class Upstream:
    """The API at `url`, to which requests are passed on.

    Raises `ValueError` if that is not an http or https URL, or has more than a path, and `ImportError` without the
    SDK's HTTP client.
    """

    def __init__(self, url: str) -> None:
        parts = _parts(url)
        if parts is None or not parts.hostname:
            message = "must be an http or https URL without user, query and fragment, such as https://api.anthropic.com"
            raise ValueError(message)
        self._core = _httpcore()
        self._scheme, self._host, self._prefix = parts.scheme, parts.hostname, parts.path.rstrip("/")
        default_port = _DEFAULT_PORTS[parts.scheme]
        self._port = parts.port or default_port
        self._tls = ssl.create_default_context() if parts.scheme == "https" else None
        host = f"[{self._host}]" if ":" in self._host else self._host
        self.address = host if self._port == default_port else f"{host}:{self._port}"
        """The value of the header `host`."""

    @asynccontextmanager
    async def ask(self, request: HttpRequest, *, plain: bool) -> AsyncGenerator[UpstreamAnswer]:
        """Pass `request` on; `plain` asks for a body that is not compressed.

        Raises `UnreachableError` if no answer begins.
        """
        core = self._core
        async with core.AsyncConnectionPool(ssl_context=self._tls) as pool:
            try:
                response = await pool.handle_async_request(self._request(request, plain=plain))
            except (core.NetworkError, core.ProtocolError, core.TimeoutException) as error:
                raise UnreachableError(str(error) or type(error).__name__) from error
            async with aclosing(response), aclosing(self._pieces(response)) as pieces:
                yield _answer(response, pieces, request.method)

    def _request(self, request: HttpRequest, *, plain: bool) -> Any:
        dropped = {*_OF_THE_CONNECTION, "host", "expect", *(("accept-encoding",) if plain else ())}
        headers = [
            *_without(dropped, request.headers),
            *((("accept-encoding", "identity"),) if plain else ()),
            ("host", self.address),
            ("connection", "close"),
        ]
        target = f"{self._prefix}{request.path}{'?' if request.query else ''}{request.query}"
        return self._core.Request(
            request.method,
            self._core.URL(scheme=self._scheme, host=self._host, port=self._port, target=target.encode("latin-1")),
            headers=[(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers],
            content=request.body,
            extensions={"timeout": {"connect": _CONNECT_SECONDS}},
        )

    async def _pieces(self, response: Any) -> AsyncGenerator[bytes]:
        try:
            async with aclosing(response.aiter_stream()) as body:
                async for piece in body:
                    yield piece
        except self._core.NetworkError as error:
            raise BrokenOffError(Ending.RESET) from error
        except self._core.ProtocolError as error:
            raise BrokenOffError(Ending.CLOSE) from error


def _httpcore() -> Any:
    """`httpcore2` comes with httpx2, and `httpcore` with httpx."""
    for name in ("httpcore2", "httpcore"):
        with suppress(ImportError):
            return import_module(name)
    message = "a fault proxy needs the HTTP client of the SDK: pip install anthropic"
    raise ImportError(message)


def _parts(url: str) -> SplitResult | None:
    """Return the parts of the URL of an upstream; None if it cannot be one."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in _DEFAULT_PORTS and parts.port != 0 and re.fullmatch("[!-~]+", url)
    except ValueError:
        return None
    return parts if usable and not (parts.query or parts.fragment or "@" in parts.netloc) else None


def _answer(response: Any, pieces: AsyncGenerator[bytes], method: str) -> UpstreamAnswer:
    fields = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in response.headers)
    by_name = {name.lower(): value for name, value in fields}
    chunked = "chunked" in by_name.get("transfer-encoding", "").lower()
    headers = _without({*_OF_THE_CONNECTION, *(("content-length",) if chunked else ())}, fields)
    length = None if chunked or "content-length" not in by_name else int(by_name["content-length"])
    if method == "HEAD" or response.status in _NO_BODY:
        length = 0
    reason = response.extensions["reason_phrase"].decode("latin-1")
    return UpstreamAnswer(response.status, reason, headers, length, pieces)


def _without(dropped: set[str], headers: Iterable[tuple[str, str]]) -> _Headers:
    """Return the headers without those that are dropped, and those that the connection header names."""
    headers = tuple(headers)
    named = {
        option.strip().lower() for name, value in headers if name.lower() == "connection" for option in value.split(",")
    }
    return tuple(pair for pair in headers if pair[0].lower() not in dropped | named)


async def events(pieces: AsyncIterator[bytes]) -> AsyncGenerator[bytes]:
    """Yield the same bytes, event by event."""
    rest = b""
    async for piece in pieces:
        rest += piece
        begin = 0
        for end in _EVENT_END.finditer(rest):
            yield rest[begin : end.end()]
            begin = end.end()
        rest = rest[begin:]
    if rest:
        yield rest
