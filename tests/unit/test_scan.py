"""What is found in bytes that the SDK does not decode, however they are cut into pieces."""

from __future__ import annotations

import gzip
import itertools
import json
import re
import tracemalloc
import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from midstream._outcomes.kinds import COMPLETIONS, MESSAGES, SESSIONS
from midstream._outcomes.scan import DocumentScan, EventScan, Unpacked, can_unpack
from midstream._outcomes.values import UNSEEN
from midstream._outcomes.vocabulary import Outcome

if TYPE_CHECKING:
    from midstream._outcomes.failure import Failure
    from midstream._outcomes.kinds import StreamKind
    from midstream._outcomes.scan import Scan

START: dict[str, Any] = {
    "type": "message_start",
    "message": {"id": "msg_1", "model": "m", "usage": {"input_tokens": 4}},
}
DELTA: dict[str, Any] = {"type": "content_block_delta", "index": 0, "delta": {"text": "event: error\n\n"}}
FINAL: dict[str, Any] = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 5}}
STOP: dict[str, Any] = {"type": "message_stop"}
ERROR: dict[str, Any] = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}


@dataclass
class Heard:
    """What a scan reported."""

    told: list[Any] = field(default_factory=list[Any])

    def on_event(self, event: object) -> None:
        self.told.append(event)

    def on_hidden_failure(self, failure: Failure) -> None:
        self.told.append((failure.outcome, failure.error_type, failure.leaked, failure.exception_type))

    def on_end(self) -> None:
        self.told.append("read")

    def on_document(self, document: object) -> None:
        self.told.append(("answered", document))


def sse(*events: dict[str, Any], newline: bytes = b"\n") -> bytes:
    return b"".join(
        newline.join([b"event: " + event["type"].encode(), b"data: " + json.dumps(event).encode(), b"", b""])
        for event in events
    )


def told_of(body: bytes, kind: StreamKind = MESSAGES, size: int | None = None) -> list[Any]:
    heard = Heard()
    return fed(EventScan(heard, kind), heard, body, size)


def fed(scan: Scan, heard: Heard, body: bytes, size: int | None = None) -> list[Any]:
    step = size or len(body) or 1
    for start in range(0, len(body), step):
        scan.feed(body[start : start + step])
    scan.end()
    return heard.told


def test_no_bytes_at_all_come_between_a_return_and_its_newline() -> None:
    heard = Heard()
    scan = EventScan(heard, MESSAGES)
    for piece in (b"event: message_delta\r", b"", b"\ndata: {}\r", b"", b"\n\r", b"", b"\n"):
        scan.feed(piece)
    assert heard.told == [{"type": "message_delta"}]


@pytest.mark.parametrize("newline", [b"\n", b"\r", b"\r\n"])
@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, None])
def test_a_whole_answer_is_recorded_in_pieces_of_any_size(newline: bytes, size: int | None) -> None:
    told = told_of(sse(START, {"type": "ping"}, DELTA, FINAL, STOP, newline=newline), size=size)
    assert told == [START, {"type": "content_block_delta"}, FINAL, {"type": "message_stop"}, "read"]


@given(st.lists(st.sampled_from([START, DELTA, FINAL, STOP, ERROR]), max_size=6), st.lists(st.integers(0, 1500)))
def test_wherever_the_bytes_are_cut_the_same_is_recorded(events: list[dict[str, Any]], cuts: list[int]) -> None:
    body = sse(*events)
    heard = Heard()
    scan = EventScan(heard, MESSAGES)
    places = [0, *sorted(cuts), len(body)]
    for start, end in itertools.pairwise(places):
        scan.feed(body[start:end])
    scan.end()
    assert heard.told == told_of(body)


def test_an_error_event_is_a_failure_that_is_not_raised() -> None:
    assert told_of(sse(START, ERROR)) == [START, (Outcome.IN_BAND_ERROR, "overloaded_error", False, None), "read"]


@pytest.mark.parametrize("data", [b"upstream connect error", b'{"no": "error"}', b"[1]", b"", b"[" * 10_000])
def test_an_error_event_with_any_data_is_an_error(data: bytes) -> None:
    told = told_of(b"event: error\ndata: " + data + b"\n\n")
    assert told == [(Outcome.IN_BAND_ERROR, "_OTHER", False, None), "read"]


def test_data_may_come_before_the_name_and_on_several_lines() -> None:
    body = b'data: {"type": "message_delta",\ndata: "delta": {"stop_reason": "x"}}\nevent: message_delta\n\n'
    assert told_of(body) == [{"type": "message_delta", "delta": {"stop_reason": "x"}}, "read"]


@pytest.mark.parametrize("name", ["message", "data"])
@pytest.mark.parametrize("size", [1, 7, None])
def test_under_a_name_that_the_api_does_not_use_the_type_in_the_data_counts(name: str, size: int | None) -> None:
    body = sse(START, DELTA, FINAL, STOP)
    renamed = re.sub(rb"(?m)^event: .*$", b"event: " + name.encode(), body)
    assert [event["type"] for event in told_of(renamed, size=size)[:-1]] == [
        *("message_start", "content_block_delta", "message_delta", "message_stop")
    ]


def test_the_name_of_the_event_counts_and_not_the_type_in_its_data() -> None:
    assert told_of(b'event: message_delta\ndata: {"type": "message_stop"}\n\n') == [{"type": "message_delta"}, "read"]


@pytest.mark.parametrize(
    "body", [b"", b": comment\n\n", b"id: 3\nretry: 5\n\n", b"data: {}\n\n", b"event: message_stop"]
)
def test_an_object_that_is_not_an_event_is_ignored(body: bytes) -> None:
    assert told_of(body) == ["read"]


def test_a_completion_is_recorded_with_its_data() -> None:
    event: dict[str, Any] = {"type": "completion", "completion": " Hi", "stop_reason": "stop_sequence"}
    assert told_of(sse(event), COMPLETIONS) == [event, "read"]


def test_of_the_events_of_a_session_only_the_types_are_recorded() -> None:
    event: dict[str, Any] = {"type": "agent.message", "content": "secret"}
    assert told_of(sse(event), SESSIONS) == [{"type": "agent.message"}, "read"]


@pytest.mark.parametrize("size", [1000, 65_536])
def test_a_long_line_is_not_kept(size: int) -> None:
    piece = b"x" * size
    heard = Heard()
    scan = EventScan(heard, MESSAGES)
    tracemalloc.start()
    try:
        scan.feed(b"event: content_block_delta\ndata: ")
        for _ in range(20_000_000 // size):
            scan.feed(piece)
        assert tracemalloc.get_traced_memory()[1] < 3_000_000
    finally:
        tracemalloc.stop()
    scan.feed(b"\n\nevent: message_stop\n\n")
    scan.end()
    assert heard.told == [{"type": "content_block_delta"}, {"type": "message_stop"}, "read"]


def test_data_that_never_ends_is_not_kept_either() -> None:
    heard = Heard()
    scan = EventScan(heard, MESSAGES)
    tracemalloc.start()
    try:
        scan.feed(b"event: message_start\n")
        for _ in range(300):
            scan.feed(b"data: " + b"x" * 65_536 + b"\n")
        assert tracemalloc.get_traced_memory()[1] < 3_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("size", [1, 3, None])
def test_a_document_is_recorded_at_its_end(size: int | None) -> None:
    heard = Heard()
    told = fed(DocumentScan(heard, "application/json", raises=True), heard, b'{"id": "msg_1"}', size)
    assert told == [("answered", {"id": "msg_1"})]


@pytest.mark.parametrize("raises", [True, False])
@pytest.mark.parametrize(
    ("body", "error_type"),
    [(b'{"id"', "json.decoder.JSONDecodeError"), (b'{"id": "\xff"}', "UnicodeDecodeError")],
)
def test_an_invalid_document_is_malformed_and_leaks_where_the_application_decodes_it(
    body: bytes, error_type: str, raises: bool
) -> None:
    heard = Heard()
    told = fed(DocumentScan(heard, "application/json", raises=raises), heard, body)
    failure = (Outcome.MALFORMED, error_type, raises, error_type if raises else None)
    assert told == [failure, ("answered", UNSEEN)]


@pytest.mark.parametrize("raises", [True, False])
def test_a_document_that_is_too_deep_fails_only_where_the_application_decodes_it(raises: bool) -> None:
    heard = Heard()
    told = fed(DocumentScan(heard, "application/json", raises=raises), heard, b"[" * 100_000)
    failure = (Outcome.CLIENT_ERROR, "RecursionError", True, "RecursionError")
    assert told == [*([failure] if raises else []), ("answered", UNSEEN)]


def test_a_document_that_is_too_long_is_not_looked_at() -> None:
    heard = Heard()
    told = fed(DocumentScan(heard, "application/json", raises=True), heard, b"[" * (2**23 + 1), 2**20)
    assert told == [("answered", UNSEEN)]


def deflated(body: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(body) + packer.flush()


def unpacked(heard: Heard, encoding: str, *, raises: bool = True) -> Unpacked:
    return Unpacked(EventScan(heard, MESSAGES), heard, encoding, "httpx2.DecodingError", raises=raises)


@pytest.mark.parametrize(
    ("encoding", "pack", "size"),
    [
        *(("gzip", gzip.compress, size) for size in (1, 5, None)),
        *(("deflate", zlib.compress, size) for size in (1, 5, None)),
        *(("deflate", deflated, size) for size in (5, None)),
    ],
)
def test_a_packed_body_is_unpacked(encoding: str, pack: Any, size: int | None) -> None:
    heard = Heard()
    body = pack(sse(START, STOP, newline=b"\r\n"))
    assert fed(unpacked(heard, encoding), heard, body, size) == [START, {"type": "message_stop"}, "read"]


def test_what_follows_a_packed_body_is_not_kept() -> None:
    heard = Heard()
    scan = unpacked(heard, "gzip")
    scan.feed(gzip.compress(sse(STOP)))
    tracemalloc.start()
    try:
        for _ in range(1000):
            scan.feed(b"x" * 10_000)
        assert tracemalloc.get_traced_memory()[1] < 100_000
    finally:
        tracemalloc.stop()
    assert heard.told == [{"type": "message_stop"}]


def test_of_a_body_that_unpacks_to_a_thousand_times_its_size_little_is_kept() -> None:
    packed = gzip.compress(b"event: content_block_delta\ndata: " + b"x" * 50_000_000 + b"\n\n")
    heard = Heard()
    scan = unpacked(heard, "gzip")
    tracemalloc.start()
    try:
        scan.feed(packed)
        assert tracemalloc.get_traced_memory()[1] < 3_000_000
    finally:
        tracemalloc.stop()
    scan.end()
    assert heard.told == [{"type": "content_block_delta"}, "read"]


def test_what_is_kept_of_a_line_grows_in_place() -> None:
    scan = EventScan(Heard(), MESSAGES)
    kept = scan._rest
    for piece in [b"data: ", *[b"x"] * 1000]:
        scan.feed(piece)
    assert (scan._rest is kept, len(kept)) == (True, 1006)


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
@pytest.mark.parametrize("raises", [True, False])
def test_a_corrupt_packing_is_malformed_and_leaks_where_the_application_unpacks_it(encoding: str, raises: bool) -> None:
    heard = Heard()
    scan = unpacked(heard, encoding, raises=raises)
    scan.feed(b"not packed at all")
    scan.feed(gzip.compress(sse(STOP)))
    exception = "httpx2.DecodingError" if raises else None
    assert heard.told == [(Outcome.MALFORMED, "httpx2.DecodingError", raises, exception)]


def test_only_what_the_standard_library_knows_can_be_unpacked() -> None:
    assert [can_unpack(one) for one in ((), ("gzip", "deflate"), ("br",), ("zstd",), ("gzip", "br"))] == [
        *(True, True),
        *(False, False, False),
    ]
