"""Bytes on the wire: JSON, server-sent events, HTTP heads and chunks."""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Iterable, Mapping
from functools import lru_cache
from http import HTTPStatus
from typing import Final

EVENT_STREAM: Final = "text/event-stream; charset=utf-8"
HTML: Final = "text/html; charset=utf-8"
JSON: Final = "application/json"
JSON_LINES: Final = "application/x-jsonl"
OCTETS: Final = "application/octet-stream"
PLAIN_TEXT: Final = "text/plain; charset=utf-8"

LAST_CHUNK: Final = b"0\r\n\r\n"
"""The end of a chunked body."""

_REASONS: Final[Mapping[int, str]] = {**{status.value: status.phrase for status in HTTPStatus}, 529: "Overloaded"}
_GZIP: Final = 16 + zlib.MAX_WBITS
_INVALID_DEFLATE_BLOCK: Final = b"\x07"  # a block of the reserved type 3: every decoder must reject it


def to_json(value: object) -> bytes:
    """Return `value` as compact JSON in UTF-8."""
    return json.dumps(value, separators=(",", ":")).encode()


def sse(event: str, data: bytes) -> bytes:
    """Return one server-sent event. `data` is one line."""
    return b"event: %b\ndata: %b\n\n" % (event.encode(), data)


def head(status: int, headers: Mapping[str, str]) -> bytes:
    """Return the head of an HTTP/1.1 response, up to and including the empty line."""
    return head_lines(f"HTTP/1.1 {status} {_REASONS.get(status, 'Unknown')}", headers.items())


def head_lines(first_line: str, headers: Iterable[tuple[str, str]]) -> bytes:
    """Return the head of an HTTP message, up to and including the empty line."""
    return "\r\n".join([first_line, *(f"{name}: {value}" for name, value in headers), "", ""]).encode("latin-1")


@lru_cache(maxsize=256)
def chunk(data: bytes) -> bytes:
    """Return `data`, which must not be empty, as one chunk of a chunked body."""
    return b"%b%b\r\n" % (chunk_size(data), data)


def chunk_size(data: bytes) -> bytes:
    """Return the line that precedes `data` in a chunked body."""
    return b"%x\r\n" % len(data)


def corrupt_gzip(pieces: Iterable[bytes]) -> tuple[tuple[bytes, ...], bytes]:
    """Return gzip data that decodes to `pieces`, one by one, and bytes that then corrupt it."""
    gzip = zlib.compressobj(wbits=_GZIP)
    valid = tuple(gzip.compress(piece) + gzip.flush(zlib.Z_SYNC_FLUSH) for piece in pieces)
    return valid, gzip.flush(zlib.Z_SYNC_FLUSH) + _INVALID_DEFLATE_BLOCK


def cut_short(piece: bytes) -> bytes:
    """Return a piece of JSON, or an event with one data line, without the second half of its JSON."""
    text, newlines, middle = _parts(piece)
    return text[:middle] + newlines


def not_utf8(piece: bytes) -> bytes:
    """Return a piece of JSON, or an event with one data line, with a byte that UTF-8 never has."""
    text, newlines, middle = _parts(piece)
    return text[:middle] + b"\xff" + text[middle:] + newlines


def without_name(event: bytes) -> bytes:
    """Return an event without its name."""
    return re.sub(rb"^event:.*\n", b"", event, flags=re.MULTILINE)


def _parts(piece: bytes) -> tuple[bytes, bytes, int]:
    """Return the text of a piece, the newlines after it, and the middle of the JSON in the text."""
    text = piece.rstrip(b"\n")
    start = text.find(b"\ndata: ")
    return text, piece[len(text) :], (len(text) + (start + len(b"\ndata: ") if start >= 0 else 0)) // 2
