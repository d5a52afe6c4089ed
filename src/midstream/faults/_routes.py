"""From a request to the script that answers it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Final, cast
from urllib.parse import unquote

from midstream.faults import _answers as answers
from midstream.faults import _streams as streams
from midstream.faults._family import DELTAS
from midstream.faults._http_request import HttpRequest
from midstream.faults._plans import Plan
from midstream.faults._scenario import Scenario
from midstream.faults._scenarios import HOW_TO_LIST, OK, family_of, parse, play
from midstream.faults._script import Kind, Script, refusal_script
from midstream.faults._scripts import Case, halves
from midstream.faults._wire import to_json

_MakeAnswer = Callable[[str], answers.CannedAnswer]

_NO_MODEL: Final = "the body must be a JSON object whose `model` is a string"
_NO_HOST: Final = "the request must have a host header"


@dataclass(frozen=True, slots=True)
class _Asked:
    """The `number`-th request, and its scenario. `name` is the model, or the id, in the request."""

    request: HttpRequest
    number: int
    scenario: Scenario
    name: str
    streamed: bool

    @property
    def events(self) -> int:
        """How many events the answer has, or other pieces. `ok:N` has as many more as it has more deltas."""
        has_deltas = family_of(self.scenario).argument is DELTAS
        return answers.DEFAULT_EVENTS + (int(self.scenario.argument or 0) - answers.DEFAULT_DELTAS if has_deltas else 0)

    def case(self, kind: Kind, before: tuple[bytes, ...] = (), after: tuple[bytes, ...] = ()) -> Case:
        return Case(self.scenario, kind, self.number, self.request.resends, before, after)

    def play_events(self, events: tuple[answers.Event, ...]) -> Script:
        return play(self.case(Kind.EVENTS, *answers.split_events(events, self.scenario.k)))

    def play_pieces(self, kind: Kind, pieces: tuple[bytes, ...]) -> Script:
        k = self.scenario.k or 0
        return play(self.case(kind, pieces[:k], pieces[k:]))

    def play_json(self, body: bytes) -> Script:
        return play(self.case(Kind.JSON, *halves(body, self.scenario.k)))


def script_for(request: HttpRequest, number: int, plan: Plan | None = None) -> Script:
    """Return the script that answers a request, the `number`-th of the server."""
    route = _route(request)
    if route is None:
        return refusal_script("not_found_error", f"no endpoint: {request.method} {request.path}", number)
    answer, called, name = route
    if not isinstance(name, str):
        return refusal_script("invalid_request_error", _NO_MODEL, number)
    # The SDK requests a batch before it requests the batch's results, which are what can fail.
    chosen = None if plan is None or answer is _batch else plan.choose(request, name)
    try:
        scenario = chosen or parse(name, called)
    except ValueError as error:
        if plan is None:
            return replace(refusal_script("not_found_error", f"{error}; {HOW_TO_LIST}", number), model=name)
        scenario = OK
    asked = _Asked(request, number, scenario, name, streamed=_fields(request).get("stream") is True)
    return replace(answer(asked), model=name, scenario=scenario.name)


def named_in(request: HttpRequest) -> str | None:
    """Return the model, or the id, in a request; None if no scenario can answer the request."""
    answer, _, name = _route(request) or (_batch, "", None)
    return name if isinstance(name, str) and answer is not _batch else None


def _route(request: HttpRequest) -> tuple[_Answer, str, object] | None:
    """Return what answers a request, and what its name is called and is: the id in the path, or the model."""
    for method, path, answer in _ROUTES:
        found = re.fullmatch(path, request.path)
        if found is not None and method == request.method:
            quoted: str | None = found.groupdict().get("id")
            return (answer, "id", unquote(quoted)) if quoted else (answer, "model", _fields(request).get("model"))
    return None


def _fields(request: HttpRequest) -> Mapping[str, Any]:
    try:
        fields = json.loads(request.body)
    except (ValueError, RecursionError):
        return {}
    return cast("Mapping[str, Any]", fields) if isinstance(fields, dict) else {}


def _message(asked: _Asked) -> Script:
    make = family_of(asked.scenario).answer or _default_answer
    events, message = _encoded(make, asked.scenario.argument or "", asked.name)
    return asked.play_events(events) if asked.streamed else asked.play_json(message)


@lru_cache(maxsize=8)
def _encoded(make: _MakeAnswer, argument: str, model: str) -> tuple[tuple[answers.Event, ...], bytes]:
    answer = make(argument)
    return answer.events(model), answer.message(model)


def _default_answer(_argument: str) -> answers.CannedAnswer:
    return answers.text_answer()


def _token_count(asked: _Asked) -> Script:
    return asked.play_json(to_json({"input_tokens": answers.COUNTED_TOKENS}))


def _completion(asked: _Asked) -> Script:
    if asked.streamed:
        return asked.play_events(streams.completion_events(asked.name, asked.events))
    return asked.play_json(streams.completion(asked.name, asked.events))


def _batch(asked: _Asked) -> Script:
    """Answer whole: the scenario is for the batch's results."""
    if not asked.request.host:
        return refusal_script("invalid_request_error", _NO_HOST, asked.number)
    return asked.case(Kind.JSON).complete(streams.batch(asked.name, asked.events, asked.request.host))


def _results(asked: _Asked) -> Script:
    return asked.play_pieces(Kind.LINES, streams.result_lines(asked.name, asked.events))


def _session(asked: _Asked) -> Script:
    return asked.play_events(streams.session_events(asked.events))


def _file(asked: _Asked) -> Script:
    return asked.play_pieces(Kind.BYTES, streams.file_pieces(asked.events))


_Answer = Callable[[_Asked], Script]

_ROUTES: Final[tuple[tuple[str, str, _Answer], ...]] = (
    ("POST", "/v1/messages", _message),
    ("POST", "/v1/messages/count_tokens", _token_count),
    ("POST", "/v1/complete", _completion),
    ("GET", "/v1/messages/batches/(?P<id>[^/]+)", _batch),
    ("GET", "/v1/messages/batches/(?P<id>[^/]+)/results", _results),
    ("GET", "/v1/sessions/(?P<id>[^/]+)/events/stream", _session),
    ("GET", "/v1/files/(?P<id>[^/]+)/content", _file),
)
"""Method, path and what answers: the id in the path names the scenario, or else the model in the body."""
