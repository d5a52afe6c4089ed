"""`classify` does a bounded amount of work, and returns a bounded amount of text, however large what it is given is.

Counted are steps of the interpreter. Inside one of them C code may still pass over a text once.
"""

from __future__ import annotations

import builtins
import itertools
import tracemalloc
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final, cast

import anthropic
import pytest

from midstream._outcomes import classify
from midstream._outcomes.frames import FrameScan
from midstream._outcomes.kinds import MESSAGES
from midstream._outcomes.scan import EventScan
from midstream._outcomes.values import from_json
from reliability.work import steps
from support.hostile import assert_harmless
from support.sdk_errors import http

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def body_with_text(size: int) -> object:
    words = "y\n" * size
    return {"type": words, "error": {"type": "x" * size, "message": words}, "request_id": words}


def body_nested(size: int) -> object:
    deep: dict[str, Any] = {}
    for _ in range(size):
        deep = {"error": deep, "message": deep, "type": deep}
    return deep


def body_with_keys(size: int) -> object:
    return {"error": {str(n): n for n in range(size)}, **{f"key {n}": n for n in range(size)}}


def chain_of(link: str) -> Callable[[int], object]:
    def chain(size: int) -> object:
        errors: list[BaseException] = [http.ReadError(str(n)) for n in range(size)]
        for error, following in itertools.pairwise(errors):
            setattr(error, link, following)
        return errors[0]

    return chain


def cycle_of(link: str) -> Callable[[int], object]:
    def cycle(size: int) -> object:
        errors: list[BaseException] = [http.ReadError(str(n)) for n in range(size)]
        for error, following in zip(errors, [*errors[1:], errors[0]], strict=True):
            setattr(error, link, following)
        return errors[0]

    return cycle


def message(size: int) -> object:
    return http.ReadError("z " * size)


def quoted_bytes(size: int) -> object:
    return http.RemoteProtocolError(" :" * size + "b'" + "secret" * size)


def colons(size: int) -> object:
    return http.RemoteProtocolError(":" * size)


def bedrock_text(size: int) -> object:
    return ValueError("Bad response code, expected 200: " + "':exception-type': '" * size)


def headers(size: int) -> object:
    error: Any = anthropic.APIStatusError.__new__(anthropic.APIStatusError)
    known = {"retry-after": "9" * size, "retry-after-ms": "x" * size, "x-should-retry": "true" * size}
    error.response = SimpleNamespace(status_code=529, headers=known)
    error.status_code, error.body, error.request_id = 529, body_with_text(size), "r" * size
    return error


def many_attributes(size: int) -> object:
    error: Any = anthropic.APIConnectionError.__new__(anthropic.APIConnectionError)
    for n in range(size):
        setattr(error, f"attribute {n}", n)
    return error


def group(size: int) -> object:
    kind: Any = getattr(builtins, "ExceptionGroup", None)
    if kind is None:
        pytest.skip("groups of exceptions came with Python 3.11")
    return kind("many", [http.ReadError(str(n)) for n in range(size)])


LARGE: Final[dict[str, Callable[[int], object]]] = {
    "texts": body_with_text,
    "depth": body_nested,
    "keys": body_with_keys,
    "causes": chain_of("__cause__"),
    "contexts": chain_of("__context__"),
    "a cycle of causes": cycle_of("__cause__"),
    "a cycle of contexts": cycle_of("__context__"),
    "a message": message,
    "quoted bytes": quoted_bytes,
    "colons": colons,
    "a Bedrock frame's text": bedrock_text,
    "headers": headers,
    "attributes": many_attributes,
    "a group": group,
}


@pytest.mark.parametrize("what", LARGE)
def test_classify_does_no_more_work_for_a_larger_error(what: str, long: bool) -> None:
    # Both far too large.
    small, large = (LARGE[what](size) for size in (5_000, 1_000_000 if long else 100_000))
    # What is imported or cached at the first use does not depend on size. Python 3.14 traces a function's second call.
    steps(lambda: classify(small))
    assert steps(lambda: classify(small)) == steps(lambda: classify(large))
    assert_harmless(classify(large))
    take_apart(small)
    take_apart(large)


@pytest.mark.parametrize("what", LARGE)
def test_nothing_large_is_copied(what: str) -> None:
    large = LARGE[what](100_000)
    classify(large)
    tracemalloc.start()
    try:
        failure = classify(large)
        assert tracemalloc.get_traced_memory()[1] < 50_000
    finally:
        tracemalloc.stop()
    assert_harmless(failure)
    take_apart(large)


def take_apart(large: Any) -> None:
    """From the outside in, because recursion cannot always free something that deep."""
    while isinstance(large, dict) and large:
        outer = cast("dict[str, Any]", large)
        large = outer.get("error")
        outer.clear()
    while isinstance(large, BaseException):
        following = large.__cause__ or large.__context__
        large.__cause__ = large.__context__ = None
        large = following


class Deaf:
    """Gets what a scan finds, and keeps nothing."""

    def on_event(self, event: object) -> None:
        pass

    def on_hidden_failure(self, failure: object) -> None:
        pass

    def on_end(self) -> None:
        pass

    def on_document(self, document: object) -> None:
        pass


def frames_of(size: int) -> Iterator[bytes]:
    # One frame that is announced, and comes byte by byte.
    yield (2**24).to_bytes(4, "big") + b"\x00" * 8
    for _ in range(size):
        yield b"x"


BODIES: Final[dict[str, tuple[Callable[[], Any], Callable[[int], Iterator[bytes]]]]] = {
    "a line byte by byte": (lambda: EventScan(Deaf(), MESSAGES), lambda size: iter([b"data: ", *[b"x"] * size])),
    "a name byte by byte": (lambda: EventScan(Deaf(), MESSAGES), lambda size: iter([b"event: ", *[b"x"] * size])),
    "pings": (lambda: EventScan(Deaf(), MESSAGES), lambda size: iter([b"event: ping\ndata: {}\n\n"] * size)),
    "empty lines": (lambda: EventScan(Deaf(), MESSAGES), lambda size: iter([b"\n\r\n\r"] * size)),
    "a frame byte by byte": (lambda: FrameScan(Deaf()), frames_of),
}


@pytest.mark.parametrize("body", BODIES)
def test_twice_the_body_is_twice_the_work(body: str, long: bool) -> None:
    make, pieces = BODIES[body]

    def work(size: int) -> int:
        scan = make()
        given = list(pieces(size))

        def feed() -> None:
            for piece in given:
                scan.feed(piece)

        return steps(feed)

    size = 50_000 if long else 2_000
    work(100)
    once, twice = work(size), work(2 * size)
    assert once > size
    assert twice <= 2.01 * once


@pytest.mark.parametrize(
    "data", [b"[" * 100_000, b'{"a":' * 100_000, b"9" * 100_000], ids=["lists", "objects", "digits"]
)
def test_json_of_any_depth_says_nothing_and_raises_nothing(data: bytes) -> None:
    assert from_json(data) == {}
