"""From a request to the script that answers it."""

from __future__ import annotations

import json
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, cast

from midstream.faults.answers import (
    COUNTED_TOKENS,
    Answer,
    Event,
    split_events,
    text_answer,
    thinking_answer,
    tool_use_answer,
)
from midstream.faults.scenarios import Scenario, parse
from midstream.faults.scripts import STREAMED, UNSTREAMED, Case, Script, refusal_script
from midstream.faults.wire import to_json

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from midstream.faults.requests import Request

__all__ = ("script_for",)

_HOW_TO_LIST: Final = "`midstream faults --list` and `midstream.faults.FAMILIES` list the scenarios"
_NO_MODEL: Final = "the body must be a JSON object whose `model` is a string"


def script_for(request: Request, number: int) -> Script:
    """Return what to do about a request, the `number`-th that the server got."""
    case_of = _ROUTES.get((request.method, request.path))
    if case_of is None:
        return refusal_script("not_found_error", f"no endpoint: {request.method} {request.path}", number)
    fields = _fields(request.body)
    model = fields.get("model")
    if not isinstance(model, str):
        return refusal_script("invalid_request_error", _NO_MODEL, number)
    try:
        scenario = parse(model)
    except ValueError as error:
        return refusal_script("not_found_error", f"{error}; {_HOW_TO_LIST}", number)
    case = case_of(scenario, request, number, streamed=fields.get("stream") is True)
    scripts = STREAMED if case.streamed else UNSTREAMED
    return scripts[scenario.family](case)


def _fields(body: bytes) -> Mapping[str, Any]:
    try:
        fields = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return cast("Mapping[str, Any]", fields) if isinstance(fields, dict) else {}


def _message(scenario: Scenario, request: Request, number: int, *, streamed: bool) -> Case:
    events, message = _answer(scenario.name)
    if not streamed:
        return _halved(scenario, request, number, message)
    before, after = ((), events) if scenario.k is None else split_events(events, scenario.k)
    pieces, rest = tuple(event.wire for event in before), tuple(event.wire for event in after)
    return Case(scenario, streamed=True, number=number, resends=request.resends, before=pieces, after=rest)


def _token_count(
    scenario: Scenario,
    request: Request,
    number: int,
    *,
    streamed: bool,  # noqa: ARG001 - a count never is
) -> Case:
    return _halved(scenario, request, number, to_json({"input_tokens": COUNTED_TOKENS}))


def _halved(scenario: Scenario, request: Request, number: int, body: bytes) -> Case:
    half = len(body) // 2 if scenario.k else 0
    before, after = (body[:half],) if half else (), (body[half:],)
    return Case(scenario, streamed=False, number=number, resends=request.resends, before=before, after=after)


@lru_cache(maxsize=8)
def _answer(model: str) -> tuple[tuple[Event, ...], bytes]:
    scenario = parse(model)
    answer = _ANSWERS.get(scenario.family, _default_answer)(scenario)
    return answer.events(model), answer.message(model)


def _default_answer(_scenario: Scenario) -> Answer:
    return text_answer()


_ANSWERS: Final[Mapping[str, Callable[[Scenario], Answer]]] = MappingProxyType(
    {
        "ok": lambda scenario: text_answer(int(scenario.argument or 0)),
        "tool_use": lambda _scenario: tool_use_answer(),
        "thinking": lambda _scenario: thinking_answer(),
    }
)

_ROUTES: Final = MappingProxyType(
    {
        ("POST", "/v1/messages"): _message,
        ("POST", "/v1/messages/count_tokens"): _token_count,
    }
)
