"""What the fault server streams besides messages: completions, batch results, the events of a session, files."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import dataclass, replace
from http.client import HTTPConnection, HTTPResponse, IncompleteRead
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import anthropic
import pytest

from midstream import classify
from midstream._outcomes import Outcome, Phase
from midstream.faults import (
    DEFAULT_EVENTS,
    EXAMPLES,
    Expectation,
    FaultServer,
    Operation,
    expectation_of,
    parse,
)
from support.clients import HTTP_PACKAGE, client

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from midstream.faults import Scenario

_PATIENCE = 10.0
_PIECE = bytes(range(256)) * 2
_LINES = "/v1/messages/batches/{}/results"
_SESSION = "/v1/sessions/{}/events/stream"
_FILE = "/v1/files/{}/content"
_PATHS = [_LINES, _SESSION, _FILE]
_HELLO = [{"role": "user", "content": "Hello"}]
_AGENT = ["agent.thinking", "agent.tool_use", "agent.tool_result", "agent.message"]


@pytest.fixture(scope="module", name="server")
def _server() -> Iterator[FaultServer]:
    with FaultServer() as server:
        yield server


def _ask(server: FaultServer, method: str, path: str, **fields: object) -> tuple[HTTPResponse, bytes]:
    with closing(HTTPConnection(server.host, server.port, timeout=_PATIENCE)) as connection:
        connection.request(method, path, json.dumps(fields) if fields else None)
        response = connection.getresponse()
        return response, response.read()


def _get(server: FaultServer, path: str) -> bytes:
    return _ask(server, "GET", path)[1]


def _complete(server: FaultServer, model: str, *, stream: bool) -> bytes:
    return _ask(server, "POST", "/v1/complete", model=model, stream=stream)[1]


def _events(body: bytes) -> list[dict[str, Any]]:
    """The data of every event, pings too; each is named after its type."""
    events: list[dict[str, Any]] = []
    for event in body.decode().split("\n\n")[:-1]:
        first, second = event.split("\n")
        data = json.loads(second.removeprefix("data: "))
        assert first == f"event: {data['type']}"
        events.append(data)
    return events


def _pieces(path: str, body: bytes) -> list[Any]:
    """The events, lines or parts of a file in a body."""
    if path == _LINES:
        return [json.loads(line) for line in body.splitlines()]
    if path == _FILE:
        return [body[start : start + len(_PIECE)] for start in range(0, len(body), len(_PIECE))]
    return [event for event in _events(body) if event["type"] != "ping"]


def _error(answer: tuple[HTTPResponse, bytes]) -> tuple[int, str, str]:
    response, body = answer
    error = json.loads(body)["error"]
    return response.status, error["type"], error["message"]


# Whole answers


def test_a_completion_is_streamed_in_events_of_one_type_and_ends_with_its_stop_reason(server: FaultServer) -> None:
    first, _, ping, *others, last = _events(_complete(server, "ok", stream=True))
    same = {"type": "completion", "id": "compl_faults", "model": "ok", "log_id": "compl_faults"}
    assert first == {**same, "completion": " All", "stop_reason": None, "stop": None}
    assert ping == {"type": "ping"}
    assert {event["stop_reason"] for event in others} == {None}
    assert last == {**same, "completion": "", "stop_reason": "stop_sequence", "stop": "\n\nHuman:"}


def test_a_completion_that_is_not_streamed_is_one_object_with_the_same_text(server: FaultServer) -> None:
    events = _events(_complete(server, "ok", stream=True))
    text = "".join(event.get("completion", "") for event in events)
    assert json.loads(_complete(server, "ok", stream=False)) == {**events[-1], "completion": text}


def test_a_batch_has_ended_and_has_the_url_of_its_results(server: FaultServer) -> None:
    batch = json.loads(_get(server, "/v1/messages/batches/ok?beta=true"))
    assert batch["processing_status"] == "ended"
    assert batch["results_url"] == f"{server.url}/v1/messages/batches/ok/results"
    assert batch["request_counts"] == {"processing": 0, "succeeded": 8, "errored": 1, "canceled": 0, "expired": 0}


@pytest.mark.parametrize("model", EXAMPLES)
def test_a_batch_can_be_retrieved_whatever_its_results_are_like(server: FaultServer, model: str) -> None:
    response, body = _ask(server, "GET", f"/v1/messages/batches/{model}")
    batch = json.loads(body)
    assert (response.status, batch["id"], batch["type"]) == (200, model, "message_batch")


def test_the_results_of_a_batch_are_lines_and_one_of_them_is_an_error(server: FaultServer) -> None:
    response, body = _ask(server, "GET", _LINES.format("ok"))
    results = _pieces(_LINES, body)
    assert response.getheader("content-type") == "application/x-jsonl"
    assert [result["custom_id"] for result in results] == [f"request-{index}" for index in range(DEFAULT_EVENTS)]
    assert [result["result"]["type"] for result in results] == ["succeeded", "errored", *["succeeded"] * 7]
    assert results[0]["result"]["message"]["content"] == [{"type": "text", "text": "All is well. "}]
    assert results[1]["result"]["error"]["error"]["type"] == "invalid_request_error"


def test_the_events_of_a_session_are_a_turn_of_an_agent(server: FaultServer) -> None:
    assert [event["type"] for event in _events(_get(server, _SESSION.format("ok")))] == [
        "user.message",
        "session.status_running",
        "ping",
        "span.model_request_start",
        *_AGENT,
        "span.model_request_end",
        "session.status_idle",
    ]


def test_the_content_of_a_file_is_not_text(server: FaultServer) -> None:
    response, body = _ask(server, "GET", _FILE.format("ok"))
    assert body == _PIECE * DEFAULT_EVENTS
    assert response.getheader("content-type") == "application/octet-stream"


@pytest.mark.parametrize("path", _PATHS)
def test_a_stream_has_as_many_pieces_as_a_message_of_the_same_name_has_events(server: FaultServer, path: str) -> None:
    counted = {
        name: len(_pieces(path, _get(server, path.format(name)))) for name in ("ok", "ok:1", "ok:2000", "slow:1")
    }
    assert counted == {"ok": 9, "ok:1": 6, "ok:2000": 2005, "slow:1": 9}


def test_a_completion_has_as_many_events_as_a_message_of_the_same_name(server: FaultServer) -> None:
    events = {name: _events(_complete(server, name, stream=True)) for name in ("ok", "ok:1", "ok:2000", "thinking")}
    assert {name: len(found) - 1 for name, found in events.items()} == {
        "ok": 9,
        "ok:1": 6,
        "ok:2000": 2005,
        "thinking": 9,
    }


# Broken bodies


@pytest.mark.parametrize("path", _PATHS)
@pytest.mark.parametrize("k", range(DEFAULT_EVENTS))
def test_a_stream_is_cut_cleanly_after_any_number_of_pieces(server: FaultServer, path: str, k: int) -> None:
    cut, closed, whole = (_get(server, path.format(name)) for name in (f"cut@{k}", f"eof@{k}", "ok"))
    if path == _LINES:
        cut, closed = (body.replace(name, b"ok") for body, name in ((cut, b"cut@%d" % k), (closed, b"eof@%d" % k)))
    assert _pieces(path, cut) == _pieces(path, closed) == _pieces(path, whole)[:k]


@pytest.mark.parametrize("k", range(DEFAULT_EVENTS))
def test_results_break_off_in_the_middle_of_a_line(server: FaultServer, k: int) -> None:
    with pytest.raises(IncompleteRead) as caught:
        _get(server, _LINES.format(f"fin_length@{k}"))
    *whole, half = caught.value.partial.split(b"\n")
    assert (len(whole), half[:14]) == (k, b'{"custom_id":"')
    # The SDK hands lines out when it has 64 bytes more.
    assert len(half) >= 64


@pytest.mark.parametrize("name", ["bad_json", "bad_utf8"])
def test_a_file_has_no_bytes_that_are_wrong(server: FaultServer, name: str) -> None:
    assert _get(server, _FILE.format(name)) == _PIECE * DEFAULT_EVENTS


# Requests that are wrong


@pytest.mark.parametrize("path", ["/v1/messages/batches/{}", *_PATHS])
def test_an_id_that_is_not_a_scenario_is_not_found_and_the_message_helps(server: FaultServer, path: str) -> None:
    status, error_type, message = _error(_ask(server, "GET", path.format("no%40id")))
    assert (status, error_type) == (404, "not_found_error")
    assert message.startswith("id 'no@id' is not a scenario: ")
    assert message.endswith("`midstream faults --list` and `midstream.faults.FAMILIES` list the scenarios")


@pytest.mark.parametrize("path", [_LINES, _FILE])
@pytest.mark.parametrize("name", ["in_band", "in_band_text@0", "in_band_bare@8"])
def test_what_is_not_an_event_stream_has_no_errors_in_band(server: FaultServer, path: str, name: str) -> None:
    told = f"this stream has no errors in band: name a scenario other than {name.partition('@')[0]}"
    assert _error(_ask(server, "GET", path.format(name))) == (400, "invalid_request_error", told)


@pytest.mark.parametrize(
    "path",
    ["/v1/messages/batches", "/v1/messages/batches/", "/v1/messages/batches/a/b", "/v1/files/ok", "/v1/sessions/ok"],
)
def test_what_is_not_streamed_is_not_an_endpoint(server: FaultServer, path: str) -> None:
    assert _error(_ask(server, "GET", path)) == (404, "not_found_error", f"no endpoint: GET {path}")


def test_a_batch_does_not_know_where_its_results_are_if_the_client_does_not_say(server: FaultServer) -> None:
    with closing(HTTPConnection(server.host, server.port, timeout=_PATIENCE)) as connection:
        connection.putrequest("GET", "/v1/messages/batches/ok", skip_host=True)
        connection.endheaders()
        response = connection.getresponse()
        told = _error((response, response.read()))
    assert told == (400, "invalid_request_error", "the request must have a host header")


# What the SDK makes of it


@dataclass(frozen=True)
class _Style:
    """A way to request a stream. `read` appends what it gets to a list, which is there when it raises."""

    operation: Operation
    read: Callable[[Any, str, list[Any]], None]
    streamed: bool = True


def _message(sdk: Any, name: str, items: list[Any]) -> None:
    items.append(sdk.messages.create(model=name, max_tokens=64, messages=_HELLO))


def _token_count(sdk: Any, name: str, items: list[Any]) -> None:
    items.append(sdk.messages.count_tokens(model=name, messages=_HELLO))


def _completions(sdk: Any, name: str, items: list[Any]) -> None:
    for item in sdk.completions.create(model=name, max_tokens_to_sample=64, prompt="Hi", stream=True):
        items.append(item)


def _one_completion(sdk: Any, name: str, items: list[Any]) -> None:
    items.append(sdk.completions.create(model=name, max_tokens_to_sample=64, prompt="Hi"))


def _batch_results(sdk: Any, name: str, items: list[Any]) -> None:
    for item in sdk.messages.batches.results(name):
        items.append(item)


def _session_events(sdk: Any, name: str, items: list[Any]) -> None:
    for item in sdk.beta.sessions.events.stream(name):
        items.append(item)


def _download(sdk: Any, name: str, items: list[Any]) -> None:
    items += _pieces(_FILE, sdk.beta.files.download(name).read())


def _streamed_download(sdk: Any, name: str, items: list[Any]) -> None:
    with sdk.beta.files.with_streaming_response.download(name) as response:
        for data in response.iter_bytes():
            items += _pieces(_FILE, data)


_NO_COMPLETIONS = pytest.mark.skipif(
    not find_spec("anthropic.resources.completions"), reason="this version of the SDK has no legacy completions"
)
_NO_SESSIONS = pytest.mark.skipif(
    not find_spec("anthropic.resources.beta.sessions"), reason="this version of the SDK does not know sessions"
)
_NO_FILES = pytest.mark.skipif(
    not find_spec("anthropic.resources.beta.files"), reason="this version of the SDK does not know files"
)

_STYLES = [
    pytest.param(_Style("chat", _message, False), id="one_message"),
    pytest.param(_Style("count_tokens", _token_count, False), id="token_count"),
    pytest.param(_Style("text_completion", _completions), id="completions", marks=_NO_COMPLETIONS),
    pytest.param(_Style("text_completion", _one_completion, False), id="one_completion", marks=_NO_COMPLETIONS),
    pytest.param(_Style("batch_results", _batch_results), id="batch_results"),
    pytest.param(_Style("session_events", _session_events), id="session_events", marks=_NO_SESSIONS),
    pytest.param(_Style("file_download", _download, False), id="download", marks=_NO_FILES),
    pytest.param(_Style("file_download", _streamed_download), id="streamed_download", marks=_NO_FILES),
]
_BROKEN = ("reset", "fin", "fin_length", "bad_chunk", "stall", "bad_gzip", "bad_json", "bad_utf8")
_UNNOTICED = ("unnamed_error", "unnamed", "no_blank_line", "html", "envelope")
"""What the SDK delivers does not show how these end, or has another number of pieces than a whole answer."""

_NAMES = sorted(
    {
        *{one.family: one.name for one in map(parse, EXAMPLES) if one.family not in _UNNOTICED}.values(),
        *(f"{family}@{k}" for family in _BROKEN for k in (0, 1, 8)),
        *(f"{family}@{k}" for family in ("in_band", "cut", "eof") for k in (0, 8)),
    }
)


def _told(style: _Style, items: list[Any], error: Exception | None) -> Expectation:
    """How the call ended, from what the application got."""
    if error is None:
        whole = style.operation != "text_completion" or any(item.stop_reason for item in items)
        if whole:
            return Expectation(Outcome.COMPLETED)
        return Expectation(Outcome.TRUNCATED, "stream_truncated", phase=Phase.CONTENT if items else Phase.OPENING)
    failure = classify(error)
    before = failure.outcome in (Outcome.HTTP_ERROR, Outcome.CONNECTION_ERROR)
    return Expectation(
        failure.outcome,
        failure.error_type,
        failure.status_code,
        failure.reported_status_code,
        failure.leaked,
        failure.misreported,
        Phase.REQUEST if before else Phase.CONTENT if items else Phase.OPENING,
    )


def _delivered(style: _Style, scenario: Scenario, expected: Expectation) -> int:
    """How many pieces the application gets."""
    completed = expected.outcome is Outcome.COMPLETED
    if not style.streamed and style.operation != "file_download":
        return int(completed)
    if expected.phase is Phase.REQUEST or not (style.streamed or completed):
        return 0
    harmless = style.operation == "file_download" and scenario.family in ("bad_json", "bad_utf8")
    return DEFAULT_EVENTS if scenario.k is None or harmless else scenario.k


@pytest.mark.parametrize("name", _NAMES)
@pytest.mark.parametrize("style", _STYLES)
def test_a_stream_ends_as_its_scenario_says(server: FaultServer, style: _Style, name: str) -> None:
    scenario = parse(name)
    items: list[Any] = []
    error: Exception | None = None
    with client(server, scenario) as sdk:
        try:
            style.read(sdk, name, items)
        except Exception as raised:  # noqa: BLE001 - the exception is what is looked at
            error = raised
    expected = expectation_of(scenario, style.operation, streamed=style.streamed)
    assert _told(style, items, error) == replace(expected, error_type=expected.error_type_for(HTTP_PACKAGE))
    assert len(items) == _delivered(style, scenario, expected), "if the family changes the number: see _UNNOTICED"


@_NO_SESSIONS
def test_an_id_is_unquoted(server: FaultServer) -> None:
    name = "in_band:an odd/{type}?@0"
    with client(server, parse(name)) as sdk, pytest.raises(anthropic.APIStatusError) as caught:
        _session_events(sdk, name, [])
    body: Any = caught.value.body
    assert body["error"]["type"] == "an odd/{type}?"


def test_the_sdk_knows_the_types_of_what_it_gets(server: FaultServer) -> None:
    results: list[Any] = []
    with client(server, parse("ok")) as sdk:
        _batch_results(sdk, "ok", results)
    assert {type(item.result).__name__ for item in results} == {
        "MessageBatchSucceededResult",
        "MessageBatchErroredResult",
    }


@_NO_SESSIONS
def test_the_sdk_knows_the_events_of_a_session(server: FaultServer) -> None:
    items: list[Any] = []
    with client(server, parse("ok")) as sdk:
        _session_events(sdk, "ok", items)
    assert len({type(item).__name__ for item in items}) == DEFAULT_EVENTS
    # The SDK does not check what it gets. Its classes do.
    assert [type(item)(**item.model_dump()) for item in items] == items
