"""What is found in the frames of an AWS event stream, however they are cut into pieces."""

from __future__ import annotations

import json
import struct
import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from midstream._outcomes.frames import FrameScan
from midstream._outcomes.vocabulary import Outcome
from support.aws_frames import error_frame, event_frame, exception_frame, frame, with_a_broken_checksum

if TYPE_CHECKING:
    from midstream._outcomes.failure import Failure


def prelude(length: int, headers: int) -> bytes:
    lengths = struct.pack("!II", length, headers)
    return lengths + struct.pack("!I", zlib.crc32(lengths))


STOP = event_frame(b'{"type": "message_stop"}')
DELTA = event_frame(json.dumps({"type": "content_block_delta", "delta": {"text": "x" * 3000}}).encode())
MALFORMED = (Outcome.MALFORMED, "_OTHER", None)


@dataclass
class Heard:
    """What a scan reported: the types of events, and failures."""

    told: list[Any] = field(default_factory=list[Any])

    def on_event(self, event: Any) -> None:
        self.told.append(event.get("type"))

    def on_hidden_failure(self, failure: Failure) -> None:
        self.told.append((failure.outcome, failure.error_type, failure.status_code))

    def on_end(self) -> None:
        self.told.append("read")

    def on_document(self, document: object) -> None:
        self.told.append(document)


def told_of(body: bytes, size: int | None = None) -> list[Any]:
    heard = Heard()
    scan = FrameScan(heard)
    step = size or len(body) or 1
    for start in range(0, len(body), step):
        scan.feed(body[start : start + step])
    scan.end()
    return heard.told


@pytest.mark.parametrize("size", [1, 5, 100, None])
def test_events_are_recorded_in_pieces_of_any_size(size: int | None) -> None:
    assert told_of(DELTA + DELTA + STOP, size) == ["content_block_delta", "content_block_delta", "message_stop", "read"]


@pytest.mark.parametrize(
    ("failing", "failure"),
    [
        (exception_frame("throttlingException", "slow down"), (Outcome.IN_BAND_ERROR, "throttlingException", 429)),
        (exception_frame("unheardOfException", "?"), (Outcome.IN_BAND_ERROR, "unheardOfException", 500)),
        (error_frame("SomeError", "?"), (Outcome.IN_BAND_ERROR, "SomeError", 500)),
        (frame({":message-type": "exception"}, b"no json"), (Outcome.IN_BAND_ERROR, "_OTHER", 500)),
    ],
)
def test_a_failed_frame_is_a_failure_that_is_not_raised(failing: bytes, failure: tuple[Any, ...]) -> None:
    assert told_of(DELTA + failing) == ["content_block_delta", failure, "read"]


@pytest.mark.parametrize(
    "broken",
    [
        with_a_broken_checksum(STOP),
        prelude(15, 0),
        prelude(24 * 2**20 + 17, 0),
        prelude(2**32 - 1, 0),
        prelude(16, 1),
        prelude(2**20, 2**17 + 1),
        struct.pack("!III", 16, 0, 0),
        frame({":message-type": "event"}, json.dumps({"bytes": "x"}).encode()),
    ],
    ids=[
        "checksum",
        "too short",
        "too long",
        "absurd",
        "short of headers",
        "headers",
        "checksum of lengths",
        "payload",
    ],
)
def test_after_a_broken_frame_nothing_more_is_recorded(broken: bytes) -> None:
    assert told_of(DELTA + broken + STOP) == ["content_block_delta", MALFORMED, "read"]


def test_what_is_kept_of_a_frame_grows_in_place() -> None:
    scan = FrameScan(Heard())
    kept = scan._rest
    for byte in STOP[:-1]:
        scan.feed(bytes([byte]))
    assert (scan._rest is kept, bytes(kept)) == (True, STOP[:-1])


@pytest.mark.parametrize("cut", [1, 11, 12, 40, len(STOP) - 1])
def test_half_a_frame_is_not_a_frame(cut: int) -> None:
    assert told_of(DELTA + STOP[:cut]) == ["content_block_delta", "read"]


@pytest.mark.parametrize("payload", [b"{}", b'{"bytes": 3}', b'{"bytes": ' + b"[" * 900 + b"]" * 900 + b"}"])
def test_an_event_without_a_payload_has_no_type(payload: bytes) -> None:
    assert told_of(frame({":message-type": "event"}, payload)) == [None, "read"]


def test_the_longest_frame_that_the_application_may_be_given_is_recorded() -> None:
    empty = len(json.dumps({"bytes": "", "p": ""}))
    payload = json.dumps({"bytes": "", "p": "x" * (24 * 2**20 - empty)}).encode()
    assert told_of(frame({":message-type": "event"}, payload) + STOP, 2**20) == [None, "message_stop", "read"]


def test_headers_that_are_not_texts_end_the_reading_of_headers() -> None:
    headers = b"\x04flag\x00" + b"\x0d:message-type\x07\x00\x09exception"
    body = prelude(16 + len(headers), len(headers)) + headers
    assert told_of(body + struct.pack("!I", zlib.crc32(body))) == [None, "read"]


@given(st.binary(max_size=200))
def test_any_bytes_are_read_without_an_exception(data: bytes) -> None:
    assert told_of(data)[-1] == "read"


@given(st.binary(max_size=60))
def test_any_headers_are_read_without_an_exception(headers: bytes) -> None:
    body = prelude(16 + len(headers), len(headers)) + headers
    assert told_of(body + struct.pack("!I", zlib.crc32(body)))[-1] == "read"
