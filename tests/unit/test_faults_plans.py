"""Plans: what happens to the next requests of a running server, whatever model they name; and its log of them."""

from __future__ import annotations

import json
import threading
from contextlib import closing
from http.client import HTTPConnection, HTTPResponse
from typing import TYPE_CHECKING, Any

import pytest

from midstream.faults import End, FaultServer, Served

if TYPE_CHECKING:
    from collections.abc import Iterator

_PATIENCE = 30.0
_REAL = "claude-some-model"


@pytest.fixture(name="server")
def server_() -> Iterator[FaultServer]:
    with FaultServer() as running:
        yield running


def _ask(connection: HTTPConnection, model: str = _REAL, *, stream: bool = False, resends: int = 0) -> HTTPResponse:
    body = json.dumps({"model": model, "stream": stream})
    connection.request("POST", "/v1/messages", body, {"x-stainless-retry-count": str(resends), "x-api-key": "secret"})
    return connection.getresponse()


def _answers(server: FaultServer, *models: str, resends: int = 0) -> list[int]:
    """The statuses of the answers to requests for `models`, one after the other."""
    statuses: list[int] = []
    for model in models:
        with closing(HTTPConnection(server.host, server.port, timeout=_PATIENCE)) as connection:
            response = _ask(connection, model, resends=resends)
            statuses.append(response.status)
            response.read()
    return statuses


def _played(server: FaultServer) -> list[str | None]:
    return [served.scenario for served in server.requests]


# Sequences


def test_each_request_gets_the_next_scenario_whatever_model_it_names(server: FaultServer) -> None:
    server.script("http:rate_limit_error", "ok", "http_html:503")
    assert _answers(server, _REAL, "reset@4", _REAL) == [429, 200, 503]
    assert _played(server) == ["http:rate_limit_error", "ok", "http_html:503"]


def test_after_the_plan_scenarios_apply_and_other_models_get_a_whole_answer(server: FaultServer) -> None:
    server.script("http")
    assert _answers(server, _REAL, _REAL, "http:api_error") == [529, 200, 500]
    assert _played(server) == ["http", "ok", "http:api_error"]


def test_without_a_plan_an_unknown_model_is_refused_and_nothing_is_played(server: FaultServer) -> None:
    assert _answers(server, _REAL) == [404]
    server.script()
    assert _answers(server, _REAL) == [200]
    server.plan = None
    assert _answers(server, _REAL) == [404]
    assert _played(server) == [None, "ok", None]


def test_a_sequence_can_begin_again_after_its_last(server: FaultServer) -> None:
    server.script("http", "ok", repeat=True)
    assert _answers(server, *[_REAL] * 5) == [529, 200, 529, 200, 529]


def test_the_answer_is_of_the_requested_model(server: FaultServer) -> None:
    server.script("ok:2", "tool_use")
    with closing(HTTPConnection(server.host, server.port, timeout=_PATIENCE)) as connection:
        messages: list[dict[str, Any]] = [json.loads(_ask(connection).read()) for _ in range(2)]
        assert [(message["model"], message["stop_reason"]) for message in messages] == [
            (_REAL, "end_turn"),
            (_REAL, "tool_use"),
        ]
        assert f'"model":"{_REAL}"' in _ask(connection, stream=True).read().decode()


def test_retry_stays_until_the_attempt_that_it_names(server: FaultServer) -> None:
    server.script("retry:3", "http_html:503")
    assert [_answers(server, _REAL, resends=resends) for resends in (0, 1, 2, 0)] == [[529], [529], [200], [503]]


def test_a_script_replaces_the_one_before_while_the_server_runs(server: FaultServer) -> None:
    server.script("http", "http", "http")
    assert _answers(server, _REAL) == [529]
    server.script("http_html:503")
    assert _answers(server, _REAL, _REAL) == [503, 200]


@pytest.mark.parametrize("names", [("ok", "in_bandd"), ("reset@9",), ("",)])
def test_a_name_that_is_not_a_scenario_is_refused_at_once_and_changes_nothing(
    server: FaultServer, names: tuple[str, ...]
) -> None:
    server.script("http")
    with pytest.raises(ValueError, match=rf"^scenario '{names[-1]}' is not a scenario: .*`midstream faults --list`"):
        server.script(*names)
    assert _answers(server, _REAL) == [529]


def test_requests_that_no_scenario_answers_take_none(server: FaultServer) -> None:
    server.script("http")
    with closing(HTTPConnection(server.host, server.port, timeout=_PATIENCE)) as connection:
        for method, path, body, status in (
            ("POST", "/v1/messages", "{}", 400),
            ("GET", "/v1/models", None, 404),
            ("GET", "/v1/messages/batches/msgbatch_1", None, 200),
        ):
            connection.request(method, path, body)
            response = connection.getresponse()
            assert response.status == status
            response.read()
    assert _answers(server, _REAL) == [529]


def test_the_results_of_a_batch_get_what_is_planned(server: FaultServer) -> None:
    server.script("http:api_error")
    with closing(HTTPConnection(server.host, server.port, timeout=_PATIENCE)) as connection:
        connection.request("GET", "/v1/messages/batches/msgbatch_1/results")
        assert connection.getresponse().status == 500


def test_as_many_threads_as_may_be_get_each_scenario_once(server: FaultServer) -> None:
    count = 24
    server.script(*["http:api_error"] * count)
    threads = [threading.Thread(target=_answers, args=(server, _REAL, _REAL)) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(map(str, _played(server))) == ["http:api_error"] * count + ["ok"] * count


# The log


def test_the_log_has_an_entry_for_each_request_in_order(server: FaultServer) -> None:
    server.script("http")
    _answers(server, _REAL, resends=1)
    _answers(server, "hangup_", "ok")
    path = "/v1/messages"
    assert server.requests == (
        Served(1, "POST", path, _REAL, "http", resends=1, status=529, end=End.PLAYED),
        Served(2, "POST", path, "hangup_", "ok", resends=0, status=200, end=End.PLAYED),
        Served(3, "POST", path, "ok", "ok", resends=0, status=200, end=End.PLAYED),
    )


def test_what_is_not_a_request_is_in_the_log_too(server: FaultServer) -> None:
    with closing(HTTPConnection(server.host, server.port, timeout=_PATIENCE)) as connection:
        connection.request("POST", "/v1/messages?key=secret", headers={"transfer-encoding": "chunked"})
        assert connection.getresponse().status == 400
    assert server.requests == (Served(1, "", "", None, None, 0, 400, End.PLAYED),)


def test_an_entry_says_when_the_client_left_and_when_the_server_was_stopped() -> None:
    ended: list[Served] = []
    left = threading.Event()

    def tell(served: Served) -> None:
        ended.append(served)
        left.set()

    with FaultServer(tell=tell) as server:
        server.script("slow:20", "slow:60000")
        with closing(HTTPConnection(server.host, server.port, timeout=_PATIENCE)) as connection:
            _ask(connection, stream=True).close()
        assert left.wait(_PATIENCE)
        waiting = HTTPConnection(server.host, server.port, timeout=_PATIENCE)
        response = _ask(waiting, stream=True)
        assert server.requests[1].end is End.PLAYING
    response.close()
    waiting.close()
    assert [served.end for served in ended] == [End.LEFT, End.STOPPED]
    assert server.requests == tuple(ended)


def test_a_server_that_is_started_again_begins_a_new_log() -> None:
    server = FaultServer()
    for _ in range(2):
        with server:
            _answers(server, "ok")
        assert [served.number for served in server.requests] == [1]
