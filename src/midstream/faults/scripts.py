"""What the server can do with a connection, as data: bytes to send, then an ending. The rows of `FAMILIES` choose."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from midstream.faults.api_errors import api_error, envelope
from midstream.faults.wire import (
    EVENT_STREAM,
    HTML,
    JSON,
    JSON_LINES,
    LAST_CHUNK,
    OCTETS,
    PLAIN_TEXT,
    chunk,
    chunk_size,
    corrupt_gzip,
    cut_short,
    head,
    not_utf8,
    sse,
    to_json,
    without_name,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from midstream.faults.scenarios import Scenario

__all__ = (
    "Case",
    "Ending",
    "How",
    "Kind",
    "Script",
    "bad_chunk",
    "bad_gzip",
    "bad_json",
    "bad_utf8",
    "cut",
    "envelope_document",
    "eof",
    "error_script",
    "fin",
    "fin_before_a_piece",
    "fin_length",
    "gateway_script",
    "hangup",
    "html",
    "http",
    "http_bare",
    "http_html",
    "http_text",
    "in_band",
    "in_band_bare",
    "in_band_text",
    "inside_a_piece",
    "no_blank_line",
    "no_in_band",
    "refusal_script",
    "request_id_of",
    "reset",
    "retry",
    "silent",
    "slow",
    "stall",
    "unnamed",
    "unnamed_error",
    "unnamed_error_document",
    "whole",
)


class Kind(Enum):
    """What the body of an answer consists of."""

    EVENTS = "events"
    """Server-sent events."""
    JSON = "json"
    """One JSON object: the answer to a request that is not streamed."""
    LINES = "lines"
    """Lines of JSON."""
    BYTES = "bytes"
    """A file."""


class Ending(Enum):
    """What becomes of the connection once everything is sent."""

    KEEP = "keep"
    """It waits for the next request."""
    CLOSE = "close"
    """It is closed: the client sees a FIN."""
    RESET = "reset"
    """It is aborted: the client sees an RST."""
    STALL = "stall"
    """Nothing more is sent until the client closes it."""


@dataclass(frozen=True, slots=True)
class Script:
    """What the server does in answer to one request.

    It sends `head` and `frames`, `pause` seconds apart, and then ends the connection. For a `fault` that is
    not None it first gives the client time to read what came before; then it sends the fault, which may be no
    bytes at all. `model` and `scenario` are for the log: what the request named, and what this is.
    """

    head: bytes = b""
    frames: tuple[bytes, ...] = ()
    fault: bytes | None = None
    ending: Ending = Ending.KEEP
    pause: float = 0.0
    model: str | None = None
    scenario: str | None = None

    @property
    def status(self) -> int | None:
        """The HTTP status in the head; None if nothing is answered."""
        return int(self.head.split(b" ", 2)[1]) if self.head else None


@dataclass(frozen=True, slots=True)
class Case:
    """A request for a scenario, understood: the `number`-th request, sent `resends` times before.

    `before` and `after` are the pieces of the whole answer's body before and after the place of the fault:
    events, lines, parts of a file, or halves of the JSON. `headers` are those of another server's answer.
    """

    scenario: Scenario
    kind: Kind
    number: int
    resends: int
    before: tuple[bytes, ...]
    after: tuple[bytes, ...]
    headers: Mapping[str, str] | None = None

    @property
    def argument(self) -> str:
        """The argument of the scenario; empty if its family takes none."""
        return self.scenario.argument or ""

    def head(self, framing: Mapping[str, str]) -> bytes:
        """Return the head of the 200 response, with the headers that say how its body is framed."""
        own = {**_TYPES[self.kind], "request-id": request_id_of(self.number)}
        return head(200, {**(own if self.headers is None else self.headers), **framing})

    def whole(self, *pieces: bytes) -> Script:
        """Return the script of a response that ends as HTTP wants it, whatever the pieces of its body are."""
        if self.kind is Kind.JSON:
            return Script(self.head(_length(pieces)), pieces)
        return Script(self.head(_CHUNKED), (*map(chunk, pieces), LAST_CHUNK))

    def broken(self, fault: bytes, ending: Ending) -> Script:
        """Return the script of a chunked body that goes wrong after the pieces before the fault."""
        return Script(self.head(_CHUNKED), tuple(map(chunk, self.before)), fault, ending)


How = Callable[[Case], Script]
"""What the server does about a request for a scenario."""


def request_id_of(number: int) -> str:
    """Return the id of the `number`-th request."""
    return f"req_faults_{number:06d}"


def error_script(status: int, content_type: str, body: bytes, number: int, **headers: str) -> Script:
    """Return the script of an HTTP error in answer to the `number`-th request, or of another document for an answer."""
    fields = {
        "content-type": content_type,
        "content-length": str(len(body)),
        "request-id": request_id_of(number),
    }
    return Script(head(status, {**fields, **headers}), (body,))


def refusal_script(error_type: str, message: str, number: int) -> Script:
    """Return the script of an HTTP error that tells the client what is wrong with its request, and closes."""
    body = to_json(envelope(error_type, message, request_id_of(number)))
    script = error_script(api_error(error_type).status, JSON, body, number, connection="close")
    return replace(script, ending=Ending.CLOSE)


def gateway_script(message: str, number: int) -> Script:
    """Return the script of an HTTP error that tells the client what is wrong with what is behind this server."""
    return error_script(502, JSON, to_json(envelope("api_error", message, request_id_of(number))), number)


_TYPES: Final[Mapping[Kind, Mapping[str, str]]] = MappingProxyType(
    {
        Kind.EVENTS: {"content-type": EVENT_STREAM, "cache-control": "no-cache"},
        Kind.JSON: {"content-type": JSON},
        Kind.LINES: {"content-type": JSON_LINES},
        Kind.BYTES: {"content-type": OCTETS},
    }
)
_CHUNKED: Final = MappingProxyType({"transfer-encoding": "chunked"})
_GZIPPED: Final = MappingProxyType({**_CHUNKED, "content-encoding": "gzip"})
_CLOSED: Final = MappingProxyType({"connection": "close"})
_NO_CHUNK: Final = b"no chunk begins like this\r\n"
_PROXY_TEXT: Final = b"upstream connect error or disconnect/reset before headers"
_NO_IN_BAND: Final = "this stream has no errors in band: name a scenario other than {}"
_GATEWAY_ERROR: Final = to_json(
    {"error": {"message": "gateway timed out", "type": "None", "param": None, "code": "408"}}
)
_PROXY_PAGE: Final = "<html>\r\n<head><title>{0}</title></head>\r\n<body><h1>{0}</h1></body>\r\n</html>\r\n"


def _length(pieces: tuple[bytes, ...]) -> Mapping[str, str]:
    return {"content-length": str(sum(map(len, pieces)))}


def _api_error(case: Case, error_type: str, **headers: str) -> Script:
    error = api_error(error_type)
    body = to_json(envelope(error_type, error.message, request_id_of(case.number)))
    return error_script(error.status, JSON, body, case.number, **headers)


def whole(case: Case) -> Script:
    """The whole answer."""
    return case.whole(*case.before, *case.after)


def slow(case: Case) -> Script:
    """The whole answer, with the argument's milliseconds between its pieces."""
    return replace(whole(case), pause=int(case.argument) / 1000)


def retry(case: Case) -> Script:
    """HTTP 529 before the attempt that the argument numbers, and from then on the whole answer."""
    if case.resends + 1 >= case.scenario.attempts:
        return whole(case)
    return _api_error(case, "overloaded_error", **{"retry-after-ms": "1"})


def in_band(case: Case) -> Script:
    """An error event of the argument's type."""
    message = api_error(case.argument).message
    return _error_event(case, to_json(envelope(case.argument, message, f"req_in_band_{case.number:06d}")))


def in_band_text(case: Case) -> Script:
    """An error event whose data is not JSON."""
    return _error_event(case, _PROXY_TEXT)


def in_band_bare(case: Case) -> Script:
    """An error event without an error object."""
    return _error_event(case, _bare(f"req_in_band_{case.number:06d}"))


def _error_event(case: Case, data: bytes) -> Script:
    return case.whole(*case.before, sse("error", data))


def _bare(request_id: str) -> bytes:
    return to_json({"type": "error", "request_id": request_id})


def unnamed_error(case: Case) -> Script:
    """An event without a name that has an error, as gateways send it, and the end of their streams."""
    return case.whole(*case.before, b"data: %b\n\n" % _GATEWAY_ERROR, b"data: [DONE]\n\n")


def unnamed_error_document(case: Case) -> Script:
    """The same error with status 200, as a document."""
    return _document(case, JSON, _GATEWAY_ERROR)


def unnamed(case: Case) -> Script:
    """The whole answer, with no names of events."""
    return case.whole(*map(without_name, (*case.before, *case.after)))


def no_blank_line(case: Case) -> Script:
    """The whole answer without its last byte, the blank line after the last event."""
    *others, last = (*case.before, *case.after)
    return case.whole(*others, last[:-1])


def html(case: Case) -> Script:
    """A page with status 200."""
    return _document(case, HTML, _PROXY_PAGE.format("Sign in").encode())


def envelope_document(case: Case) -> Script:
    """The envelope of an error of the argument's type, with status 200."""
    message = api_error(case.argument).message
    return _document(case, JSON, to_json(envelope(case.argument, message, f"req_in_band_{case.number:06d}")))


def _document(case: Case, content_type: str, body: bytes) -> Script:
    return error_script(200, content_type, body, case.number)


def http(case: Case) -> Script:
    """An HTTP error of the argument's type."""
    return _api_error(case, case.argument)


def http_html(case: Case) -> Script:
    """An HTTP error of the argument's status, with a proxy's page."""
    return error_script(int(case.argument), HTML, _PROXY_PAGE.format(case.argument).encode(), case.number)


def http_text(case: Case) -> Script:
    """HTTP 500 with a proxy's text."""
    return error_script(500, PLAIN_TEXT, _PROXY_TEXT, case.number)


def http_bare(case: Case) -> Script:
    """HTTP 500 with an envelope that has no error object."""
    return error_script(500, JSON, _bare(request_id_of(case.number)), case.number)


def no_in_band(case: Case) -> Script:
    """HTTP 400: such a body cannot have an error event."""
    return refusal_script("invalid_request_error", _NO_IN_BAND.format(case.scenario.family), case.number)


def inside_a_piece(script: How) -> How:
    """Return `script` at half of the piece that comes next."""

    def later(case: Case) -> Script:
        piece, *after = case.after
        half = len(piece) // 2
        return script(replace(case, before=(*case.before, piece[:half]), after=(piece[half:], *after)))

    return later


def reset(case: Case) -> Script:
    """The connection is reset."""
    return case.broken(b"", Ending.RESET)


def fin(case: Case) -> Script:
    """The connection is closed in the middle of a chunk."""
    next_chunk = chunk(case.after[0])
    return case.broken(next_chunk[: len(next_chunk) // 2], Ending.CLOSE)


def fin_before_a_piece(case: Case) -> Script:
    """The connection is closed between the size of a chunk and its data."""
    return case.broken(chunk_size(case.after[0]), Ending.CLOSE)


def fin_length(case: Case) -> Script:
    """The connection is closed before the body has its length."""
    framing = _length((*case.before, *case.after))
    return Script(case.head(framing), case.before, b"", Ending.CLOSE)


def bad_chunk(case: Case) -> Script:
    """What comes instead of the next chunk is not one."""
    return case.broken(_NO_CHUNK, Ending.CLOSE)


def stall(case: Case) -> Script:
    """Nothing more is sent."""
    return case.broken(b"", Ending.STALL)


def cut(case: Case) -> Script:
    """The body ends as HTTP wants it."""
    return case.whole(*case.before)


def eof(case: Case) -> Script:
    """The body ends with the connection, as HTTP/1.0 has it."""
    return Script(case.head(_CLOSED), case.before, ending=Ending.CLOSE)


def bad_json(case: Case) -> Script:
    """Half of the next piece's JSON is missing."""
    return case.whole(*case.before, cut_short(case.after[0]), *case.after[1:])


def bad_utf8(case: Case) -> Script:
    """The next piece has a byte that UTF-8 never has."""
    return case.whole(*case.before, not_utf8(case.after[0]), *case.after[1:])


def bad_gzip(case: Case) -> Script:
    """The body is compressed, and what comes next is corrupt."""
    whole, corruption = corrupt_gzip(case.before)
    return Script(case.head(_GZIPPED), tuple(map(chunk, whole)), chunk(corruption) + LAST_CHUNK, Ending.CLOSE)


def hangup(_case: Case) -> Script:
    """The connection is closed without an answer."""
    return Script(ending=Ending.CLOSE)


def silent(_case: Case) -> Script:
    """Nothing is sent."""
    return Script(ending=Ending.STALL)
