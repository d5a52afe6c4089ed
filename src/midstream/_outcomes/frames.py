"""The frames of an AWS event stream, scanned: what Bedrock sends in place of server-sent events.

A frame is its length, the length of its headers and a checksum of the two, then headers, payload and a checksum of it
all (https://smithy.io/2.0/aws/amazon-eventstream.html). The payload of a piece of the answer has an event of the
Messages API in base64; an exception or error frame has its type among the headers.
"""

from __future__ import annotations

import base64
import zlib
from typing import TYPE_CHECKING, Final

from midstream._outcomes.classify import in_band_error
from midstream._outcomes.failure import OTHER, Failure
from midstream._outcomes.values import from_json, text
from midstream._outcomes.vocabulary import Outcome

if TYPE_CHECKING:
    from collections.abc import Mapping

    from midstream._outcomes.scan import Listener


_LENGTHS: Final = 8
_CHECKSUM: Final = 4
_PRELUDE: Final = _LENGTHS + _CHECKSUM
_MAX_HEADERS: Final = 2**17
_MAX_PAYLOAD: Final = 24 * 2**20
"""Bytes. A frame with more is none: botocore, which decodes it for the application, takes no more."""

_TEXT: Final = 7
"""The type of a header that is a text, the only one that Bedrock uses."""

_FAILURE_HEADERS: Final[Mapping[str, str]] = {"exception": ":exception-type", "error": ":error-code"}
"""By type of a message that is a failure, the header that says which."""

_MALFORMED: Final = Failure(Outcome.MALFORMED, OTHER, retryable=True)
"""Whoever reads the bytes decodes them, or does not, with what we do not see."""


class FrameScan:
    """Scans a body of frames: tells its events and its failure. Keeps one frame at most."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
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
                self._tell(frame)
        except ValueError:
            # After a frame that is broken there is no telling where the next one begins.
            self._lost = True
            self._rest.clear()
            self._listener.found(_MALFORMED)

    def end(self) -> None:
        """There are no more. Half a frame is none."""
        self._listener.read()

    def _length(self) -> int:
        """The length of the first frame, and 0 for one that is not whole yet."""
        if len(self._rest) < _PRELUDE:
            return 0
        prelude = bytes(self._rest[:_PRELUDE])
        length, headers = _number(prelude[:4]), _number(prelude[4:_LENGTHS])
        payload = length - headers - _PRELUDE - _CHECKSUM
        if headers > _MAX_HEADERS or not 0 <= payload <= _MAX_PAYLOAD:
            message = "no lengths of a frame"
            raise ValueError(message)
        _check(prelude)
        return length if len(self._rest) >= length else 0

    def _tell(self, frame: bytes) -> None:
        _check(frame)
        end = _PRELUDE + _number(frame[4:_LENGTHS])
        headers, payload = _headers(frame[_PRELUDE:end]), from_json(frame[end:-_CHECKSUM])
        failed = _FAILURE_HEADERS.get(headers.get(":message-type", ""))
        if failed is None:
            event = from_json(base64.b64decode(text(payload.get("bytes"), None) or ""))
            self._listener.look(event)
        else:
            said = payload.get("message", headers.get(":error-message"))
            self._listener.found(in_band_error({"error": {"type": headers.get(failed), "message": said}}))


def _number(data: bytes | bytearray) -> int:
    return int.from_bytes(data, "big")


def _check(data: bytes) -> None:
    if zlib.crc32(data[:-_CHECKSUM]) != _number(data[-_CHECKSUM:]):
        message = "the checksum is another"
        raise ValueError(message)


def _headers(data: bytes) -> dict[str, str]:
    """The headers that are texts, up to the first that is none."""
    found: dict[str, str] = {}
    start = 0
    while start < len(data):
        kind = start + 1 + data[start]
        if data[kind : kind + 1] != bytes([_TEXT]):
            break
        value = kind + 3
        end = value + _number(data[kind + 1 : value])
        found[data[start + 1 : kind].decode("utf-8", "replace")] = data[value:end].decode("utf-8", "replace")
        start = end
    return found
