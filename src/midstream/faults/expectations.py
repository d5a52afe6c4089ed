"""How the calls of each operation end. `Scenario.expectation` is for a message stream; the others follow from it."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Literal

from midstream.faults.scenarios import HTTPX, Expectation
from midstream.outcomes.vocabulary import Outcome, Phase

if TYPE_CHECKING:
    from collections.abc import Mapping

    from midstream.faults.scenarios import Scenario

__all__ = ("Operation", "expectation_of")

Operation = Literal["chat", "text_completion", "count_tokens", "batch_results", "session_events", "file_download"]
"""What a call asks for, as `gen_ai.operation.name` says it."""


def expectation_of(scenario: Scenario, operation: Operation, *, streamed: bool = True) -> Expectation:
    """Return how a call of `operation` for `scenario` ends.

    `streamed` says whether the application reads the body as it arrives. Batch results and the events of a session
    always are; a token count never is; `files.download()` is not, and its `with_streaming_response` is.
    """
    instead = _INSTEAD[operation].get(scenario.family)
    if instead is not None:
        return instead
    if not streamed:
        return _not_streamed(scenario)
    if operation == "chat" or scenario.k is None:
        return scenario.expectation
    return replace(scenario.expectation, phase=Phase.CONTENT if scenario.k else Phase.OPENING)


def _not_streamed(scenario: Scenario) -> Expectation:
    if scenario.family == "in_band":
        status = scenario.expectation.status_code
        return Expectation(Outcome.HTTP_ERROR, scenario.argument, status, status, phase=Phase.REQUEST)
    return _NOT_STREAMED.get(scenario.family, scenario.expectation)


_COMPLETED: Final = Expectation(Outcome.COMPLETED)
_REFUSED: Final = Expectation(Outcome.HTTP_ERROR, "invalid_request_error", 400, 400, phase=Phase.REQUEST)

_NO_END: Final[Mapping[str, Expectation]] = dict.fromkeys(("cut", "eof"), _COMPLETED)
_NO_TEXT: Final[Mapping[str, Expectation]] = dict.fromkeys(("bad_json", "bad_utf8"), _COMPLETED)
_NO_IN_BAND: Final[Mapping[str, Expectation]] = dict.fromkeys(("in_band", "in_band_text", "in_band_bare"), _REFUSED)

_INSTEAD: Final[Mapping[str, Mapping[str, Expectation]]] = MappingProxyType(
    {
        "chat": {},
        "text_completion": {},
        "count_tokens": {},
        "batch_results": {**_NO_END, **_NO_IN_BAND},
        "session_events": _NO_END,
        "file_download": {**_NO_END, **_NO_TEXT, **_NO_IN_BAND},
    }
)
"""By operation and family, what is different about a body that does not say when it is whole, or is no text."""

_WRAPPED: Final = Expectation(Outcome.TRANSPORT_ERROR, phase=Phase.OPENING)
_HALF_JSON: Final = Expectation(Outcome.MALFORMED, "json.decoder.JSONDecodeError", leaked=True, phase=Phase.OPENING)

_NOT_STREAMED: Final[Mapping[str, Expectation]] = MappingProxyType(
    {
        "in_band_text": Expectation(Outcome.HTTP_ERROR, "500", 500, 500, phase=Phase.REQUEST),
        "in_band_bare": Expectation(Outcome.HTTP_ERROR, "500", 500, 500, phase=Phase.REQUEST),
        "reset": replace(_WRAPPED, error_type=f"{HTTPX}.ReadError"),
        "fin": replace(_WRAPPED, error_type=f"{HTTPX}.RemoteProtocolError"),
        "fin_length": replace(_WRAPPED, error_type=f"{HTTPX}.RemoteProtocolError"),
        "bad_chunk": replace(_WRAPPED, error_type=f"{HTTPX}.RemoteProtocolError"),
        "stall": replace(_WRAPPED, error_type=f"{HTTPX}.ReadTimeout"),
        "cut": _HALF_JSON,
        "eof": _HALF_JSON,
        "bad_json": _HALF_JSON,
        "bad_utf8": replace(_HALF_JSON, error_type="UnicodeDecodeError"),
        "bad_gzip": Expectation(Outcome.MALFORMED, f"{HTTPX}.DecodingError", phase=Phase.OPENING),
    }
)
"""By family, how a call that is not streamed ends where that differs: the SDK wraps what reading the body raises."""
