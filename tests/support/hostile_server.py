"""A loopback server that sends what a test chooses, and bytes of answers to send."""

from __future__ import annotations

import re
from itertools import chain, repeat
from typing import TYPE_CHECKING, Any, cast

from midstream.faults import FaultServer
from midstream.faults._script import Ending, Script
from midstream.faults._wire import EVENT_STREAM, JSON, LAST_CHUNK, chunk_size, head, sse, to_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from midstream.faults._http_request import HttpRequest

__all__ = (
    "DELTA",
    "END",
    "START",
    "HostileServer",
    "always",
    "chunked",
    "delta",
    "document",
    "end",
    "event",
    "forever",
    "message",
    "paced",
    "raw",
    "start",
    "streamed",
)

_BATCH = re.compile("/v1/messages/batches/[^/]+")
_PACE = 1e-9
"""Seconds between two packets: what makes the server send each frame by itself, and not in blocks."""


class HostileServer(FaultServer):
    """It plays the same script for every request."""

    play: Callable[[HttpRequest, int], Script]

    def answer(self, request: HttpRequest, number: int) -> Script:
        """The script for request `number`."""
        # The SDK asks for a batch before it asks for its results.
        return super().answer(request, number) if _BATCH.fullmatch(request.path) else self.play(request, number)


def always(script: Script) -> Callable[[HttpRequest, int], Script]:
    """Plays `script` for every request. Its frames must be a tuple if there are several requests."""
    return lambda _request, _number: script


def event(name: str, **data: Any) -> bytes:
    """One server-sent event."""
    return sse(name, to_json({"type": name, **data}))


def message(**more: Any) -> dict[str, Any]:
    """A message without content, as `message_start` has it."""
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-x",
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {"input_tokens": 3, "output_tokens": 1},
        **more,
    }


def start(**more: Any) -> bytes:
    """The first events of an answer."""
    block = event("content_block_start", index=0, content_block={"type": "text", "text": ""})
    return event("message_start", message=message(**more)) + block


def delta(text: str) -> bytes:
    """A piece of content."""
    return event("content_block_delta", index=0, delta={"type": "text_delta", "text": text})


def end(stop_reason: str = "end_turn") -> bytes:
    """The last events of an answer."""
    final = {"stop_reason": stop_reason, "stop_sequence": None}
    return (
        event("content_block_stop", index=0)
        + event("message_delta", delta=final, usage={"output_tokens": 5})
        + event("message_stop")
    )


START, DELTA, END = start(), delta("Hi"), end()


def chunked(pieces: Iterable[bytes], extension: bytes = b"") -> Iterable[bytes]:
    """A chunked body, each of the pieces a chunk."""
    for piece in pieces:
        yield chunk_size(piece).replace(b"\r\n", extension + b"\r\n") + piece + b"\r\n"


def raw(*pieces: Iterable[bytes], pause: float = 0.0, ending: Ending = Ending.CLOSE) -> Script:
    """A script that sends these bytes and no others, which need not have an end."""
    # A script of the fault server has a tuple; what plays it takes what can be iterated over, once.
    return Script(b"", cast("tuple[bytes, ...]", chain(*pieces)), ending=ending, pause=pause)


def streamed(*pieces: Iterable[bytes], headers: Mapping[str, str] | None = None, whole: bool = True) -> Script:
    """A stream of events, each piece a chunk; if not `whole`, its last chunk is missing."""
    fields = {"content-type": EVENT_STREAM, "transfer-encoding": "chunked", "request-id": "req_1", **(headers or {})}
    return raw([head(200, fields)], chunked(chain(*pieces)), [LAST_CHUNK] if whole else [])


def document(body: bytes, status: int = 200, encoding: str = "identity") -> Script:
    """A JSON document."""
    fields = {
        "content-type": JSON,
        "content-encoding": encoding,
        "content-length": str(len(body)),
        "request-id": "req_1",
    }
    return raw([head(status, fields), body])


def paced(script: Script) -> Script:
    """The same bytes, one per packet."""
    whole = b"".join((script.head, *script.frames))
    return raw((whole[n : n + 1] for n in range(len(whole))), pause=_PACE)


def forever(piece: bytes) -> Iterable[bytes]:
    """A piece again and again, without an end."""
    return repeat(piece)
