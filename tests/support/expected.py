"""What a call must look like in the telemetry, worked out from its scenario and its style alone."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from midstream.faults import Expectation
from midstream.faults.api_errors import api_error
from midstream.faults.scenarios import HTTPX
from midstream.outcomes import Outcome, Phase

if TYPE_CHECKING:
    from midstream.faults import Scenario
    from support.styles import Style

__all__ = ("ANY_FLOAT", "ANY_INT", "ANY_TEXT", "AnyOf", "attributes", "ending", "error_body", "retryable")


class AnyOf:
    """Equals every value of exactly one type: what a test cannot know beforehand still has a type."""

    def __init__(self, kind: type) -> None:
        self.kind = kind

    def __eq__(self, other: object) -> bool:
        return type(other) is self.kind

    def __hash__(self) -> int:
        return hash(self.kind)

    def __repr__(self) -> str:
        return f"any {self.kind.__name__}"


ANY_INT, ANY_FLOAT, ANY_TEXT = AnyOf(int), AnyOf(float), AnyOf(str)

_STOP_REASONS = {"tool_use": "tool_use"}
"""By family, the stop reason of a whole answer where it is not `end_turn`."""

_LEAKS_DECODING = Expectation(Outcome.MALFORMED, "json.decoder.JSONDecodeError", leaked=True, phase=Phase.OPENING)
_WRAPPED_BODY = Expectation(Outcome.TRANSPORT_ERROR, phase=Phase.OPENING)
_NOT_STREAMED = {
    "reset": replace(_WRAPPED_BODY, error_type=f"{HTTPX}.ReadError"),
    "fin": replace(_WRAPPED_BODY, error_type=f"{HTTPX}.RemoteProtocolError"),
    "fin_length": replace(_WRAPPED_BODY, error_type=f"{HTTPX}.RemoteProtocolError"),
    "bad_chunk": replace(_WRAPPED_BODY, error_type=f"{HTTPX}.RemoteProtocolError"),
    "stall": replace(_WRAPPED_BODY, error_type=f"{HTTPX}.ReadTimeout"),
    "cut": _LEAKS_DECODING,
    "eof": _LEAKS_DECODING,
    "bad_json": _LEAKS_DECODING,
    "bad_utf8": replace(_LEAKS_DECODING, error_type="UnicodeDecodeError"),
    "bad_gzip": Expectation(Outcome.MALFORMED, f"{HTTPX}.DecodingError", phase=Phase.OPENING),
    "in_band_text": Expectation(Outcome.HTTP_ERROR, "500", 500, 500, phase=Phase.REQUEST),
    "in_band_bare": Expectation(Outcome.HTTP_ERROR, "500", 500, 500, phase=Phase.REQUEST),
}
"""By family, how a call that is not streamed ends where that differs: the SDK wraps what reading the body raises."""


def ending(scenario: Scenario, style: Style) -> Expectation:
    """How a call in `style` ends."""
    if style.undecoded:
        return _undecoded(scenario, style)
    if style.streamed:
        return scenario.expectation
    if scenario.family == "in_band":
        status = scenario.expectation.status_code
        return Expectation(Outcome.HTTP_ERROR, scenario.argument, status, status, phase=Phase.REQUEST)
    return _NOT_STREAMED.get(scenario.family, scenario.expectation)


def _undecoded(scenario: Scenario, style: Style) -> Expectation:
    whole = scenario.expectation
    if scenario.family in {"bad_json", "bad_utf8"}:
        return Expectation(Outcome.COMPLETED)
    if whole.outcome is Outcome.IN_BAND_ERROR:
        return replace(whole, reported_status_code=None, misreported=False)
    if whole.outcome is Outcome.MALFORMED and style.packed:
        return replace(whole, leaked=False)
    return whole


def error_body(scenario: Scenario) -> dict[str, Any]:
    """The body of the error event, as far as it tells what happened."""
    if scenario.family != "in_band":
        return {"request_id": "req_in_band_1"} if scenario.family == "in_band_bare" else {}
    error = api_error(scenario.argument or "")
    return {"error": {"type": scenario.argument, "message": error.message}, "request_id": "req_in_band_1"}


def retryable(expectation: Expectation) -> bool:
    """Whether the same call may succeed later, spelled out for the statuses that the scenarios have."""
    if expectation.status_code is None:
        return expectation.outcome is not Outcome.CLIENT_ERROR
    return expectation.status_code in {409, 429, 500, 502, 504, 529}


def attributes(
    scenario: Scenario, style: Style, *, host: str, port: int, http_package: str, own: bool
) -> dict[str, Any]:
    """The attributes that midstream sets on the span: on one of ours all of them, on the SDK's what that lacks."""
    expectation = ending(scenario, style)
    failed = expectation.outcome.is_failure
    opened = style.streamed and expectation.phase is not Phase.REQUEST
    found: dict[str, Any] = {"midstream.outcome": expectation.outcome.value}
    if scenario.attempts > 1:
        found["http.request.resend_count"] = scenario.attempts - 1
    if failed:
        found |= _failure(scenario, expectation, http_package)
    if opened:
        found |= {"midstream.stream.bytes": ANY_INT, "midstream.stream.longest_wait": ANY_FLOAT}
    if opened and failed and _events(scenario):
        found["midstream.stream.last_event"] = _LAST_EVENT[_events(scenario) - 1]
    undecoded = style.raw and expectation == _NOT_STREAMED.get(scenario.family) and expectation.leaked
    status = 200 if opened or undecoded or not failed else expectation.status_code
    if status is not None:
        found |= {"http.response.status_code": status, "anthropic.request.id": ANY_TEXT}
    if not failed:
        found["gen_ai.response.finish_reasons"] = (_STOP_REASONS.get(scenario.family, "end_turn"),)
    elif opened:
        found["gen_ai.response.finish_reasons"] = ("error",)
    return found | (_own(scenario, style, host, port, opened=opened, failed=failed) if own else {})


_LAST_EVENT = (
    "message_start",
    "content_block_start",
    *["content_block_delta"] * 4,
    "content_block_stop",
    "message_delta",
)


def _events(scenario: Scenario) -> int:
    return len(_LAST_EVENT) + 1 if scenario.k is None else scenario.k


def _failure(scenario: Scenario, expectation: Expectation, http_package: str) -> dict[str, Any]:
    found: dict[str, Any] = {
        "error.type": expectation.error_type_for(http_package),
        "midstream.leaked": expectation.leaked,
        "midstream.misreported": expectation.misreported,
        "midstream.retryable": retryable(expectation),
        "midstream.phase": None if expectation.phase is None else expectation.phase.value,
    }
    if expectation.status_code is not None:
        in_band = expectation.outcome is Outcome.IN_BAND_ERROR
        found["midstream.status_code"] = expectation.status_code
        found["midstream.status_code.source"] = "synthesized" if in_band else "observed"
    if expectation.reported_status_code is not None:
        found["midstream.reported.status_code"] = expectation.reported_status_code
    if expectation.outcome is Outcome.IN_BAND_ERROR and scenario.family != "in_band_text":
        found["midstream.in_band.request_id"] = ANY_TEXT
    return found


def _own(scenario: Scenario, style: Style, host: str, port: int, *, opened: bool, failed: bool) -> dict[str, Any]:
    found: dict[str, Any] = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "anthropic",
        "gen_ai.request.model": scenario.name,
        "gen_ai.request.max_tokens": 64,
        "server.address": host,
        "server.port": port,
    }
    if style.streamed:
        found["gen_ai.request.stream"] = True
    events = (_events(scenario) if opened else 0) if failed else len(_LAST_EVENT) + 1
    if events > _LAST_EVENT.index("message_start"):
        found |= {
            "gen_ai.response.id": "msg_faults",
            "gen_ai.response.model": scenario.name,
            "gen_ai.usage.input_tokens": 43,
            "gen_ai.usage.cache_read.input_tokens": 8,
            "gen_ai.usage.cache_write.input_tokens": 10,
        }
    if opened and events > _LAST_EVENT.index("content_block_delta"):
        found["gen_ai.response.time_to_first_chunk"] = ANY_FLOAT
    if events > _LAST_EVENT.index("message_delta"):
        found["gen_ai.usage.output_tokens"] = 15
    return found
