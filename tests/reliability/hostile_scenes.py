"""What slow and hostile servers do, as data: the request, the response, and how the call ends."""

from __future__ import annotations

import gzip
import zlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from midstream._outcomes import Outcome
from midstream.faults._script import Ending, Script
from midstream.faults._wire import JSON_LINES, head, to_json
from support.hostile_server import (
    DELTA,
    END,
    START,
    chunked,
    delta,
    document,
    end,
    event,
    forever,
    message,
    paced,
    raw,
    start,
    streamed,
)
from support.other_streams import OTHER_STREAMS
from support.readers import READERS
from support.styles import STYLES, Style, arguments

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ("SCENES", "Scene")

_MANY = 20


def _some(client: Any, model: str, events: list[Any]) -> None:
    with client.messages.create(**arguments(model), stream=True) as stream:
        for one in stream:
            events.append(one)
            if len(events) == _MANY:
                return


async def _asome(client: Any, model: str, events: list[Any]) -> None:
    async with await client.messages.create(**arguments(model), stream=True) as stream:
        async for one in stream:
            events.append(one)
            if len(events) == _MANY:
                return


LOOP = STYLES["create(stream=True) in a loop"]
CREATE = STYLES["create"]
SOME = Style("the first events", True, _some, _asome)
BYTES = READERS["iter_bytes"]
LINES = READERS["iter_lines"]
PACKED = READERS["http_response.iter_raw"]
RESULTS = OTHER_STREAMS["batches.results"]


@dataclass(frozen=True)
class Scene:
    """One thing that a server does."""

    name: str
    style: Style
    play: Callable[[int], Script]
    """What is sent, by size."""
    size: int
    """The size of the short version, in bytes or in items."""
    long: int
    """The size of the long version."""
    outcome: Outcome = Outcome.COMPLETED
    error_type: str | None = None
    """`HTTP` stands for the package of the HTTP client."""


_K = 1000
_M = 1_000_000
_DEEP = b'{"type": "error", "error": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"
_ODD = "odd \ud800\x00\n\x1b[2J"
"""What JSON can spell, and few can write down."""


def _in_band(error_type: str, text: str) -> bytes:
    return event("error", error={"type": error_type, "message": text}, request_id=text)


def _http_error(error_type: str, text: str) -> Script:
    body = {"type": "error", "error": {"type": error_type, "message": text}, "request_id": text}
    return document(to_json(body), 529)


def _with_headers(*headers: tuple[str, str]) -> Script:
    script = streamed([START, DELTA, END])
    first, *rest = script.frames
    lines = b"".join(f"{name}: {value}\r\n".encode() for name, value in headers)
    return raw([first[:-2] + lines + b"\r\n"], rest)


def _gzip(data: bytes) -> bytes:
    return gzip.compress(data, mtime=0)  # without the time, which would be another each time


def _bomb(pack: Callable[[bytes], bytes], encoding: str) -> Callable[[int], Script]:
    def play(size: int) -> Script:
        body = pack(START + bytes(size) + b"\n\n" + END)
        return streamed((body[n : n + 4096] for n in range(0, len(body), 4096)), headers={"content-encoding": encoding})

    return play


def _packed_document(size: int) -> Script:
    whole = to_json(message(content=[{"type": "text", "text": "x" * size}], stop_reason="end_turn"))
    return document(_gzip(whole), encoding="gzip")


def _results(size: int) -> Script:
    line = to_json({"custom_id": "x" * size, "result": {"type": "canceled"}}) + b"\n"
    fields = {"content-type": JSON_LINES, "content-length": str(3 * len(line)), "request-id": "req_1"}
    return raw([head(200, fields)], [line] * 3)


def _bytewise(body: bytes) -> Script:
    return streamed(body[n : n + 1] for n in range(len(body)))


def _split(body: bytes) -> list[bytes]:
    return [body[n : n + 50_000] for n in range(0, len(body), 50_000)]


def _with_extension(size: int) -> Script:
    first = next(iter(streamed().frames))
    return raw([first], chunked([START, *[DELTA] * 20, END], b";x=" + b"y" * size), [b"0\r\n\r\n"])


def _after(before: bytes) -> Script:
    answer = document(to_json(message(content=[{"type": "text", "text": "Hi"}], stop_reason="end_turn")))
    return replace(answer, head=before)


def _redirect() -> Script:
    return raw([head(307, {"location": "/v1/messages", "content-length": "0"})], ending=Ending.KEEP)


_DISCONNECTED = (Outcome.CONNECTION_ERROR, "HTTP.RemoteProtocolError")
_BROKEN = (Outcome.TRANSPORT_ERROR, "HTTP.RemoteProtocolError")
_OVERLOADED = (Outcome.IN_BAND_ERROR, "overloaded_error")
_HTTP = (Outcome.HTTP_ERROR, "overloaded_error")
_CUT = (Outcome.TRUNCATED, "stream_truncated")

_SCENES: tuple[Scene, ...] = (
    Scene("one byte per packet", LOOP, lambda n: paced(streamed([START, *[DELTA] * n, END])), 10, 1000),
    Scene("one byte per packet, bytes", BYTES, lambda n: paced(streamed([START, *[DELTA] * n, END])), 10, 1000),
    Scene("one byte per chunk", LOOP, lambda n: _bytewise(START + DELTA * n + END), 20, _K),
    Scene("one byte per chunk, bytes", BYTES, lambda n: _bytewise(START + DELTA * n + END), 20, _K),
    Scene("long extensions of chunks", LOOP, _with_extension, 2 * _K, 20 * _K),
    Scene("an extension too long", LOOP, _with_extension, 500 * _K, 5 * _M, *_BROKEN),
    Scene("a long event", LOOP, lambda n: streamed(_split(START + delta("x" * n) + END)), 2 * _M, 100 * _M),
    Scene("a long event, bytes", BYTES, lambda n: streamed(_split(START + delta("x" * n) + END)), 2 * _M, 100 * _M),
    Scene("pings", LOOP, lambda n: streamed([START], [event("ping") * 100] * (n // 100), [END]), 20 * _K, _M),
    Scene("pings, bytes", BYTES, lambda n: streamed([START], [event("ping") * 100] * (n // 100), [END]), 20 * _K, _M),
    Scene("comments", LOOP, lambda n: streamed([START], [b": x\n\n" * 100] * (n // 100), [END]), 20 * _K, _M),
    Scene("comments, lines", LINES, lambda n: streamed([START], [b": x\n" * 100] * (n // 100), [END]), 20 * _K, _M),
    Scene("unheard-of events", LOOP, lambda n: streamed([START], [event("odd")] * n, [END]), 500, 100 * _K),
    Scene("starts without end", BYTES, lambda n: streamed([START] * n), 500, 100 * _K, *_CUT),
    Scene("a stream without end", SOME, lambda _: streamed([START], forever(DELTA)), 0, 0, Outcome.ABANDONED),
    Scene("an event without end", LOOP, lambda n: streamed([START, delta("x" * n).rstrip()]), 100 * _K, _M, *_CUT),
    Scene("an end without end", BYTES, lambda n: streamed([START, DELTA, END.rstrip()[:-1] + b" " * n]), _K, _M, *_CUT),
    Scene("endless headers", LOOP, lambda _: raw([b"HTTP/1.1 200 OK\r\n"], forever(b"x: y\r\n")), 0, 0, *_DISCONNECTED),
    Scene("a long header", LOOP, lambda n: _with_headers(("x-long", "x" * n)), 60 * _K, 60 * _K),
    Scene("a long id", LOOP, lambda n: _with_headers(("request-id", "x" * n)), 30 * _K, 30 * _K),
    Scene("a header too long", LOOP, lambda n: _with_headers(("x-long", "x" * n)), _M, 50 * _M, *_DISCONNECTED),
    Scene("many headers", LOOP, lambda n: _with_headers(*[("x-many", "y")] * n), 2 * _K, 2 * _K),
    Scene("too many headers", LOOP, lambda n: _with_headers(*[("x-many", "y")] * n), 50 * _K, _M, *_DISCONNECTED),
    Scene("nonsense for a status line", LOOP, lambda _: raw([b"SSH-2.0-OpenSSH_9.6\r\n\r\n"]), 0, 0, *_DISCONNECTED),
    Scene("no number for a status", LOOP, lambda _: raw([b"HTTP/1.1 2OO OK\r\n\r\n"]), 0, 0, *_DISCONNECTED),
    Scene("nothing but zeros", LOOP, lambda n: raw([bytes(n)]), _M, 10 * _M, *_DISCONNECTED),
    Scene("a status of 999", LOOP, lambda _: document(b"odd", 999), 0, 0, Outcome.HTTP_ERROR, "999"),
    Scene(
        "continued again and again", CREATE, lambda n: _after(b"HTTP/1.1 103 Early Hints\r\n\r\n" * n), 500, 100 * _K
    ),
    Scene(
        "redirected for ever", CREATE, lambda _: _redirect(), 0, 0, Outcome.CONNECTION_ERROR, "HTTP.TooManyRedirects"
    ),
    Scene("a gzip bomb", BYTES, _bomb(_gzip, "gzip"), 2 * _M, 100 * _M),
    Scene("a gzip bomb, packed", PACKED, _bomb(_gzip, "gzip"), 2 * _M, 100 * _M),
    Scene("a deflate bomb", BYTES, _bomb(zlib.compress, "deflate"), 2 * _M, 100 * _M),
    Scene("a gzip bomb of a document", CREATE, _packed_document, 2 * _M, 100 * _M),
    Scene("a long error", LOOP, lambda n: _http_error("overloaded_error", "x" * n), 2 * _M, 50 * _M, *_HTTP),
    Scene(
        "a long error that is not JSON", LOOP, lambda n: document(b"x" * n, 529), _M, 50 * _M, Outcome.HTTP_ERROR, "529"
    ),
    Scene(
        "a long error in the stream",
        LOOP,
        lambda n: streamed(_split(START + _in_band("overloaded_error", "x" * n))),
        2 * _M,
        50 * _M,
        *_OVERLOADED,
    ),
    Scene("a long type", LOOP, lambda n: _http_error("x" * n, "No"), _M, 50 * _M, Outcome.HTTP_ERROR, "x" * 128),
    Scene("a deep error", LOOP, lambda _: document(_DEEP, 500), 0, 0, Outcome.HTTP_ERROR, "500"),
    Scene(
        "a deep error in the stream",
        LOOP,
        lambda _: streamed([START, b"event: error\ndata: " + _DEEP + b"\n\n"]),
        0,
        0,
        Outcome.IN_BAND_ERROR,
        "_OTHER",
    ),
    Scene(
        "long names",
        LOOP,
        lambda n: streamed(_split(start(id="i" * n, model="m" * n) + DELTA + end("s" * n))),
        _M,
        20 * _M,
    ),
    Scene(
        "long names in a document",
        CREATE,
        lambda n: document(to_json(message(id="i" * n, model="m" * n, stop_reason="s" * n))),
        _M,
        20 * _M,
    ),
    Scene("odd names", LOOP, lambda _: streamed([start(id=_ODD, model=_ODD), DELTA, end(_ODD)]), 0, 0),
    Scene(
        "an odd error", LOOP, lambda _: _http_error(_ODD, _ODD), 0, 0, Outcome.HTTP_ERROR, "odd \ufffd\ufffd\n\x1b[2J"
    ),
    Scene(
        "an odd error in the stream",
        LOOP,
        lambda _: streamed([START, _in_band(_ODD, _ODD)]),
        0,
        0,
        Outcome.IN_BAND_ERROR,
        "odd \ufffd\ufffd\n\x1b[2J",
    ),
    # The SDK adds each 64 bytes of a line to a copy of what it has: 50 MB in one line would take it hours.
    Scene("long lines of results", RESULTS, _results, 200 * _K, 2 * _M),
)


SCENES = {scene.name: scene for scene in _SCENES}
"""By name."""
