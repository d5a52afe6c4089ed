"""The scenarios as data: what a model name stands for, and how a call for it really ends.

A model name is `family`, `family:argument`, `family@K` or `family:argument@K`. K is how many events, pings
not counted, the server sends before the fault. The faults happen to the default answer, which has nine
events, so K is 0 (before `message_start`) to 8 (before `message_stop`); without it, K is 4: two content
deltas have arrived. What else is streamed has nine pieces too, so there K counts events, lines or parts of a file.
What is no event stream, batch results and files, refuses the names of errors in band, with a 400.

`FAMILIES` is the one table: a row says how a family is spelled, what the server and the proxy do, and how a call ends.
Where a row says nothing of a kind of body or of an operation, what it says of a streamed message holds.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import Enum
from itertools import chain
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Literal

from midstream._outcomes.status import RETRYABLE_BELOW_500, SERVER_ERROR
from midstream._outcomes.vocabulary import Outcome, Phase
from midstream.faults import scripts
from midstream.faults.answers import DEFAULT_DELTAS, text_answer, thinking_answer, tool_use_answer
from midstream.faults.api_errors import api_error
from midstream.faults.scripts import How, Kind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from midstream.faults.answers import Answer

__all__ = (
    "DEFAULT_EVENTS",
    "EXAMPLES",
    "FAMILIES",
    "HTTPX",
    "Argument",
    "Ends",
    "Expectation",
    "Family",
    "Operation",
    "Proxied",
    "Scenario",
    "family_of",
    "parse",
)

Operation = Literal["chat", "text_completion", "count_tokens", "batch_results", "session_events", "file_download"]
"""What a call asks for, as `gen_ai.operation.name` says it."""

HTTPX: Final = "{httpx}"
"""Stands for the package of the SDK's HTTP client, `httpx` or `httpx2`, in `Expectation.error_type`."""

_UNTIL_CONTENT: Final = 3
_CLOSING_EVENTS: Final = 3  # content_block_stop, message_delta, message_stop
DEFAULT_EVENTS: Final = _UNTIL_CONTENT - 1 + DEFAULT_DELTAS + _CLOSING_EVENTS
"""Events of the default answer, pings not counted."""

_DEFAULT_K: Final = 4
_MAX_QUOTE_LENGTH: Final = 100
_PHASE_AFTER: Final = (
    *(Phase.OPENING for _ in range(_UNTIL_CONTENT)),
    *(Phase.CONTENT for _ in range(_UNTIL_CONTENT, DEFAULT_EVENTS - 1)),
    Phase.CLOSING,
)


@dataclass(frozen=True, slots=True)
class Expectation:
    """How a call really ends, in the terms of the telemetry contract.

    `error_type` may begin with the placeholder `{httpx}`; `error_type_for` fills it in. `status_code` is the
    effective status, `reported_status_code` the one on the exception that the application gets. None means
    that the call has no such thing: a completed call has neither error type nor phase.
    """

    outcome: Outcome
    error_type: str | None = None
    status_code: int | None = None
    reported_status_code: int | None = None
    leaked: bool = False
    misreported: bool = False
    phase: Phase | None = None
    futile: bool = False
    """Whether no retry can help, although the status does not say so."""

    @property
    def retryable(self) -> bool:
        """Whether the same call may succeed later. A call that has not failed is not retryable."""
        if self.status_code is not None:
            return self.status_code in RETRYABLE_BELOW_500 or self.status_code >= SERVER_ERROR
        return self.outcome.is_failure and not self.futile

    def error_type_for(self, http_package: str) -> str | None:
        """Return `error_type` as it reads if the SDK uses `http_package`, that is `httpx` or `httpx2`."""
        return self.error_type and self.error_type.replace(HTTPX, http_package)


@dataclass(frozen=True, slots=True)
class Argument:
    """What may follow a family's colon.

    `placeholder` names it in a spelling, `default` is taken where it is left out. `allowed` is None for any
    text.
    """

    placeholder: str
    default: str
    allowed: range | None = None

    def check(self, text: str) -> str:
        """Return `text`, a number without its leading zeros; raise `ValueError` if it is not allowed."""
        if self.allowed is None:
            if text:
                return text
            message = f"{self.placeholder} must not be empty"
            raise ValueError(message)
        if re.fullmatch("[0-9]{1,9}", text) and int(text) in self.allowed:
            return str(int(text))
        allowed = f"a number from {self.allowed[0]} to {self.allowed[-1]}"
        message = f"{self.placeholder} must be {allowed}, not {_quoted(text)}"
        raise ValueError(message)


Ends = Callable[[str, Phase], Expectation]
"""How a call ends, from the argument (empty if the family takes none) and the phase that K leads to."""


class Proxied(Enum):
    """What a proxy does about an upstream's answer."""

    PASSED = "passed on as it is"
    BROKEN = "broken, whatever its body is"
    BROKEN_TEXT = "broken if it is events or JSON, and otherwise passed on"
    NOT_ASKED = "the upstream is not asked"


@dataclass(frozen=True, slots=True)
class Family:
    """A way in which a call can go, as `FAMILIES` lists it: all there is to know of it.

    `template` is its explanation with `{argument}` and `{k}` left open. `argument` is None if it takes none.
    `placed` says whether it takes `@K`.
    """

    name: str
    template: str
    ends: Ends
    """How a streamed message ends."""
    argument: Argument | None = None
    placed: bool = False
    script: How = scripts.whole
    """What the server does; by default it answers whole."""
    instead: Mapping[Kind, How] = field(default_factory=dict[Kind, How], hash=False)
    """What it does instead, by kind of body."""
    unstreamed: Ends | None = None
    """How a call ends that the SDK reads as a whole. None: as a stream does."""
    otherwise: Mapping[Operation, Ends] = field(default_factory=dict[Operation, Ends], hash=False)
    """How a call ends instead, by operation, however it is read."""
    answer: Callable[[str], Answer] | None = None
    """From the argument, the message that is the answer. None: the default answer."""
    proxied: Proxied = Proxied.BROKEN_TEXT
    examples: tuple[str, ...] = ()
    """Model names that show it. None at all: the family's name alone."""

    def script_for(self, kind: Kind) -> How:
        """Return what the server does where the answer is of this kind."""
        return self.instead.get(kind, self.script)

    @property
    def spelling(self) -> str:
        """The form of its model names: `in_band:TYPE@K`."""
        argument = f":{self.argument.placeholder}" if self.argument else ""
        return f"{self.name}{argument}{'@K' if self.placed else ''}"

    @property
    def explanation(self) -> str:
        """What happens, in one line, in terms of the spelling's placeholders."""
        return self.explain(self.argument.placeholder if self.argument else "", "K")

    def explain(self, argument: str, k: int | str) -> str:
        """Return what happens, in one line, for this argument and this K."""
        return self.template.format(argument=argument, k=k)


@dataclass(frozen=True, slots=True)
class Scenario:
    """What one model name stands for.

    `family` is the family's name. `expectation` is for a streamed message. `argument` and `k` have their defaults
    filled in; they are None if the family takes none. `attempts` is how many HTTP requests a call must be allowed
    for the expectation to hold.
    """

    name: str
    family: str
    explanation: str
    expectation: Expectation
    argument: str | None = None
    k: int | None = None
    attempts: int = 1


def parse(model: str, called: str = "model") -> Scenario:
    """Return the scenario that `model` names.

    Raises `ValueError` if it names none. The message names the model, which it calls `called`, what is wrong
    with it and what is allowed.
    """
    name, argument, k = _parts(model)
    family = FAMILIES.get(name)
    if family is None:
        raise _no_scenario(called, model, f"the families are {', '.join(FAMILIES)}")
    try:
        chosen_argument = _chosen(family.argument, argument)
        chosen_k = _chosen(_K if family.placed else None, k)
    except ValueError as error:
        raise _no_scenario(called, model, f"{error}; the spelling is {family.spelling}") from None
    events = None if chosen_k is None else int(chosen_k)
    return Scenario(
        name=model,
        family=family.name,
        explanation=family.explain(chosen_argument or "", chosen_k or ""),
        expectation=family.ends(chosen_argument or "", _PHASE_AFTER[events or 0]),
        argument=chosen_argument,
        k=events,
        attempts=int(chosen_argument or 1) if family.name == _RETRY else 1,
    )


def family_of(scenario: Scenario) -> Family:
    """Return the row of a scenario's family. One that is not in the table answers whole, and ends as it is expected."""
    return FAMILIES.get(scenario.family, _PLAIN)


def _no_scenario(called: str, model: str, reason: str) -> ValueError:
    return ValueError(f"{called} {_quoted(model)} is no scenario: {reason}")


def _quoted(text: str) -> str:
    return repr(text if len(text) <= _MAX_QUOTE_LENGTH else f"{text[:_MAX_QUOTE_LENGTH]}...")


def _parts(model: str) -> tuple[str, str | None, str | None]:
    before, at, k = model.rpartition("@")
    name, colon, argument = (before if at else model).partition(":")
    return name, argument if colon else None, k if at else None


def _chosen(expected: Argument | None, text: str | None) -> str | None:
    if expected is not None:
        return expected.default if text is None else expected.check(text)
    if text is None:
        return None
    message = f"{_quoted(text)} is more than it takes"
    raise ValueError(message)


def _completed(_argument: str, _phase: Phase) -> Expectation:
    return Expectation(Outcome.COMPLETED)


def _truncated(_argument: str, phase: Phase) -> Expectation:
    return Expectation(Outcome.TRUNCATED, "stream_truncated", phase=phase)


def _http(argument: str, _phase: Phase) -> Expectation:
    return _http_error(argument, api_error(argument).status)


def _refused(_argument: str, phase: Phase) -> Expectation:
    return _http("invalid_request_error", phase)


def _http_html(argument: str, _phase: Phase) -> Expectation:
    return _http_error(argument, int(argument))


def _http_error(error_type: str, status: int) -> Expectation:
    return Expectation(Outcome.HTTP_ERROR, error_type, status, status, phase=Phase.REQUEST)


def _in_band(argument: str, phase: Phase) -> Expectation:
    return Expectation(
        Outcome.IN_BAND_ERROR,
        argument,
        status_code=api_error(argument).status,
        reported_status_code=200,
        misreported=True,
        phase=phase,
    )


def _http_untyped(_argument: str, _phase: Phase) -> Expectation:
    return _http_error("500", 500)


def _in_band_untyped(_argument: str, phase: Phase) -> Expectation:
    return _in_band("_OTHER", phase)


def _in_band_unnoticed(_argument: str, phase: Phase) -> Expectation:
    return Expectation(Outcome.IN_BAND_ERROR, "408", 408, phase=phase)


def _envelope(argument: str, phase: Phase) -> Expectation:
    return Expectation(Outcome.IN_BAND_ERROR, argument, api_error(argument).status, phase=phase)


def _envelope_as_a_line(argument: str, _phase: Phase) -> Expectation:
    return _envelope(argument, Phase.CONTENT)


def _page(_argument: str, _phase: Phase) -> Expectation:
    return Expectation(Outcome.MALFORMED, "unexpected_media_type", phase=Phase.OPENING, futile=True)


def _nameless(_argument: str, _phase: Phase) -> Expectation:
    return Expectation(Outcome.TRUNCATED, "stream_truncated", phase=Phase.OPENING, futile=True)


def _unlike_a_session(_argument: str, _phase: Phase) -> Expectation:
    return Expectation(Outcome.MALFORMED, "unexpected_body", phase=Phase.OPENING, futile=True)


def _unconnected(error_type: str) -> Ends:
    expectation = Expectation(Outcome.CONNECTION_ERROR, error_type, phase=Phase.REQUEST)
    return lambda _argument, _phase: expectation


def _leaked(outcome: Outcome, error_type: str) -> Ends:
    return lambda _argument, phase: Expectation(outcome, error_type, leaked=True, phase=phase)


def _before_content(outcome: Outcome, error_type: str, *, leaked: bool = False) -> Ends:
    expectation = Expectation(outcome, error_type, leaked=leaked, phase=Phase.OPENING)
    return lambda _argument, _phase: expectation


_READ_ERROR: Final = f"{HTTPX}.ReadError"
_READ_TIMEOUT: Final = f"{HTTPX}.ReadTimeout"
_PROTOCOL_ERROR: Final = f"{HTTPX}.RemoteProtocolError"
_DECODING_ERROR: Final = f"{HTTPX}.DecodingError"
_JSON_ERROR: Final = "json.decoder.JSONDecodeError"
_UNICODE_ERROR: Final = "UnicodeDecodeError"

_half_json: Final = _before_content(Outcome.MALFORMED, _JSON_ERROR, leaked=True)

_RETRY: Final = "retry"
_K: Final = Argument("K", str(_DEFAULT_K), range(DEFAULT_EVENTS))
_DELTAS: Final = Argument("N", str(DEFAULT_DELTAS), range(1, 100_001))
_ATTEMPTS: Final = Argument("N", "3", range(1, 101))
_MILLISECONDS: Final = Argument("MS", "100", range(60_001))
_TYPE: Final = Argument("TYPE", "overloaded_error")
_STATUS: Final = Argument("STATUS", "502", range(400, 600))

_NO_END: Final[Mapping[Operation, Ends]] = {
    "batch_results": _completed,
    "session_events": _completed,
    "file_download": _completed,
}
"""No event, line or byte says that the body is whole."""

_NO_EVENTS: Final[Mapping[Operation, Ends]] = {"batch_results": _refused, "file_download": _refused}
"""The body has no events, and the server refuses."""


_WITHOUT_EVENTS: Final[Mapping[Operation, Ends]] = {"batch_results": _completed, "file_download": _completed}
_WHOLE_WITHOUT_EVENTS: Final[Mapping[Kind, How]] = dict.fromkeys((Kind.JSON, Kind.LINES, Kind.BYTES), scripts.whole)
"""What is wrong with events only is right in any other body."""


def _without_events(unstreamed: How) -> Mapping[Kind, How]:
    """What the server does where the body cannot have an error event; where it is JSON, the status can tell it."""
    return {Kind.JSON: unstreamed, Kind.LINES: scripts.no_in_band, Kind.BYTES: scripts.no_in_band}


def _breaks_off(name: str, template: str, error: str, script: How, of_bytes: How | None = None) -> Family:
    """Return a family whose connection breaks off after K events. The SDK wraps `error` where it reads a whole body."""
    in_lines = scripts.inside_a_piece(script)
    return Family(
        name,
        template,
        _leaked(Outcome.TRANSPORT_ERROR, error),
        placed=True,
        script=script,
        instead={Kind.LINES: in_lines, Kind.BYTES: of_bytes or script},
        unstreamed=_before_content(Outcome.TRANSPORT_ERROR, error),
        proxied=Proxied.BROKEN,
    )


FAMILIES: Final[Mapping[str, Family]] = MappingProxyType(
    {
        family.name: family
        for family in (
            Family(
                "ok",
                "a whole text answer in {argument} content deltas",
                _completed,
                _DELTAS,
                answer=lambda deltas: text_answer(int(deltas)),
                proxied=Proxied.PASSED,
            ),
            Family(
                "tool_use",
                "a whole answer that calls a tool",
                _completed,
                answer=lambda _argument: tool_use_answer(),
                proxied=Proxied.PASSED,
            ),
            Family(
                "thinking",
                "a whole answer with a thinking block before its text",
                _completed,
                answer=lambda _argument: thinking_answer(),
                proxied=Proxied.PASSED,
            ),
            Family(
                _RETRY,
                "HTTP 529 until attempt {argument}, which is answered whole",
                _completed,
                _ATTEMPTS,
                script=scripts.retry,
                proxied=Proxied.NOT_ASKED,
                examples=("retry:3",),
            ),
            Family(
                "slow",
                "a whole text answer with {argument} ms between its events",
                _completed,
                _MILLISECONDS,
                script=scripts.slow,
                proxied=Proxied.PASSED,
                examples=("slow:10",),
            ),
            Family(
                "in_band",
                "an SSE error event of type {argument} after {k} events of a 200 stream",
                _in_band,
                _TYPE,
                placed=True,
                script=scripts.in_band,
                instead=_without_events(scripts.http),
                unstreamed=_http,
                otherwise=_NO_EVENTS,
                examples=(
                    "in_band:overloaded_error@0",
                    "in_band:overloaded_error",
                    "in_band:overloaded_error@8",
                    "in_band:invalid_request_error",
                    "in_band:authentication_error",
                    "in_band:billing_error",
                    "in_band:permission_error",
                    "in_band:not_found_error",
                    "in_band:conflict_error",
                    "in_band:request_too_large",
                    "in_band:rate_limit_error",
                    "in_band:api_error",
                    "in_band:timeout_error",
                    "in_band:unheard_of_error",
                ),
            ),
            Family(
                "in_band_text",
                "an SSE error event whose data is a proxy's text, not JSON, after {k} events",
                _in_band_untyped,
                placed=True,
                script=scripts.in_band_text,
                instead=_without_events(scripts.http_text),
                unstreamed=_http_untyped,
                otherwise=_NO_EVENTS,
            ),
            Family(
                "in_band_bare",
                "an SSE error event whose JSON has no error object, after {k} events",
                _in_band_untyped,
                placed=True,
                script=scripts.in_band_bare,
                instead=_without_events(scripts.http_bare),
                unstreamed=_http_untyped,
                otherwise=_NO_EVENTS,
            ),
            Family(
                "unnamed_error",
                "a gateway's error in an event without a name, after {k} events",
                _in_band_unnoticed,
                placed=True,
                script=scripts.unnamed_error,
                instead=_without_events(scripts.unnamed_error_document),
                unstreamed=_in_band_unnoticed,
                otherwise=_NO_EVENTS,
                examples=("unnamed_error@0", "unnamed_error"),
            ),
            Family(
                "unnamed",
                "a whole answer whose events have no names",
                _nameless,
                script=scripts.unnamed,
                instead=_WHOLE_WITHOUT_EVENTS,
                unstreamed=_completed,
                otherwise={**_WITHOUT_EVENTS, "session_events": _unlike_a_session},
            ),
            Family(
                "no_blank_line",
                "a whole answer that ends before the blank line after its last event",
                _completed,
                script=scripts.no_blank_line,
                instead=_WHOLE_WITHOUT_EVENTS,
            ),
            Family(
                "html",
                "a web page with status 200 instead of an answer",
                _page,
                script=scripts.html,
                otherwise={"batch_results": _half_json, "file_download": _completed},
                proxied=Proxied.NOT_ASKED,
            ),
            Family(
                "envelope",
                "an error of type {argument} in the API's JSON envelope, with status 200",
                _envelope,
                _TYPE,
                script=scripts.envelope_document,
                otherwise={"batch_results": _envelope_as_a_line, "file_download": _completed},
                proxied=Proxied.NOT_ASKED,
                examples=("envelope:overloaded_error",),
            ),
            Family(
                "http",
                "an HTTP error of type {argument} in the API's JSON envelope",
                _http,
                _TYPE,
                script=scripts.http,
                proxied=Proxied.NOT_ASKED,
                examples=(
                    "http:invalid_request_error",
                    "http:authentication_error",
                    "http:rate_limit_error",
                    "http:api_error",
                    "http:overloaded_error",
                ),
            ),
            Family(
                "http_html",
                "HTTP {argument} with a proxy's HTML page as its body",
                _http_html,
                _STATUS,
                script=scripts.http_html,
                proxied=Proxied.NOT_ASKED,
                examples=("http_html:502",),
            ),
            replace(
                _breaks_off("reset", "the connection is reset (TCP RST) after {k} events", _READ_ERROR, scripts.reset),
                examples=("reset@0", "reset"),
            ),
            _breaks_off(
                "fin",
                "the connection is closed (FIN) inside a chunk after {k} events",
                _PROTOCOL_ERROR,
                scripts.fin,
                of_bytes=scripts.fin_before_a_piece,
            ),
            _breaks_off(
                "fin_length",
                "the connection is closed (FIN) before content-length is reached, after {k} events",
                _PROTOCOL_ERROR,
                scripts.fin_length,
            ),
            _breaks_off(
                "bad_chunk",
                "garbage in the chunk framing after {k} events",
                _PROTOCOL_ERROR,
                scripts.bad_chunk,
            ),
            _breaks_off(
                "stall",
                "silence after {k} events, until the client's read timeout",
                _READ_TIMEOUT,
                scripts.stall,
            ),
            Family(
                "cut",
                "a chunked body ends cleanly after {k} events",
                _truncated,
                placed=True,
                script=scripts.cut,
                unstreamed=_half_json,
                otherwise=_NO_END,
                proxied=Proxied.BROKEN,
                examples=("cut@0", "cut", "cut@8"),
            ),
            Family(
                "eof",
                "a body delimited by connection close ends after {k} events",
                _truncated,
                placed=True,
                script=scripts.eof,
                unstreamed=_half_json,
                otherwise=_NO_END,
                proxied=Proxied.BROKEN,
            ),
            Family(
                "bad_json",
                "after {k} events, one whose data line is not JSON",
                _leaked(Outcome.MALFORMED, _JSON_ERROR),
                placed=True,
                script=scripts.bad_json,
                instead={Kind.BYTES: scripts.whole},
                unstreamed=_half_json,
                otherwise={"file_download": _completed},
            ),
            Family(
                "bad_utf8",
                "after {k} events, one whose data line is not UTF-8",
                _leaked(Outcome.MALFORMED, _UNICODE_ERROR),
                placed=True,
                script=scripts.bad_utf8,
                instead={Kind.BYTES: scripts.whole},
                unstreamed=_before_content(Outcome.MALFORMED, _UNICODE_ERROR, leaked=True),
                otherwise={"file_download": _completed},
            ),
            Family(
                "bad_gzip",
                "a gzip body that is corrupt after {k} events",
                _leaked(Outcome.MALFORMED, _DECODING_ERROR),
                placed=True,
                script=scripts.bad_gzip,
                instead={Kind.LINES: scripts.inside_a_piece(scripts.bad_gzip)},
                unstreamed=_before_content(Outcome.MALFORMED, _DECODING_ERROR),
                proxied=Proxied.BROKEN,
            ),
            Family(
                "hangup",
                "the connection is closed without any response",
                _unconnected(_PROTOCOL_ERROR),
                script=scripts.hangup,
                proxied=Proxied.NOT_ASKED,
            ),
            Family(
                "silent",
                "no response at all, until the client's read timeout",
                _unconnected(_READ_TIMEOUT),
                script=scripts.silent,
                proxied=Proxied.NOT_ASKED,
            ),
        )
    }
)
"""Every family, by its name, in the order in which people want to read them."""

_PLAIN: Final = Family("", "", _completed)

EXAMPLES: Final[tuple[str, ...]] = tuple(
    chain.from_iterable(family.examples or (family.name,) for family in FAMILIES.values())
)
"""Model names that show every fault once, and those where it matters also before and after the content."""
