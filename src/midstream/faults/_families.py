"""`FAMILIES`: every fault, one row each.

A row has the spelling of a family, how its calls really end, what the server does, and what a proxy does. Unless it
says otherwise for a kind of body or an operation, these are as for a streamed message.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from itertools import chain
from types import MappingProxyType
from typing import Final

from midstream.faults import _ends as ends
from midstream.faults import _scripts as scripts
from midstream.faults._answers import text_answer, thinking_answer, tool_use_answer
from midstream.faults._api_errors import API_ERRORS
from midstream.faults._ends import Ends
from midstream.faults._family import ATTEMPTS, DELTAS, MILLISECONDS, STATUS, TYPE, Family, Proxied
from midstream.faults._scenario import Operation
from midstream.faults._script import Kind
from midstream.faults._scripts import ScriptMaker

_COMPLETED_AS_FILE: Final[Mapping[Operation, Ends]] = {"file_download": ends.completed}
_COMPLETED_WITHOUT_EVENTS: Final[Mapping[Operation, Ends]] = {**_COMPLETED_AS_FILE, "batch_results": ends.completed}
_COMPLETED_WITHOUT_END: Final[Mapping[Operation, Ends]] = {
    **_COMPLETED_WITHOUT_EVENTS,
    "session_events": ends.completed,
}
_REFUSED: Final[Mapping[Operation, Ends]] = {"file_download": ends.refused, "batch_results": ends.refused}
_WHOLE_WITHOUT_EVENTS: Final[Mapping[Kind, ScriptMaker]] = dict.fromkeys(
    (Kind.JSON, Kind.LINES, Kind.BYTES), scripts.whole
)
_SHOWN_IN_BAND: Final = [name for name in API_ERRORS if name != TYPE.default and not name.startswith("memory_")]

_whole: Final = partial(Family, ends=ends.completed, proxied=Proxied.PASSED)
_not_asked: Final = partial(Family, proxied=Proxied.NOT_ASKED)
_error_event: Final = partial(Family, placed=True, otherwise=_REFUSED)
_ends_early: Final = partial(
    Family, placed=True, unstreamed=ends.bad_json, otherwise=_COMPLETED_WITHOUT_END, proxied=Proxied.BROKEN
)
_damaged: Final = partial(Family, placed=True, instead={Kind.BYTES: scripts.whole}, otherwise=_COMPLETED_AS_FILE)


def _breaks_off(
    name: str, template: str, error: str, script: ScriptMaker, of_bytes: ScriptMaker | None = None
) -> Family:
    """Return the row of a connection that breaks off. The SDK wraps the error if it reads a whole body."""
    return Family(
        name,
        template,
        ends.transport_error(error, leaked=True),
        placed=True,
        script=script,
        instead={Kind.LINES: scripts.inside_a_piece(script), Kind.BYTES: of_bytes or script},
        unstreamed=ends.transport_error(error, leaked=False),
        proxied=Proxied.BROKEN,
    )


def _json_or_refused(of_json: ScriptMaker) -> Mapping[Kind, ScriptMaker]:
    """Return what the server does where a body cannot have an error event."""
    return {Kind.JSON: of_json, Kind.LINES: scripts.no_in_band, Kind.BYTES: scripts.no_in_band}


_ROWS: Final = (
    _whole(
        "ok",
        "a whole text answer in {argument} content deltas",
        argument=DELTAS,
        answer=lambda deltas: text_answer(int(deltas)),
    ),
    _whole("tool_use", "a whole answer that calls a tool", answer=lambda _argument: tool_use_answer()),
    _whole(
        "thinking",
        "a whole answer with a thinking block before its text",
        answer=lambda _argument: thinking_answer(),
    ),
    _not_asked(
        "retry",
        "HTTP 529 until attempt {argument}, which is answered whole",
        ends.completed,
        ATTEMPTS,
        script=scripts.retry,
        examples=("retry:3",),
    ),
    _whole(
        "slow",
        "a whole text answer with {argument} ms between its events",
        argument=MILLISECONDS,
        script=scripts.slow,
        examples=("slow:10",),
    ),
    _error_event(
        "in_band",
        "an SSE error event of type {argument} after {k} events of a 200 stream",
        ends.in_band,
        TYPE,
        script=scripts.in_band,
        instead=_json_or_refused(scripts.http),
        unstreamed=ends.http,
        examples=(
            *(f"in_band:{TYPE.default}{place}" for place in ("@0", "", "@8")),
            *(f"in_band:{name}" for name in (*_SHOWN_IN_BAND, "unheard_of_error")),
        ),
    ),
    _error_event(
        "in_band_text",
        "an SSE error event whose data is a proxy's text, not JSON, after {k} events",
        ends.in_band_untyped,
        script=scripts.in_band_text,
        instead=_json_or_refused(scripts.http_text),
        unstreamed=ends.http_untyped,
    ),
    _error_event(
        "in_band_bare",
        "an SSE error event whose JSON has no error object, after {k} events",
        ends.in_band_untyped,
        script=scripts.in_band_bare,
        instead=_json_or_refused(scripts.http_bare),
        unstreamed=ends.http_untyped,
    ),
    _error_event(
        "unnamed_error",
        "a gateway's error in an event without a name, after {k} events",
        ends.in_band_unnoticed,
        script=scripts.unnamed_error,
        instead=_json_or_refused(scripts.unnamed_error_document),
        unstreamed=ends.in_band_unnoticed,
        examples=("unnamed_error@0", "unnamed_error"),
    ),
    Family(
        "unnamed",
        "a whole answer whose events have no names",
        ends.without_known_events,
        script=scripts.unnamed,
        instead=_WHOLE_WITHOUT_EVENTS,
        unstreamed=ends.completed,
        otherwise={**_COMPLETED_WITHOUT_EVENTS, "session_events": ends.unexpected_body},
    ),
    Family(
        "no_blank_line",
        "a whole answer that ends before the blank line after its last event",
        ends.completed,
        script=scripts.no_blank_line,
        instead=_WHOLE_WITHOUT_EVENTS,
    ),
    _not_asked(
        "html",
        "a web page with status 200 instead of an answer",
        ends.unexpected_media_type,
        script=scripts.html,
        otherwise={**_COMPLETED_AS_FILE, "batch_results": ends.bad_json},
    ),
    _not_asked(
        "envelope",
        "an error of type {argument} in the API's JSON envelope, with status 200",
        ends.envelope,
        TYPE,
        script=scripts.envelope_document,
        otherwise={**_COMPLETED_AS_FILE, "batch_results": ends.envelope_as_line},
        examples=("envelope:overloaded_error",),
    ),
    _not_asked(
        "http",
        "an HTTP error of type {argument} in the API's JSON envelope",
        ends.http,
        TYPE,
        script=scripts.http,
        examples=(
            "http:invalid_request_error",
            "http:authentication_error",
            "http:rate_limit_error",
            "http:api_error",
            "http:overloaded_error",
        ),
    ),
    _not_asked(
        "http_html",
        "HTTP {argument} with a proxy's HTML page as its body",
        ends.http_status,
        STATUS,
        script=scripts.http_html,
        examples=("http_html:502",),
    ),
    replace(
        _breaks_off("reset", "the connection is reset (TCP RST) after {k} events", ends.READ_ERROR, scripts.reset),
        examples=("reset@0", "reset"),
    ),
    _breaks_off(
        "fin",
        "the connection is closed (FIN) inside a chunk after {k} events",
        ends.PROTOCOL_ERROR,
        scripts.fin,
        of_bytes=scripts.fin_before_a_piece,
    ),
    _breaks_off(
        "fin_length",
        "the connection is closed (FIN) before content-length is reached, after {k} events",
        ends.PROTOCOL_ERROR,
        scripts.fin_length,
    ),
    _breaks_off("bad_chunk", "garbage in the chunk framing after {k} events", ends.PROTOCOL_ERROR, scripts.bad_chunk),
    _breaks_off("stall", "silence after {k} events, until the client's read timeout", ends.READ_TIMEOUT, scripts.stall),
    _ends_early(
        "cut",
        "a chunked body ends cleanly after {k} events",
        ends.truncated,
        script=scripts.cut,
        examples=("cut@0", "cut", "cut@8"),
    ),
    _ends_early(
        "eof", "a body delimited by connection close ends after {k} events", ends.truncated, script=scripts.eof
    ),
    _damaged(
        "bad_json",
        "after {k} events, one whose data line is not JSON",
        ends.bad_json,
        script=scripts.bad_json,
        unstreamed=ends.bad_json,
    ),
    _damaged(
        "bad_utf8",
        "after {k} events, one whose data line is not UTF-8",
        ends.bad_utf8,
        script=scripts.bad_utf8,
        unstreamed=ends.bad_utf8,
    ),
    Family(
        "bad_gzip",
        "a gzip body that is corrupt after {k} events",
        ends.bad_gzip_leaked,
        placed=True,
        script=scripts.bad_gzip,
        instead={Kind.LINES: scripts.inside_a_piece(scripts.bad_gzip)},
        unstreamed=ends.bad_gzip,
        proxied=Proxied.BROKEN,
    ),
    _not_asked(
        "hangup",
        "the connection is closed without any response",
        ends.no_response(ends.PROTOCOL_ERROR),
        script=scripts.hangup,
    ),
    _not_asked(
        "silent",
        "no response at all, until the client's read timeout",
        ends.no_response(ends.READ_TIMEOUT),
        script=scripts.silent,
    ),
)

FAMILIES: Final[Mapping[str, Family]] = MappingProxyType({family.name: family for family in _ROWS})
"""Every family by its name, in the order in which people want to read them."""

EXAMPLES: Final[tuple[str, ...]] = tuple(chain.from_iterable(family.examples or (family.name,) for family in _ROWS))
"""Model names that show every fault once, and where it matters also before and after the content."""
