"""The expected telemetry of a call, derived from its scenario and its style alone."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from midstream._outcomes import Outcome, Phase
from midstream.faults import Expectation, expectation_of
from midstream.faults._api_errors import api_error

if TYPE_CHECKING:
    from midstream.faults import Scenario
    from support.styles import Style

__all__ = (
    "ANY_FLOAT",
    "ANY_INT",
    "ANY_TEXT",
    "INFERENCE",
    "AnyOf",
    "attributes",
    "ending",
    "error_body",
    "retryable",
    "said_unnoticed",
)


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

_STOP_REASONS = {"chat": {"ok": "end_turn", "tool_use": "tool_use"}, "text_completion": {"ok": "stop_sequence"}}
"""By operation that has one and family, the stop reason of a whole answer; any other family has that of `ok`."""

_MAX_TOKENS = {"chat": 64, "text_completion": 64}


INFERENCE = ("chat", "text_completion", "count_tokens")
"""The operations that the GenAI conventions know, and that have GenAI metrics."""


def ending(scenario: Scenario, style: Style) -> Expectation:
    """How a call in `style` ends."""
    if style.undecoded:
        return _undecoded(scenario, style)
    expected = expectation_of(scenario, style.operation, streamed=style.streamed)
    # The SDK parses what is not an answer, and raises over it.
    raises = style.name == "parse" and scenario.family in {"envelope", "html", "unnamed_error"}
    return replace(expected, leaked=True) if raises else expected


def _undecoded(scenario: Scenario, style: Style) -> Expectation:
    whole = scenario.expectation
    if scenario.family in {"bad_json", "bad_utf8"}:
        return Expectation(Outcome.COMPLETED)
    if whole.outcome is Outcome.IN_BAND_ERROR:
        return replace(whole, reported_status_code=None, misreported=False)
    if whole.outcome is Outcome.MALFORMED and style.packed:
        return replace(whole, leaked=False)
    return whole


def error_body(scenario: Scenario) -> dict[str, Any] | str:
    """The body of the error event, as far as it says what happened."""
    if scenario.family == "in_band_text":
        return "upstream connect error or disconnect/reset before headers"
    if scenario.family != "in_band":
        return {"request_id": "req_in_band_1"} if scenario.family == "in_band_bare" else {}
    error = api_error(scenario.argument or "")
    return {"error": {"type": scenario.argument, "message": error.message}, "request_id": "req_in_band_1"}


def said_unnoticed(scenario: Scenario, style: Style) -> str | None:
    """The failure in one line where an answer has come and the SDK notices none; `None` elsewhere."""
    expected = ending(scenario, style)
    if expected.phase is Phase.REQUEST or (expected.leaked and style.name != "parse"):
        return None
    leaked = "; not an anthropic.APIError" if expected.leaked else ""
    when = "before any content had arrived"
    line = {
        "envelope": f"529 {scenario.argument}: Overloaded (request req_in_band_1)",
        "unnamed_error": "408 Request Timeout: gateway timed out",
        "unnamed": f"stream_truncated: no named events, {when}"
        if expected.outcome is Outcome.TRUNCATED
        else f"unexpected_body {when}: no named events",
        "html": f"unexpected_media_type {when}: text/html instead of {'events' if style.streamed else 'JSON'}",
    }.get(scenario.family)
    return None if line is None else line + leaked


def retryable(expectation: Expectation) -> bool:
    """Whether the same call may succeed later, spelled out for the statuses that the scenarios have."""
    if expectation.status_code is None:
        return expectation.outcome is not Outcome.CLIENT_ERROR and not expectation.futile
    return expectation.status_code in {408, 409, 429, 500, 502, 504, 529}


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
    if opened and failed and scenario.k and _EVENTS[style.operation]:
        found["midstream.stream.last_event"] = _EVENTS[style.operation][scenario.k - 1]
    if scenario.family == "envelope" and style.operation == "batch_results":
        found["midstream.stream.last_event"] = "error"  # it is a line like any other
    undecoded = style.raw and not style.streamed and expectation.leaked
    unnoticed = said_unnoticed(scenario, style) is not None
    status = 200 if opened or undecoded or unnoticed or not failed else expectation.status_code
    if status is not None:
        found["http.response.status_code"] = status
        document = unnoticed and not opened and scenario.family != "html"
        if style.with_request_id or (failed and not document):
            found["anthropic.request.id"] = ANY_TEXT
    reasons = _STOP_REASONS.get(style.operation)
    if reasons is not None and (opened or not failed):
        reason = "error" if failed else reasons.get(scenario.family, reasons["ok"])
        found["gen_ai.response.finish_reasons"] = (reason,)
    if not own:
        return found | {"gen_ai.operation.name": style.operation}
    come = (scenario.k or 0 if opened else 0) if failed else _ALL
    return found | _request(scenario, style, host, port) | _answer(scenario, style, come, opened=opened)


_EVENTS: dict[str, tuple[str, ...]] = {
    "chat": (
        "message_start",
        "content_block_start",
        *["content_block_delta"] * 4,
        "content_block_stop",
        "message_delta",
    ),
    "text_completion": ("completion",) * 8,
    "session_events": (
        "user.message",
        "session.status_running",
        "span.model_request_start",
        "agent.thinking",
        "agent.tool_use",
        "agent.tool_result",
        "agent.message",
        "span.model_request_end",
    ),
    "batch_results": (),
    "file_download": (),
}
"""By operation, the types of all events but the last; none where what comes has no types."""

_ALL = 9


def _failure(scenario: Scenario, expectation: Expectation, http_package: str) -> dict[str, Any]:
    found: dict[str, Any] = {
        "error.type": expectation.error_type_for(http_package),
        "midstream.leaked": expectation.leaked,
        "midstream.corrected": False,
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
    if expectation.outcome is Outcome.IN_BAND_ERROR and scenario.family not in {"in_band_text", "unnamed_error"}:
        found["midstream.in_band.request_id"] = ANY_TEXT
    return found


def _request(scenario: Scenario, style: Style, host: str, port: int) -> dict[str, Any]:
    known: dict[str, Any] = {
        "gen_ai.operation.name": style.operation,
        "gen_ai.provider.name": "anthropic",
        "gen_ai.request.model": scenario.name if style.operation in INFERENCE else None,
        "gen_ai.request.max_tokens": _MAX_TOKENS.get(style.operation),
        "gen_ai.request.stream": style.asks_for_stream or None,
        "server.address": host,
        "server.port": port,
    }
    return {name: value for name, value in known.items() if value is not None}


def _answer(scenario: Scenario, style: Style, come: int, *, opened: bool) -> dict[str, Any]:
    """What the API has said about an answer after `come` events."""
    found: dict[str, Any] = {}
    if style.operation == "text_completion" and come:
        found |= {"gen_ai.response.id": "compl_faults", "gen_ai.response.model": scenario.name}
        if opened:
            found["gen_ai.response.time_to_first_chunk"] = ANY_FLOAT
    if style.operation != "chat":
        return found
    if come > _EVENTS["chat"].index("message_start"):
        found |= {
            "gen_ai.response.id": "msg_faults",
            "gen_ai.response.model": scenario.name,
            "gen_ai.usage.input_tokens": 43,
            "gen_ai.usage.cache_read.input_tokens": 8,
            "gen_ai.usage.cache_write.input_tokens": 10,
        }
    if opened and come > _EVENTS["chat"].index("content_block_delta"):
        found["gen_ai.response.time_to_first_chunk"] = ANY_FLOAT
    if come > _EVENTS["chat"].index("message_delta"):
        found["gen_ai.usage.output_tokens"] = 15
    return found
