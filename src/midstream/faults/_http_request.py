"""Reads HTTP requests of bounded size from a connection."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

MAX_HEAD_LENGTH: Final = 64 * 1024
"""The longest request line and headers that are read, in bytes."""

MAX_BODY_LENGTH: Final = 32 * 1024 * 1024
"""The longest request body that is read, in bytes: the API's own limit."""


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A request. Its `repr` omits the parts that may be secret.

    `path` is without the query. `host` is the address the client used. `resends` is how often the SDK sent it before.
    `keeps_open` says whether the client wants to reuse the connection. `headers` are as the client wrote them,
    including API keys.
    """

    method: str
    path: str
    body: bytes = field(default=b"", repr=False)
    host: str = ""
    resends: int = 0
    keeps_open: bool = True
    query: str = field(default="", repr=False)
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)


class RefusedRequestError(Exception):
    """A request that is not read to its end: the API's error type for it, and a message for the client."""

    def __init__(self, error_type: str, message: str) -> None:
        super().__init__(message)
        self.error_type = error_type


_LONG_HEAD: Final = ("request_too_large", f"the headers are longer than {MAX_HEAD_LENGTH} bytes")
_LONG_BODY: Final = ("request_too_large", f"the body is longer than {MAX_BODY_LENGTH} bytes")
_NO_HTTP: Final = ("invalid_request_error", "the request line is not HTTP/1.1")
_NO_LENGTH: Final = ("invalid_request_error", "a request body needs a content-length that is a number")


async def read_request(reader: asyncio.StreamReader) -> HttpRequest | None:
    """Read the next request from a connection; None if the client closed it, even in the middle of a request.

    Raises `RefusedRequestError` for a request that is too long or not HTTP. `reader` must have the limit
    `MAX_HEAD_LENGTH`.
    """
    try:
        method, target, fields = _parse_head(await reader.readuntil(b"\r\n\r\n"))
        headers = {name.lower(): value for name, value in fields}
        body = await reader.readexactly(_body_length(headers))
    except asyncio.IncompleteReadError:
        return None
    except asyncio.LimitOverrunError:
        raise RefusedRequestError(*_LONG_HEAD) from None
    path, _, query = target.partition("?")
    return HttpRequest(
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
        raise RefusedRequestError(*_NO_HTTP) from None
    fields = (line.partition(":") for line in lines)
    return method, target, tuple((name.strip(), value.strip()) for name, _, value in fields)


def _body_length(headers: Mapping[str, str]) -> int:
    length = _number(headers.get("content-length", "0"))
    if length is None or "transfer-encoding" in headers:
        raise RefusedRequestError(*_NO_LENGTH)
    if length > MAX_BODY_LENGTH:
        raise RefusedRequestError(*_LONG_BODY)
    return length


def _number(text: str) -> int | None:
    return int(text) if re.fullmatch("[0-9]{1,19}", text) else None
