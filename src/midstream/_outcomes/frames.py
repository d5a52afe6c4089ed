"""Scans the frames of an AWS event stream, which Bedrock sends in place of server-sent events.

A frame is its length, the length of its headers and a checksum of the two, then headers, payload and a checksum of
everything (https://smithy.io/2.0/aws/amazon-eventstream.html). The payload of a piece of the answer has an event of the
Messages API in base64; an exception or error frame has its type among the headers.
"""

from __future__ import annotations

import base64
import zlib
from typing import TYPE_CHECKING, Final

from midstream._outcomes.classify import in_band_error
from midstream._outcomes.failure import OTHER, Failure
from midstream._outcomes.values import as_text, from_json
from midstream._outcomes.vocabulary import Outcome

if TYPE_CHECKING:
    from collections.abc import Mapping

    from midstream._outcomes.scan import ScanSink


_LENGTHS: Final = 8
_CHECKSUM: Final = 4
_PRELUDE: Final = _LENGTHS + _CHECKSUM
_MAX_HEADERS: Final = 2**17
_MAX_PAYLOAD: Final = 24 * 2**20
"""Bytes. botocore, which decodes frames for the application, rejects longer ones too."""

_TEXT: Final = 7
"""The type of a text header, the only type that Bedrock uses."""

_FAILURE_HEADERS: Final[Mapping[str, str]] = {"exception": ":exception-type", "error": ":error-code"}
"""By type of message, for those that are failures, the header with the type of the failure."""

_MALFORMED: Final = Failure(Outcome.MALFORMED, OTHER, retryable=True)
"""Without an exception type: it is not visible here what the application decodes the bytes with, if it does."""


class FrameScan:
    """Scans a body of frames for its events and its failure. Keeps one frame at most."""

    def __init__(self, sink: ScanSink) -> None:
        self._sink = sink
        self._rest = bytearray()  # grows in place, so that a frame in many pieces costs no more than in one
        self._lost = False

    def feed(self, data: bytes) -> None:
        """The next bytes, in pieces of any size."""
        if self._lost:
            return
        self._rest += data
        try:
            while length := self._length():
                frame = bytes(self._rest[:length])
                del self._rest[:length]
                self._decode(frame)
        except ValueError:
            # The beginning of the next frame cannot be found after a broken one.
            self._lost = True
            self._rest.clear()
            self._sink.on_hidden_failure(_MALFORMED)

    def end(self) -> None:
        """The body has ended. Part of a frame does not count."""
        self._sink.on_end()

    def _length(self) -> int:
        """The length of the first frame, and 0 until all of it has arrived."""
        if len(self._rest) < _PRELUDE:
            return 0
        prelude = bytes(self._rest[:_PRELUDE])
        length, headers = _number(prelude[:4]), _number(prelude[4:_LENGTHS])
        payload = length - headers - _PRELUDE - _CHECKSUM
        if headers > _MAX_HEADERS or not 0 <= payload <= _MAX_PAYLOAD:
            message = "invalid lengths of a frame"
            raise ValueError(message)
        _check(prelude)
        return length if len(self._rest) >= length else 0

    def _decode(self, frame: bytes) -> None:
        _check(frame)
        end = _PRELUDE + _number(frame[4:_LENGTHS])
        headers, payload = _headers(frame[_PRELUDE:end]), from_json(frame[end:-_CHECKSUM])
        type_header = _FAILURE_HEADERS.get(headers.get(":message-type", ""))
        if type_header is None:
            self._sink.on_event(from_json(base64.b64decode(as_text(payload.get("bytes"), None) or "")))
        else:
            error = {
                "type": headers.get(type_header),
                "message": payload.get("message", headers.get(":error-message")),
            }
            self._sink.on_hidden_failure(in_band_error({"error": error}))


def _number(data: bytes | bytearray) -> int:
    return int.from_bytes(data, "big")


def _check(data: bytes) -> None:
    if zlib.crc32(data[:-_CHECKSUM]) != _number(data[-_CHECKSUM:]):
        message = "wrong checksum"
        raise ValueError(message)


def _headers(data: bytes) -> dict[str, str]:
    """The text headers, up to the first header of another type."""
    headers: dict[str, str] = {}
    start = 0
    while start < len(data):
        kind = start + 1 + data[start]
        if data[kind : kind + 1] != bytes([_TEXT]):
            break
        value = kind + 3
        end = value + _number(data[kind + 1 : value])
        headers[data[start + 1 : kind].decode("utf-8", "replace")] = data[value:end].decode("utf-8", "replace")
        start = end
    return headers
