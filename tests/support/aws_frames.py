"""Frames of an AWS event stream, as Bedrock sends them: `application/vnd.amazon.eventstream`.

A frame is a prelude (its length, the length of its headers and their checksum), the headers, the payload and a
checksum of all that. Every header here is a text, the only kind that Bedrock uses.
"""

from __future__ import annotations

import base64
import json
import struct
import zlib

__all__ = ("CONTENT_TYPE", "error_frame", "event_frame", "exception_frame", "frame", "with_a_broken_checksum")

CONTENT_TYPE = "application/vnd.amazon.eventstream"

_TEXT = 7
_CHECKSUM = struct.Struct("!I")
_PRELUDE = struct.Struct("!II")
_OVERHEAD = _PRELUDE.size + 2 * _CHECKSUM.size


def event_frame(event: bytes) -> bytes:
    """A piece of the answer: `event` is the JSON of an event of the Messages API."""
    payload = {"bytes": base64.b64encode(event).decode(), "p": "abcdefghijkl"}
    headers = {":event-type": "chunk", ":content-type": "application/json", ":message-type": "event"}
    return frame(headers, json.dumps(payload).encode())


def exception_frame(kind: str, message: str) -> bytes:
    """An error that the service's model knows: `throttlingException`."""
    headers = {":exception-type": kind, ":content-type": "application/json", ":message-type": "exception"}
    return frame(headers, json.dumps({"message": message}).encode())


def error_frame(code: str, message: str) -> bytes:
    """An error that the service's model does not know."""
    return frame({":error-code": code, ":error-message": message, ":message-type": "error"}, b"")


def frame(headers: dict[str, str], payload: bytes) -> bytes:
    """Any frame, with checksums that are right."""
    packed = b"".join(map(_header, headers.keys(), headers.values()))
    prelude = _PRELUDE.pack(len(packed) + len(payload) + _OVERHEAD, len(packed))
    body = prelude + _CHECKSUM.pack(zlib.crc32(prelude)) + packed + payload
    return body + _CHECKSUM.pack(zlib.crc32(body))


def with_a_broken_checksum(whole: bytes) -> bytes:
    """The frame `whole` with one bit of its last checksum turned."""
    return whole[:-1] + bytes([whole[-1] ^ 1])


def _header(name: str, value: str) -> bytes:
    return (
        struct.pack("!B", len(name)) + name.encode() + struct.pack("!BH", _TEXT, len(value.encode())) + value.encode()
    )
