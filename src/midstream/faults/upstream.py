"""Asks an upstream over HTTP/1.1, and reads its answer as it comes."""

from __future__ import annotations

import asyncio
import re
import ssl
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from urllib.parse import SplitResult, urlsplit

from midstream.faults.requests import MAX_HEAD_LENGTH
from midstream.faults.scripts import Ending

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Iterable

    from midstream.faults.requests import Request

__all__ = ("Answer", "BrokenOffError", "UnreachableError", "Upstream", "events")

_Headers = tuple[tuple[str, str], ...]

_BLOCK: Final = 64 * 1024
_CONNECT_SECONDS: Final = 10.0
_OF_ONE_CONNECTION: Final = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
"""The headers that speak of the connection, and not of the request or its answer."""
_NOT_BESIDE_CHUNKS: Final = _OF_ONE_CONNECTION | {"content-length"}
_NOT_SENT_ON: Final = _OF_ONE_CONNECTION | {"host", "expect"}
_STATUS_LINE: Final = re.compile(r"HTTP/1\.[01] (?P<status>[1-5][0-9]{2})(?: (?P<reason>.*))?")
_NO_BODY: Final = frozenset({204, 304})
_FIRST_FINAL: Final = 200
_EVENT_END: Final = re.compile(rb"\r\n\r\n|\n\n|\r\r")


class UnreachableError(Exception):
    """The upstream gave no answer. The message says why, in a line."""


class BrokenOffError(Exception):
    """The upstream broke off in the middle of the body, with `ending` of its connection."""

    def __init__(self, ending: Ending) -> None:
        super().__init__(ending.value)
        self.ending = ending


@dataclass(frozen=True)
class Answer:
    """The answer of the upstream. `headers` are without those of the connection, and `length` is that of the body."""

    status: int
    reason: str
    headers: _Headers
    length: int | None
    pieces: AsyncGenerator[bytes]
    """The body as it comes, in pieces of no meaning. Raises `BrokenOffError`."""

    def header(self, name: str) -> str:
        """The value of a header, in lower case; empty if there is none."""
        return next((value.lower() for key, value in self.headers if key.lower() == name), "")


@dataclass(frozen=True)
class Upstream:
    """Where requests are passed to."""

    host: str
    port: int
    prefix: str
    """What comes before the path of a request, without a slash at its end."""
    tls: ssl.SSLContext | None = field(default=None, repr=False)

    @classmethod
    def at(cls, url: str) -> Upstream:
        """The upstream at `url`. Raises `ValueError` if that is no http or https URL, or has more than a path."""
        parts = _parts(url)
        if parts is None or not parts.hostname:
            message = "must be an http or https URL without user, query and fragment, such as https://api.anthropic.com"
            raise ValueError(message)
        tls = ssl.create_default_context() if parts.scheme == "https" else None
        return cls(parts.hostname, parts.port or _default_port(tls), parts.path.rstrip("/"), tls)

    @property
    def address(self) -> str:
        """The value of the header `host`."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _default_port(self.tls) else f"{host}:{self.port}"

    @asynccontextmanager
    async def ask(self, request: Request, *, plain: bool) -> AsyncGenerator[Answer]:
        """Pass `request` on; `plain` asks for a body that is not compressed.

        Raises `UnreachableError` if no answer begins.
        """
        try:
            reader, writer = await asyncio.wait_for(self._connect(), _CONNECT_SECONDS)
        except (OSError, asyncio.TimeoutError, UnicodeError) as error:
            raise UnreachableError(str(error) or type(error).__name__) from error
        try:
            answer = await self._answer(reader, writer, request, plain=plain)
            async with aclosing(answer.pieces):
                yield answer
        finally:
            writer.transport.abort()
            with suppress(OSError):
                await writer.wait_closed()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection(self.host, self.port, ssl=self.tls, limit=MAX_HEAD_LENGTH)

    async def _answer(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: Request, *, plain: bool
    ) -> Answer:
        try:
            writer.write(self._head(request, plain=plain) + request.body)
            await writer.drain()
            while (answer := await _read_answer(reader, request.method)).status < _FIRST_FINAL:
                pass
        except (OSError, EOFError, ValueError, asyncio.LimitOverrunError) as error:
            reason = "it closed the connection before it answered" if isinstance(error, EOFError) else str(error)
            raise UnreachableError(reason) from error
        return answer

    def _head(self, request: Request, *, plain: bool) -> bytes:
        target = f"{self.prefix}{request.path}{'?' if request.query else ''}{request.query}"
        headers = [pair for pair in _end_to_end(request.headers, _NOT_SENT_ON) if not (plain and _is_encoding(pair))]
        if plain:
            headers.append(("accept-encoding", "identity"))
        headers += [("host", self.address), ("connection", "close")]
        return head(f"{request.method} {target} HTTP/1.1", headers)


def _parts(url: str) -> SplitResult | None:
    """The parts of a URL of an upstream; None if it is no such URL."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in {"http", "https"} and parts.port != 0 and re.fullmatch("[!-~]+", url)
    except ValueError:
        return None
    return parts if usable and not (parts.query or parts.fragment or "@" in parts.netloc) else None


def _default_port(tls: ssl.SSLContext | None) -> int:
    return 80 if tls is None else 443


def head(first_line: str, headers: Iterable[tuple[str, str]]) -> bytes:
    """The head of a request or an answer, with the headers as they are."""
    return "\r\n".join([first_line, *(f"{name}: {value}" for name, value in headers), "", ""]).encode("latin-1")


async def events(pieces: AsyncIterator[bytes]) -> AsyncGenerator[bytes]:
    """The same bytes, event by event."""
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


async def _read_answer(reader: asyncio.StreamReader, method: str) -> Answer:
    text = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").removesuffix("\r\n\r\n")
    status_line, *lines = text.split("\r\n")
    found = _STATUS_LINE.fullmatch(status_line)
    if found is None:
        message = "what it answered is not HTTP/1.1"
        raise ValueError(message)
    fields = tuple((name.strip(), value.strip()) for name, _, value in (line.partition(":") for line in lines))
    by_name = {name.lower(): value for name, value in fields}
    chunked = "chunked" in by_name.get("transfer-encoding", "").lower()
    length = None if chunked or "content-length" not in by_name else int(by_name["content-length"])
    status = int(found["status"])
    headers = _end_to_end(fields, _NOT_BESIDE_CHUNKS if chunked else _OF_ONE_CONNECTION)
    if method == "HEAD" or status in _NO_BODY or status < _FIRST_FINAL:
        return Answer(status, found["reason"] or "", headers, 0, _sized(reader, 0))
    body = _chunked(reader) if chunked else _sized(reader, length)
    return Answer(status, found["reason"] or "", headers, length, _telling(body))


async def _telling(body: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
    """The same pieces. What goes wrong between them is told as `BrokenOffError`."""
    try:
        async with aclosing(body):
            async for piece in body:
                yield piece
    except ConnectionResetError as error:
        raise BrokenOffError(Ending.RESET) from error
    except (OSError, EOFError, ValueError) as error:
        raise BrokenOffError(Ending.CLOSE) from error


async def _chunked(reader: asyncio.StreamReader) -> AsyncGenerator[bytes]:
    while size := int((await reader.readline()).partition(b";")[0], 16):
        async for piece in _sized(reader, size):
            yield piece
        await reader.readexactly(2)
    while (await reader.readline()).strip():
        pass


async def _sized(reader: asyncio.StreamReader, length: int | None) -> AsyncGenerator[bytes]:
    """So many bytes; all there are if that is None."""
    left = length
    while left is None or left > 0:
        piece = await reader.read(_BLOCK if left is None else min(left, _BLOCK))
        if not piece:
            break
        left = None if left is None else left - len(piece)
        yield piece
    if left:
        raise EOFError


def _end_to_end(headers: _Headers, dropped: frozenset[str]) -> _Headers:
    named = {
        option.strip().lower() for name, value in headers if name.lower() == "connection" for option in value.split(",")
    }
    return tuple(pair for pair in headers if pair[0].lower() not in dropped | named)


def _is_encoding(header: tuple[str, str]) -> bool:
    return header[0].lower() == "accept-encoding"
