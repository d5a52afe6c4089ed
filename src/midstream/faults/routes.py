"""From a request to the script that answers it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, cast
from urllib.parse import unquote

from midstream.faults.answers import (
    COUNTED_TOKENS,
    DEFAULT_DELTAS,
    Event,
    split_events,
    text_answer,
)
from midstream.faults.plans import HOW_TO_LIST
from midstream.faults.scenarios import DEFAULT_EVENTS, Scenario, family_of, parse
from midstream.faults.scripts import Case, Kind, Script, refusal_script
from midstream.faults.streams import (
    batch,
    completion,
    completion_events,
    file_pieces,
    result_lines,
    session_events,
)
from midstream.faults.wire import to_json

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from midstream.faults.answers import Answer
    from midstream.faults.plans import Plan
    from midstream.faults.requests import Request

__all__ = ("named_in", "script_for")

_NO_MODEL: Final = "the body must be a JSON object whose `model` is a string"
_NO_HOST: Final = "the request must have a host header"


_OK: Final = parse("ok")


@dataclass(frozen=True, slots=True)
class _Asked:
    """A request whose scenario is known. `name` is the model, or the id, that it named."""

    request: Request
    number: int
    scenario: Scenario
    name: str
    streamed: bool = False

    def case(self, kind: Kind, before: tuple[bytes, ...], after: tuple[bytes, ...]) -> Case:
        return Case(self.scenario, kind, self.number, self.request.resends, before, after)


def script_for(request: Request, number: int, plan: Plan | None = None) -> Script:
    """Return what to do about a request, the `number`-th that the server got."""
    route = _route(request)
    if route is not None:
        return _script(request, number, *route, plan)
    return refusal_script("not_found_error", f"no endpoint: {request.method} {request.path}", number)


def named_in(request: Request) -> str | None:
    """The model, or the id, that a request names; None if it is none of those that a scenario answers."""
    answer, quoted = _route(request) or (_batch, None)
    name = None if answer is _batch else _fields(request.body).get("model") if quoted is None else unquote(quoted)
    return name if isinstance(name, str) else None


def _route(request: Request) -> tuple[Callable[[_Asked], Script], str | None] | None:
    """What answers a request, and the id in its path, if that has one."""
    for method, path, answer in _ROUTES:
        found = re.fullmatch(path, request.path)
        if found is not None and method == request.method:
            return answer, found.groupdict().get("id")
    return None


def _script(
    request: Request, number: int, answer: Callable[[_Asked], Script], quoted: str | None, plan: Plan | None
) -> Script:
    fields = _fields(request.body)
    named, name = ("model", fields.get("model")) if quoted is None else ("id", unquote(quoted))
    if not isinstance(name, str):
        return refusal_script("invalid_request_error", _NO_MODEL, number)
    # The SDK asks for a batch before it asks for the batch's results, which are what can fail.
    chosen = None if plan is None or answer is _batch else plan.choose(request, name)
    try:
        scenario = chosen or parse(name, named)
    except ValueError as error:
        if plan is None:
            return replace(refusal_script("not_found_error", f"{error}; {HOW_TO_LIST}", number), model=name)
        scenario = _OK
    asked = _Asked(request, number, scenario, name, streamed=fields.get("stream") is True)
    return replace(answer(asked), model=name, scenario=scenario.name)


def _fields(body: bytes) -> Mapping[str, Any]:
    try:
        fields = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return cast("Mapping[str, Any]", fields) if isinstance(fields, dict) else {}


def _message(asked: _Asked) -> Script:
    events, message = _answer(family_of(asked.scenario).answer or _text, asked.scenario.argument or "", asked.name)
    return _of_events(asked, events) if asked.streamed else _of_json(asked, message)


def _token_count(asked: _Asked) -> Script:
    return _of_json(asked, to_json({"input_tokens": COUNTED_TOKENS}))


def _completion(asked: _Asked) -> Script:
    name, events = asked.name, _pieces(asked.scenario)
    return (
        _of_events(asked, completion_events(name, events))
        if asked.streamed
        else _of_json(asked, completion(name, events))
    )


def _batch(asked: _Asked) -> Script:
    """Whatever the scenario is: it is that of the batch's results."""
    if not asked.request.host:
        return refusal_script("invalid_request_error", _NO_HOST, asked.number)
    return asked.case(Kind.JSON, (), ()).whole(batch(asked.name, _pieces(asked.scenario), asked.request.host))


def _results(asked: _Asked) -> Script:
    return _of_pieces(asked, Kind.LINES, result_lines(asked.name, _pieces(asked.scenario)))


def _session(asked: _Asked) -> Script:
    return _of_events(asked, session_events(_pieces(asked.scenario)))


def _file(asked: _Asked) -> Script:
    return _of_pieces(asked, Kind.BYTES, file_pieces(_pieces(asked.scenario)))


def _of_events(asked: _Asked, events: tuple[Event, ...]) -> Script:
    k = asked.scenario.k
    before, after = ((), events) if k is None else split_events(events, k)
    return _play(asked.case(Kind.EVENTS, tuple(event.wire for event in before), tuple(event.wire for event in after)))


def _of_pieces(asked: _Asked, kind: Kind, pieces: tuple[bytes, ...]) -> Script:
    k = asked.scenario.k or 0
    return _play(asked.case(kind, pieces[:k], pieces[k:]))


def _of_json(asked: _Asked, body: bytes) -> Script:
    half = len(body) // 2 if asked.scenario.k else 0
    return _play(asked.case(Kind.JSON, (body[:half],) if half else (), (body[half:],)))


def _play(case: Case) -> Script:
    return family_of(case.scenario).script_for(case.kind)(case)


def _pieces(scenario: Scenario) -> int:
    """As many as the events of a message: for `ok:N` as many more as it has more deltas."""
    more = int(scenario.argument or 0) - DEFAULT_DELTAS if scenario.family == "ok" else 0
    return DEFAULT_EVENTS + more


@lru_cache(maxsize=8)
def _answer(make: Callable[[str], Answer], argument: str, model: str) -> tuple[tuple[Event, ...], bytes]:
    answer = make(argument)
    return answer.events(model), answer.message(model)


def _text(_argument: str) -> Answer:
    return text_answer()


_ROUTES: Final = (
    ("POST", "/v1/messages", _message),
    ("POST", "/v1/messages/count_tokens", _token_count),
    ("POST", "/v1/complete", _completion),
    ("GET", "/v1/messages/batches/(?P<id>[^/]+)", _batch),
    ("GET", "/v1/messages/batches/(?P<id>[^/]+)/results", _results),
    ("GET", "/v1/sessions/(?P<id>[^/]+)/events/stream", _session),
    ("GET", "/v1/files/(?P<id>[^/]+)/content", _file),
)
"""Method, path and what answers: where the path has an id, it names the scenario, and elsewhere the model does."""
