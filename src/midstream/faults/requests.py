"""Reads HTTP requests, of bounded size, off a connection."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ("MAX_BODY_LENGTH", "MAX_HEAD_LENGTH", "Refusal", "Refused", "Request", "read_request")

MAX_HEAD_LENGTH: Final = 64 * 1024
"""The longest request line and headers that are read, in bytes."""

MAX_BODY_LENGTH: Final = 32 * 1024 * 1024
"""The longest request body that is read, in bytes: as much as the API takes."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request that was read. What may be secret, and the rest of what only a proxy needs, is not in its `repr`.

    `path` is without the query, `host` is where the client sent the request, `resends` is how often the SDK had
    sent it before, and `keeps_open` says whether the client wants to use the connection again. `headers` are as the
    client wrote them, API keys included.
    """

    method: str
    path: str
    body: bytes = field(default=b"", repr=False)
    host: str = ""
    resends: int = 0
    keeps_open: bool = True
    query: str = field(default="", repr=False)
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request is not read to its end: the API's error type for it, and a message for the client."""

    error_type: str
    message: str


class Refused(Exception):  # noqa: N818 - a refusal is the server's answer, not an error of its own
    """A request that is not read to its end."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.message)
        self.refusal = refusal


_LONG_HEAD: Final = Refusal("request_too_large", f"the headers are longer than {MAX_HEAD_LENGTH} bytes")
_LONG_BODY: Final = Refusal("request_too_large", f"the body is longer than {MAX_BODY_LENGTH} bytes")
_NO_HTTP: Final = Refusal("invalid_request_error", "the request line is not HTTP/1.1")
_NO_LENGTH: Final = Refusal("invalid_request_error", "a request body needs a content-length that is a number")


async def read_request(reader: asyncio.StreamReader) -> Request | None:
    """Read the next request off a connection; None if the client closed it, even in the middle of one.

    Raises `Refused` for one that is too long or no HTTP. `reader` must have `MAX_HEAD_LENGTH` as its limit.
    """
    try:
        method, target, fields = _parse_head(await reader.readuntil(b"\r\n\r\n"))
        headers = {name.lower(): value for name, value in fields}
        body = await reader.readexactly(_body_length(headers))
    except asyncio.IncompleteReadError:
        return None
    except asyncio.LimitOverrunError:
        raise Refused(_LONG_HEAD) from None
    path, _, query = target.partition("?")
    return Request(
        method=method,
        path=path,
        body=body,
        host=headers.get("host", ""),
        resends=_number(headers.get("x-stainless-retry-count", "")) or 0,
        keeps_open=headers.get("connection", "").lower() != "close",
        query=query,
        headers=fields,
    )


def _parse_head(head: bytes) -> tuple[str, str, tuple[tuple[str, str], ...]]:
    request_line, *lines = head.decode("latin-1").rstrip("\r\n").split("\r\n")
    try:
        method, target, _version = request_line.split(" ")
    except ValueError:
        raise Refused(_NO_HTTP) from None
    fields = (line.partition(":") for line in lines)
    return method, target, tuple((name.strip(), value.strip()) for name, _, value in fields)


def _body_length(headers: Mapping[str, str]) -> int:
    length = _number(headers.get("content-length", "0"))
    if length is None or "transfer-encoding" in headers:
        raise Refused(_NO_LENGTH)
    if length > MAX_BODY_LENGTH:
        raise Refused(_LONG_BODY)
    return length


def _number(text: str) -> int | None:
    return int(text) if re.fullmatch("[0-9]{1,19}", text) else None
