"""Whatever a body is made of and however it is cut: a scan raises nothing, and the call has one verdict.

`make fuzz` asks the same for as long as one likes.
"""

from __future__ import annotations

import gzip
import itertools
import zlib
from typing import TYPE_CHECKING, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from midstream._outcomes.kinds import COMPLETIONS, MESSAGES, SESSIONS, THREADS, UNDELIMITED
from support.aws_frames import event_frame
from support.scanned import ENCODINGS, SCANS, assert_scanned

if TYPE_CHECKING:
    from collections.abc import Callable

    from midstream._outcomes.kinds import StreamKind

_DEEP: Final = 2_000
"""Deeper than the interpreter nests."""

_NAMES: Final = (b"error", b"message_start", b"message_delta", b"message_stop", b"completion", b"ping", b"")
_DATA: Final = (
    b'{"type": "error", "error": {"type": "overloaded_error"}, "request_id": 1}',
    b'{"type": "message_start", "message": {"id": [], "usage": {"input_tokens": 1e400}}}',
    b'{"error": {"type": "\\ud800", "message": "\\u0000"}}',
    *(b"[" * _DEEP, b'{"error":' * _DEEP, b"9" * _DEEP * 10, b'"' + b"x" * _DEEP * 10 + b'"'),
    *(b"NaN", b"\xff\xfe", b"\xef\xbb\xbf{}", b"\x00", b""),
)
_EVENTS: Final = [b"event: " + name + b"\ndata: " + data + b"\n\n" for name in _NAMES for data in _DATA]
_CRUMBS: Final = (b"event", b"data", b":", b" ", b"\r", b"\n", b"\r\n", b"id: \x00\n", b"{", b"}", b"\x1f\x8b\x08")

parts = (
    st.sampled_from(_EVENTS)
    | st.sampled_from(_DATA)
    | st.sampled_from(_CRUMBS)
    | st.sampled_from(_DATA).map(event_frame)
    | st.binary(max_size=40)
)
CUTS: Final[dict[str, Callable[[list[bytes]], list[bytes]]]] = {
    "as it is made": lambda made: made,
    "in one piece": lambda made: [b"".join(made)],
    "in bytes": lambda made: [b"".join(made)[n : n + 1] for n in range(min(sum(map(len, made)), 5_000))],
    "in odd pieces": lambda made: [*itertools.chain.from_iterable((part[:3], b"", part[3:]) for part in made)],
}
KINDS: Final = (MESSAGES, COMPLETIONS, SESSIONS, THREADS, UNDELIMITED)
_PACKED: Final[dict[str, Callable[[bytes], bytes]]] = {"": bytes, "gzip": gzip.compress, "deflate": zlib.compress}


@settings(max_examples=500)
@given(
    made=st.lists(parts, max_size=8),
    cut=st.sampled_from(sorted(CUTS)),
    scanned_as=st.sampled_from(sorted(SCANS)),
    kind=st.sampled_from(KINDS),
    encoding=st.sampled_from(ENCODINGS),
    packed=st.booleans(),
    raises=st.booleans(),
)
def test_any_body_is_scanned_to_its_end_and_has_one_verdict(
    made: list[bytes],
    cut: str,
    scanned_as: str,
    kind: StreamKind,
    encoding: str,
    packed: bool,
    raises: bool,
) -> None:
    """Packed as it says, or not."""
    pieces = CUTS[cut]([_PACKED[encoding](b"".join(made))] if packed else made)
    assert_scanned(pieces, scanned_as, kind, encoding, raises=raises)


@pytest.mark.parametrize("cut", CUTS)
@pytest.mark.parametrize("scanned_as", SCANS)
def test_each_odd_body_alone_is_scanned_to_its_end_and_has_one_verdict(scanned_as: str, cut: str) -> None:
    for body, kind in itertools.product([*_EVENTS, *_DATA, *map(event_frame, _DATA), *_CRUMBS], KINDS):
        assert_scanned(CUTS[cut]([body]), scanned_as, kind, "", raises=True)
