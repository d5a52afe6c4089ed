"""What a hostile body costs us: constant memory, and no more than twice as much work for twice as much of it.

No time is measured. Work that copies is measured by the bytes that are allocated for it, what is freed immediately
included; all other work by the calls that our code makes.
"""

from __future__ import annotations

import gzip
import sys
import tracemalloc
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import midstream
from midstream._outcomes.frames import FrameScan
from midstream._outcomes.kinds import MESSAGES
from midstream._outcomes.scan import DocumentScan, EventScan, Unpacked
from midstream.faults import parse
from support.aws_frames import event_frame, frame
from support.hostile_server import DELTA, END, START, HostileServer, delta, event, streamed
from support.readers import READERS
from support.seen import FLAVORS, run
from support.styles import STYLES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from contextlib import AbstractContextManager

    from midstream._outcomes.failure import Failure
    from midstream._outcomes.scan import Scan
    from support.exported import Exported

OURS = tuple(str(Path(midstream.__file__).with_name(part)) for part in ("_outcomes", "_sdk", "_telemetry", "_guard.py"))
"""What observes calls. The fault server is not meant."""


class Deaf:
    """A listener that keeps nothing."""

    def on_event(self, event: object) -> None: ...

    def on_hidden_failure(self, failure: Failure) -> None: ...

    def on_end(self) -> None: ...

    def on_document(self, document: object) -> None: ...


def allocated(work: Callable[[], object]) -> int:
    """The bytes that are allocated while `work` runs, those included that are freed before the next call in it."""
    total = last = 0

    def between_calls(*_args: object) -> None:
        nonlocal total, last
        now, peak = tracemalloc.get_traced_memory()
        total += max(peak - last, 0)
        tracemalloc.reset_peak()
        last = now

    tracemalloc.start()
    try:
        sys.setprofile(between_calls)
        work()
    finally:
        sys.setprofile(None)
        between_calls()
        tracemalloc.stop()
    return total


def most_held(work: Callable[[], object]) -> int:
    """The peak of allocated bytes while `work` runs."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def events() -> Scan:
    return EventScan(Deaf(), MESSAGES)


def documents() -> Scan:
    return DocumentScan(Deaf(), "application/json", raises=False)


def frames() -> Scan:
    return FrameScan(Deaf())


def packed() -> Scan:
    return Unpacked(events(), Deaf(), "gzip", "httpx.DecodingError", raises=False)


def small(body: bytes) -> Iterable[bytes]:
    return (body[n : n + 16] for n in range(0, len(body), 16))


def many_headers(size: int) -> bytes:
    return frame({f"{n:04}": "" for n in range(size)}, b"{}")


_K = 1000
WORK: dict[str, tuple[Callable[[], Scan], Callable[[int], Iterable[bytes]], int]] = {
    "a line in small pieces": (events, lambda n: small(b"event: error\ndata: " + b"x" * n), 10 * _K),
    "a line without a name": (events, lambda n: small(b"data: " + b"x" * n), 10 * _K),
    "a comment in small pieces": (events, lambda n: small(b":" + b"x" * n), 10 * _K),
    "an event of many lines": (events, lambda n: [b"event: error\n" + b"data: x\n" * n + b"\n"], 500),
    "many events in one piece": (events, lambda n: [event("ping") * n], 200),
    "many errors": (events, lambda n: [event("error", error={"type": "odd"}) * n], 50),
    "a document in small pieces": (documents, lambda n: small(b"[" + b"1," * n + b"1]"), 5 * _K),
    "a frame in small pieces": (frames, lambda n: small(event_frame(b"x" * n)), 8 * _K),
    "many frames in one piece": (frames, lambda n: [event_frame(b"{}") * n], 100),
    "many headers of a frame": (frames, lambda n: [many_headers(n)], 300),
    "a bomb": (packed, lambda n: [gzip.compress(START + bytes(n) + b"\n\n" + END)], 400 * _K),
    "what follows a packed body": (packed, lambda n: [gzip.compress(START), *([b"x" * 100] * n)], 200),
}
"""By name, what scans it, the pieces of a body of a size, and a size."""


@pytest.mark.newest
@pytest.mark.parametrize("name", WORK)
def test_twice_the_body_is_twice_the_work(name: str) -> None:
    scan, pieces, size = WORK[name]

    def work(times: int) -> int:
        scanning, body = scan(), list(pieces(times * size))

        def scanned() -> None:
            for piece in body:
                scanning.feed(piece)
            scanning.end()

        return allocated(scanned)

    assert work(2) <= 2.5 * work(1)


KEPT: dict[str, tuple[Callable[[], Scan], Iterable[bytes], int]] = {
    "content": (events, [delta("x" * _K)], 2_000_000),
    "content in one line": (events, [b"event: content_block_delta\ndata: ", *[b"x" * 50 * _K] * 100], 6_000_000),
    "a name without end": (events, [b"event: ", *[b"x" * 50 * _K] * 100], 6_000_000),
    "comments": (events, [b": x\n" * _K], 2_000_000),
    "comments without end": (events, [b":", *[b"x" * 50 * _K] * 100], 6_000_000),
    "an error without end": (events, [b"event: error\n", *[b"data: " + b"x" * 50 * _K + b"\n"] * 100], 6_000_000),
    "newlines": (events, [b"\n" * 10 * _K], 2_000_000),
    "frames": (frames, [event_frame(DELTA)], 2_000_000),
    "no frames": (frames, [b"\xff" * _K], 2_000_000),
    "a document": (documents, [b"x" * 50 * _K] * 100, 30_000_000),
}
"""By name, what scans it, pieces of a body that are repeated, and the bytes that it may take at most."""


@pytest.mark.newest
@pytest.mark.parametrize("name", KEPT)
def test_what_is_kept_of_a_body_does_not_grow_with_it(name: str, long: bool) -> None:
    scan, body, limit = KEPT[name]
    pieces = list(body)

    def most(times: int) -> int:
        scanning = scan()

        def scanned() -> None:
            for _ in range(times):
                for piece in pieces:
                    scanning.feed(piece)

        return most_held(scanned)

    size = 100 if long else 5
    once, fourfold = most(size), most(4 * size)
    assert fourfold <= limit
    assert fourfold <= once + 2 * sum(map(len, pieces[:2]))


@pytest.mark.newest
@pytest.mark.parametrize("size", [2_000_000, 8_000_000])
def test_a_bomb_takes_no_more_than_a_little_at_a_time(size: int, long: bool) -> None:
    size *= 10 if long else 1
    scan, bomb = packed(), gzip.compress(START + b"x" * size + b"\n\n" + END)
    assert most_held(lambda: scan.feed(bomb)) < 2_000_000


def calls_of_ours(work: Callable[[], object]) -> int:
    """How often our code is called, resumed or calls something, while `work` runs, on this thread."""
    count = 0

    def seen(frame: Any, kind: str, _arg: object) -> None:
        nonlocal count
        if kind in ("call", "c_call") and frame.f_code.co_filename.startswith(OURS):
            count += 1

    sys.setprofile(seen)
    try:
        work()
    finally:
        sys.setprofile(None)
    return count


def held_by_us() -> int:
    """The bytes that our code has allocated and that are still in use."""
    filters = [tracemalloc.Filter(inclusive=True, filename_pattern=f"{part}*") for part in OURS]
    snapshot = tracemalloc.take_snapshot().filter_traces(filters)
    return sum(trace.size for trace in snapshot.traces)


@pytest.fixture(name="hostile", scope="module")
def hostile_() -> Iterator[HostileServer]:
    with HostileServer() as server:
        yield server


BODIES: dict[str, Callable[[int], Iterable[bytes]]] = {
    "content": lambda n: [START, *[DELTA * 10] * n, END],
    "pings": lambda n: [START, *[event("ping") * 10] * n, END],
    "comments": lambda n: [START, *[b": x\n\n" * 10] * n, END],
    "unheard-of events": lambda n: [START, *[event("odd") * 10] * n, END],
    "starts": lambda n: [START * 10] * n,
}
LOOP = STYLES["create(stream=True) in a loop"]
STYLES_OF_READING = {"parsed": LOOP, "bytes": READERS["iter_bytes"], "lines": READERS["iter_lines"]}


@pytest.mark.newest
@pytest.mark.parametrize("flavor", FLAVORS)
@pytest.mark.parametrize("style", STYLES_OF_READING)
@pytest.mark.parametrize("body", BODIES)
def test_twice_the_stream_is_at_most_twice_the_calls(
    hostile: HostileServer,
    instrumented: Callable[..., AbstractContextManager[Exported]],
    body: str,
    style: str,
    flavor: str,
    long: bool,
) -> None:
    size = 1000 if long else 4

    def calls(times: int) -> int:
        hostile.play = lambda _request, _number: streamed(BODIES[body](times * size))
        return calls_of_ours(lambda: run(STYLES_OF_READING[style], flavor, hostile, parse("ok"), None))

    with instrumented():
        calls(1)
        # The network cuts bodies into pieces as it likes.
        assert calls(4) <= 2.5 * calls(2)


@pytest.mark.parametrize("flavor", FLAVORS)
@pytest.mark.parametrize("style", ["parsed", "bytes"])
@pytest.mark.parametrize("body", ["content", "unheard-of events", "starts"])
def test_what_we_hold_does_not_grow_with_the_stream(
    hostile: HostileServer,
    instrumented: Callable[..., AbstractContextManager[Exported]],
    body: str,
    style: str,
    flavor: str,
    long: bool,
) -> None:
    size = 2000 if long else 6

    def most(times: int) -> int:
        held: list[int] = []
        chunks = list(BODIES[body](times * size))

        def pieces() -> Iterator[bytes]:
            for number, piece in enumerate(chunks):
                yield piece
                if number % (len(chunks) // 3) == 0:
                    held.append(held_by_us())

        hostile.play = lambda _request, _number: streamed(pieces())
        tracemalloc.start()
        try:
            run(STYLES_OF_READING[style], flavor, hostile, parse("ok"), None)
        finally:
            tracemalloc.stop()
        return max(held)

    with instrumented():
        most(1)
        assert most(4) <= most(1) + 20_000
