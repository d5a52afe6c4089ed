"""The frames of an AWS event stream, scanned: what Bedrock sends in place of server-sent events.

A frame is its length, the length of its headers and a checksum of the two, then headers, payload and a checksum of it
all (https://smithy.io/2.0/aws/amazon-eventstream.html). The payload of a piece of the answer has an event of the
Messages API in base64; an exception or error frame has its type among the headers.
"""

from __future__ import annotations

import base64
import zlib
from typing import TYPE_CHECKING, Final

from midstream.outcomes.classify import classify
from midstream.outcomes.values import from_json
from midstream.outcomes.vocabulary import Failure, Outcome
from midstream.outcomes.wording import OTHER

if TYPE_CHECKING:
    from collections.abc import Mapping

    from midstream.outcomes.scan import Listener

__all__ = ("FrameScan",)

_LENGTHS: Final = 8
_CHECKSUM: Final = 4
_PRELUDE: Final = _LENGTHS + _CHECKSUM
_LONGEST_FRAME: Final = 2**24
"""Bytes. A longer one is none: the format allows no more."""

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
        self._rest = bytearray()  # grows in place, for a frame can come byte by byte
        self._lost = False

    def feed(self, data: bytes) -> None:
        """The next bytes, in pieces of any size."""
        if self._lost:
            return
        self._rest += data
        try:
            while self._frame_ended():
                pass
        except ValueError:
            # After a frame that is broken there is no telling where the next one begins.
            self._lost = True
            self._rest.clear()
            self._listener.found(_MALFORMED)

    def end(self) -> None:
        """There are no more. Half a frame is none."""
        self._listener.read()

    def _frame_ended(self) -> bool:
        if len(self._rest) < _PRELUDE:
            return False
        length = _number(self._rest[:4])
        if not _PRELUDE + _CHECKSUM <= length <= _LONGEST_FRAME:
            message = "no length of a frame"
            raise ValueError(message)
        if len(self._rest) < length:
            return False
        frame = bytes(self._rest[:length])
        del self._rest[:length]
        self._tell(frame)
        return True

    def _tell(self, frame: bytes) -> None:
        if zlib.crc32(frame[:-_CHECKSUM]) != _number(frame[-_CHECKSUM:]):
            message = "the checksum is another"
            raise ValueError(message)
        end = _PRELUDE + _number(frame[4:_LENGTHS])
        headers, payload = _headers(frame[_PRELUDE:end]), from_json(frame[end:-_CHECKSUM])
        failed = _FAILURE_HEADERS.get(headers.get(":message-type", ""))
        if failed is None:
            event = from_json(base64.b64decode(str(payload.get("bytes", ""))))
            self._listener.look(event)
        else:
            said = payload.get("message", headers.get(":error-message"))
            self._listener.found(classify({"error": {"type": headers.get(failed), "message": said}}))


def _number(data: bytes) -> int:
    return int.from_bytes(data, "big")


def _headers(data: bytes) -> dict[str, str]:
    """The headers that are texts, up to the first that is none."""
    found: dict[str, str] = {}
    while data:
        name, data = data[1 : 1 + data[0]], data[1 + data[0] :]
        if data[:1] != bytes([_TEXT]):
            break
        length = _number(data[1:3])
        found[name.decode("utf-8", "replace")] = data[3 : 3 + length].decode("utf-8", "replace")
        data = data[3 + length :]
    return found
