"""The scenarios as data: what a model name stands for, and how a call for it really ends.

A model name is `family`, `family:argument`, `family@K` or `family:argument@K`. K is how many events, pings
not counted, the server sends before the fault. The faults happen to the default answer, which has nine
events, so K is 0 (before `message_start`) to 8 (before `message_stop`); without it, K is 4: two content
deltas have arrived. What else is streamed has nine pieces too, so there K counts events, lines or parts of a file.
What is no event stream, batch results and files, refuses the names of errors in band, with a 400.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from midstream.faults.answers import DEFAULT_DELTAS
from midstream.faults.api_errors import api_error
from midstream.outcomes.vocabulary import Outcome, Phase

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = (
    "DEFAULT_EVENTS",
    "EXAMPLES",
    "FAMILIES",
    "HTTPX",
    "Argument",
    "Expectation",
    "Family",
    "Scenario",
    "parse",
)

HTTPX: Final = "{httpx}"
"""Stands for the package of the SDK's HTTP client, `httpx` or `httpx2`, in `Expectation.error_type`."""

_UNTIL_CONTENT: Final = 3
_CLOSING_EVENTS: Final = 3  # content_block_stop, message_delta, message_stop
DEFAULT_EVENTS: Final = _UNTIL_CONTENT - 1 + DEFAULT_DELTAS + _CLOSING_EVENTS
"""Events of the default answer, pings not counted."""

_DEFAULT_K: Final = 4
_LONGEST_QUOTE: Final = 100
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


@dataclass(frozen=True, slots=True)
class Family:
    """A way in which a call can go, as `FAMILIES` lists it.

    `template` is its explanation with `{argument}` and `{k}` left open. `argument` is None if it takes none.
    `placed` says whether it takes `@K`. `ends` computes the expectation from the argument (empty if it takes
    none) and the phase that K leads to.
    """

    name: str
    template: str
    ends: Callable[[str, Phase], Expectation]
    argument: Argument | None = None
    placed: bool = False

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


def _no_scenario(called: str, model: str, reason: str) -> ValueError:
    return ValueError(f"{called} {_quoted(model)} is no scenario: {reason}")


def _quoted(text: str) -> str:
    return repr(text if len(text) <= _LONGEST_QUOTE else f"{text[:_LONGEST_QUOTE]}...")


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


def _in_band_untyped(_argument: str, phase: Phase) -> Expectation:
    return _in_band("_OTHER", phase)


def _unconnected(error_type: str) -> Callable[[str, Phase], Expectation]:
    expectation = Expectation(Outcome.CONNECTION_ERROR, error_type, phase=Phase.REQUEST)
    return lambda _argument, _phase: expectation


def _leaked(outcome: Outcome, error_type: str) -> Callable[[str, Phase], Expectation]:
    return lambda _argument, phase: Expectation(outcome, error_type, leaked=True, phase=phase)


_READ_ERROR: Final = f"{HTTPX}.ReadError"
_READ_TIMEOUT: Final = f"{HTTPX}.ReadTimeout"
_PROTOCOL_ERROR: Final = f"{HTTPX}.RemoteProtocolError"
_DECODING_ERROR: Final = f"{HTTPX}.DecodingError"

_RETRY: Final = "retry"
_K: Final = Argument("K", str(_DEFAULT_K), range(DEFAULT_EVENTS))
_DELTAS: Final = Argument("N", str(DEFAULT_DELTAS), range(1, 100_001))
_ATTEMPTS: Final = Argument("N", "3", range(1, 101))
_MILLISECONDS: Final = Argument("MS", "100", range(60_001))
_TYPE: Final = Argument("TYPE", "overloaded_error")
_STATUS: Final = Argument("STATUS", "502", range(400, 600))

FAMILIES: Final[Mapping[str, Family]] = MappingProxyType(
    {
        family.name: family
        for family in (
            Family("ok", "a whole text answer in {argument} content deltas", _completed, _DELTAS),
            Family("tool_use", "a whole answer that calls a tool", _completed),
            Family("thinking", "a whole answer with a thinking block before its text", _completed),
            Family(_RETRY, "HTTP 529 until attempt {argument}, which is answered whole", _completed, _ATTEMPTS),
            Family("slow", "a whole text answer with {argument} ms between its events", _completed, _MILLISECONDS),
            Family(
                "in_band",
                "an SSE error event of type {argument} after {k} events of a 200 stream",
                _in_band,
                _TYPE,
                placed=True,
            ),
            Family(
                "in_band_text",
                "an SSE error event whose data is a proxy's text, not JSON, after {k} events",
                _in_band_untyped,
                placed=True,
            ),
            Family(
                "in_band_bare",
                "an SSE error event whose JSON has no error object, after {k} events",
                _in_band_untyped,
                placed=True,
            ),
            Family("http", "an HTTP error of type {argument} in the API's JSON envelope", _http, _TYPE),
            Family("http_html", "HTTP {argument} with a proxy's HTML page as its body", _http_html, _STATUS),
            Family(
                "reset",
                "the connection is reset (TCP RST) after {k} events",
                _leaked(Outcome.TRANSPORT_ERROR, _READ_ERROR),
                placed=True,
            ),
            Family(
                "fin",
                "the connection is closed (FIN) inside a chunk after {k} events",
                _leaked(Outcome.TRANSPORT_ERROR, _PROTOCOL_ERROR),
                placed=True,
            ),
            Family(
                "fin_length",
                "the connection is closed (FIN) before content-length is reached, after {k} events",
                _leaked(Outcome.TRANSPORT_ERROR, _PROTOCOL_ERROR),
                placed=True,
            ),
            Family(
                "bad_chunk",
                "garbage in the chunk framing after {k} events",
                _leaked(Outcome.TRANSPORT_ERROR, _PROTOCOL_ERROR),
                placed=True,
            ),
            Family(
                "stall",
                "silence after {k} events, until the client's read timeout",
                _leaked(Outcome.TRANSPORT_ERROR, _READ_TIMEOUT),
                placed=True,
            ),
            Family("cut", "a chunked body ends cleanly after {k} events", _truncated, placed=True),
            Family("eof", "a body delimited by connection close ends after {k} events", _truncated, placed=True),
            Family(
                "bad_json",
                "after {k} events, one whose data line is not JSON",
                _leaked(Outcome.MALFORMED, "json.decoder.JSONDecodeError"),
                placed=True,
            ),
            Family(
                "bad_utf8",
                "after {k} events, one whose data line is not UTF-8",
                _leaked(Outcome.MALFORMED, "UnicodeDecodeError"),
                placed=True,
            ),
            Family(
                "bad_gzip",
                "a gzip body that is corrupt after {k} events",
                _leaked(Outcome.MALFORMED, _DECODING_ERROR),
                placed=True,
            ),
            Family("hangup", "the connection is closed without any response", _unconnected(_PROTOCOL_ERROR)),
            Family("silent", "no response at all, until the client's read timeout", _unconnected(_READ_TIMEOUT)),
        )
    }
)
"""Every family, by its name, in the order in which people want to read them."""

EXAMPLES: Final[tuple[str, ...]] = (
    "ok",
    "tool_use",
    "thinking",
    "retry:3",
    "slow:10",
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
    "in_band_text",
    "in_band_bare",
    "http:invalid_request_error",
    "http:authentication_error",
    "http:rate_limit_error",
    "http:api_error",
    "http:overloaded_error",
    "http_html:502",
    "reset@0",
    "reset",
    "fin",
    "fin_length",
    "bad_chunk",
    "stall",
    "cut@0",
    "cut",
    "cut@8",
    "eof",
    "bad_json",
    "bad_utf8",
    "bad_gzip",
    "hangup",
    "silent",
)
"""Model names that show every fault once, and those where it matters also before and after the content."""
