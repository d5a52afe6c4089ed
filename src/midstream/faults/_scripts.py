"""What the server does for a scenario: a function from a request to a script. The rows of `FAMILIES` choose."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from midstream.faults import _wire as wire
from midstream.faults._api_errors import api_error, envelope
from midstream.faults._scenario import Scenario
from midstream.faults._script import Ending, Kind, Script, error_script, refusal_script, request_id_of

_TYPES: Final[Mapping[Kind, Mapping[str, str]]] = {
    Kind.EVENTS: {"content-type": wire.EVENT_STREAM, "cache-control": "no-cache"},
    Kind.JSON: {"content-type": wire.JSON},
    Kind.LINES: {"content-type": wire.JSON_LINES},
    Kind.BYTES: {"content-type": wire.OCTETS},
}
_CHUNKED: Final = {"transfer-encoding": "chunked"}
_PROXY_TEXT: Final = b"upstream connect error or disconnect/reset before headers"
_PROXY_PAGE: Final = "<html>\r\n<head><title>{0}</title></head>\r\n<body><h1>{0}</h1></body>\r\n</html>\r\n"
_GATEWAY_ERROR: Final = wire.to_json(
    {"error": {"message": "gateway timed out", "type": "None", "param": None, "code": "408"}}
)


@dataclass(frozen=True, slots=True)
class Case:
    """A scenario and the whole answer to its request, which is the `number`-th and was sent `resends` times before.

    `before` and `after` are the pieces of the body before and after the place of the fault: events, lines, parts of a
    file, or halves of the JSON. `headers` are those of an upstream's answer.
    """

    scenario: Scenario
    kind: Kind
    number: int
    resends: int
    before: tuple[bytes, ...] = ()
    after: tuple[bytes, ...] = ()
    headers: Mapping[str, str] | None = None

    @property
    def argument(self) -> str:
        """The argument of the scenario; empty if its family takes none."""
        return self.scenario.argument or ""

    @property
    def pieces(self) -> tuple[bytes, ...]:
        """The body of the whole answer."""
        return (*self.before, *self.after)

    def head(self, framing: Mapping[str, str]) -> bytes:
        """Return the head of a response with status 200 whose body is framed like this."""
        own = {**_TYPES[self.kind], "request-id": request_id_of(self.number)}
        return wire.head(200, {**(own if self.headers is None else self.headers), **framing})

    def complete(self, *pieces: bytes) -> Script:
        """Return the script of a response whose HTTP framing is complete, whatever its body is."""
        if self.kind is Kind.JSON:
            return Script(self.head(_length(pieces)), pieces)
        return Script(self.head(_CHUNKED), (*map(wire.chunk, pieces), wire.LAST_CHUNK))

    def broken(self, fault: bytes, ending: Ending) -> Script:
        """Return the script of a chunked body that breaks at the place of the fault."""
        return Script(self.head(_CHUNKED), tuple(map(wire.chunk, self.before)), fault, ending)

    def error_event(self, data: bytes) -> Script:
        """Return the script of a stream that has an error event at the place of the fault, and ends."""
        return self.complete(*self.before, wire.sse("error", data))

    def document(self, content_type: str, body: bytes, status: int = 200) -> Script:
        """Return the script of another document in place of the answer."""
        return error_script(status, content_type, body, self.number)

    def api_error(self, error_type: str, **headers: str) -> Script:
        """Return the script of an HTTP error of this type."""
        error = api_error(error_type)
        body = wire.to_json(envelope(error_type, error.message, request_id_of(self.number)))
        return error_script(error.status, wire.JSON, body, self.number, **headers)


ScriptMaker = Callable[[Case], Script]


def halves(body: bytes, k: int | None) -> tuple[tuple[bytes, ...], tuple[bytes, ...]]:
    """Split a body that has no pieces at the place of the fault: at its middle, or at its beginning without a K."""
    half = len(body) // 2 if k else 0
    return (body[:half],) if half else (), (body[half:],)


def _length(pieces: tuple[bytes, ...]) -> Mapping[str, str]:
    return {"content-length": str(sum(map(len, pieces)))}


def _in_band_id(case: Case) -> str:
    return f"req_in_band_{case.number:06d}"


def _in_band_envelope(case: Case) -> bytes:
    return wire.to_json(envelope(case.argument, api_error(case.argument).message, _in_band_id(case)))


def _bare_envelope(request_id: str) -> bytes:
    return wire.to_json({"type": "error", "request_id": request_id})


# The scripts of the families, which FAMILIES explains.


def whole(case: Case) -> Script:
    return case.complete(*case.pieces)


def slow(case: Case) -> Script:
    return replace(whole(case), pause=int(case.argument) / 1000)


def retry(case: Case) -> Script:
    if case.resends + 1 >= case.scenario.attempts:
        return whole(case)
    return case.api_error("overloaded_error", **{"retry-after-ms": "1"})


def in_band(case: Case) -> Script:
    return case.error_event(_in_band_envelope(case))


def in_band_text(case: Case) -> Script:
    return case.error_event(_PROXY_TEXT)


def in_band_bare(case: Case) -> Script:
    return case.error_event(_bare_envelope(_in_band_id(case)))


def no_in_band(case: Case) -> Script:
    """HTTP 400: such a body cannot have an error event."""
    message = f"this stream has no errors in band: name a scenario other than {case.scenario.family}"
    return refusal_script("invalid_request_error", message, case.number)


def unnamed_error(case: Case) -> Script:
    return case.complete(*case.before, b"data: %b\n\n" % _GATEWAY_ERROR, b"data: [DONE]\n\n")


def unnamed(case: Case) -> Script:
    return case.complete(*map(wire.without_name, case.pieces))


def no_blank_line(case: Case) -> Script:
    *others, last = case.pieces
    return case.complete(*others, last[:-1])


def envelope_document(case: Case) -> Script:
    return case.document(wire.JSON, _in_band_envelope(case))


def http(case: Case) -> Script:
    return case.api_error(case.argument)


def http_html(case: Case) -> Script:
    return case.document(wire.HTML, _PROXY_PAGE.format(case.argument).encode(), int(case.argument))


def http_bare(case: Case) -> Script:
    return case.document(wire.JSON, _bare_envelope(request_id_of(case.number)), 500)


def fin(case: Case) -> Script:
    next_chunk = wire.chunk(case.after[0])
    return case.broken(next_chunk[: len(next_chunk) // 2], Ending.CLOSE)


def fin_before_a_piece(case: Case) -> Script:
    """FIN between the size of a chunk and its data."""
    return case.broken(wire.chunk_size(case.after[0]), Ending.CLOSE)


def fin_length(case: Case) -> Script:
    return Script(case.head(_length(case.pieces)), case.before, b"", Ending.CLOSE)


def cut(case: Case) -> Script:
    return case.complete(*case.before)


def eof(case: Case) -> Script:
    return Script(case.head({"connection": "close"}), case.before, ending=Ending.CLOSE)


def bad_json(case: Case) -> Script:
    return case.complete(*case.before, wire.cut_short(case.after[0]), *case.after[1:])


def bad_utf8(case: Case) -> Script:
    return case.complete(*case.before, wire.not_utf8(case.after[0]), *case.after[1:])


def bad_gzip(case: Case) -> Script:
    valid, corruption = wire.corrupt_gzip(case.before)
    head = case.head({**_CHUNKED, "content-encoding": "gzip"})
    return Script(head, tuple(map(wire.chunk, valid)), wire.chunk(corruption) + wire.LAST_CHUNK, Ending.CLOSE)


def inside_a_piece(script: ScriptMaker) -> ScriptMaker:
    """Return `script` at half of the next piece."""

    def later(case: Case) -> Script:
        piece, *after = case.after
        half = len(piece) // 2
        return script(replace(case, before=(*case.before, piece[:half]), after=(piece[half:], *after)))

    return later


def _breaks(fault: bytes, ending: Ending) -> ScriptMaker:
    return lambda case: case.broken(fault, ending)


def _document(content_type: str, body: bytes, status: int = 200) -> ScriptMaker:
    return lambda case: case.document(content_type, body, status)


def _no_response(ending: Ending) -> ScriptMaker:
    return lambda _case: Script(ending=ending)


html: Final = _document(wire.HTML, _PROXY_PAGE.format("Sign in").encode())
http_text: Final = _document(wire.PLAIN_TEXT, _PROXY_TEXT, 500)
unnamed_error_document: Final = _document(wire.JSON, _GATEWAY_ERROR)
reset: Final = _breaks(b"", Ending.RESET)
stall: Final = _breaks(b"", Ending.STALL)
bad_chunk: Final = _breaks(b"no chunk begins like this\r\n", Ending.CLOSE)
hangup: Final = _no_response(Ending.CLOSE)
silent: Final = _no_response(Ending.STALL)
