"""A row of `midstream.faults.FAMILIES` is all that a new fault needs, and every row sends what it always sent."""

from __future__ import annotations

import json
from hashlib import sha256
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, get_args
from urllib.parse import quote

import pytest

from midstream._cli.demo.command import DemoOptions
from midstream._cli.demo.command import run as demo
from midstream._outcomes import Outcome, Phase
from midstream._telemetry.operation import Operation as RecordedOperation
from midstream.faults import (
    DEFAULT_EVENTS,
    FAMILIES,
    Expectation,
    Family,
    FaultProxy,
    FaultServer,
    Operation,
    Sequence,
    _scenarios,
    expectation_of,
    parse,
)
from midstream.faults import _scripts as scripts
from midstream.faults._family import Proxied
from midstream.faults._http_request import HttpRequest
from midstream.faults._routes import script_for
from midstream.faults._script import Ending, Kind, Script
from midstream.faults._scripts import Case
from support.clients import client

if TYPE_CHECKING:
    from collections.abc import Iterator

OPERATIONS: tuple[Operation, ...] = get_args(Operation)


def requests(name: str) -> Iterator[HttpRequest]:
    """A request for the scenario at every endpoint, streamed and not."""
    for streamed in (True, False):
        body = json.dumps({"model": name, "stream": streamed}).encode()
        for path in ("/v1/messages", "/v1/complete", "/v1/messages/count_tokens"):
            yield HttpRequest("POST", path, body)
    for path in ("/v1/messages/batches/{}/results", "/v1/sessions/{}/events/stream", "/v1/files/{}/content"):
        yield HttpRequest("GET", path.format(quote(name, safe="")))


def completed(_argument: str, _phase: Phase) -> Expectation:
    return Expectation(Outcome.COMPLETED)


def add(monkeypatch: pytest.MonkeyPatch, family: Family) -> None:
    monkeypatch.setattr(_scenarios, "FAMILIES", MappingProxyType({**FAMILIES, family.name: family}))


def events(server: FaultServer, model: str) -> list[str]:
    """The types of the events that the SDK's stream has for `model`."""
    with client(server, parse("ok")) as caller:
        messages: Any = caller.messages
        with messages.create(model=model, max_tokens=9, messages=[], stream=True) as stream:
            return [event.type for event in stream]


def test_the_operations_match_the_telemetry() -> None:
    assert list(OPERATIONS) == [operation.value for operation in RecordedOperation]


# A row is all that a new fault needs


def test_a_row_with_only_an_end_is_answered_whole_everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    add(monkeypatch, Family("brand_new", "something new", completed))
    for asked, like in zip(requests("brand_new"), requests("ok"), strict=True):
        new, old = script_for(asked, 1), script_for(like, 1)
        assert (new.scenario, new.model) == ("brand_new", "brand_new")
        assert [frame.replace(b"brand_new", b"ok").partition(b"\r\n")[2] for frame in new.frames] == [
            frame.partition(b"\r\n")[2] for frame in old.frames
        ]
    for operation in OPERATIONS:
        assert expectation_of(parse("brand_new"), operation) == Expectation(Outcome.COMPLETED)


def test_a_row_s_script_is_for_every_kind_of_body_except_those_that_it_names(monkeypatch: pytest.MonkeyPatch) -> None:
    hung_up = Expectation(Outcome.CONNECTION_ERROR, "of_a_new_kind", phase=Phase.REQUEST)
    row = Family(
        "brand_new",
        "something new",
        lambda _argument, _phase: hung_up,
        script=lambda _case: Script(ending=Ending.RESET),
        instead={Kind.BYTES: scripts.whole},
        otherwise={"file_download": completed},
    )
    add(monkeypatch, row)
    *others, file = (script_for(asked, 1) for asked in requests("brand_new"))
    assert {(script.head, script.ending) for script in others} == {(b"", Ending.RESET)}
    assert file.status == 200
    ends = {operation: expectation_of(parse("brand_new"), operation).outcome for operation in OPERATIONS}
    assert ends == {**dict.fromkeys(OPERATIONS, Outcome.CONNECTION_ERROR), "file_download": Outcome.COMPLETED}


def test_the_server_and_the_demo_take_a_row_as_it_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ends = parse("cut@2").expectation
    row = Family("brand_new", "something new", lambda _argument, _phase: ends, script=scripts.cut, placed=True)
    add(monkeypatch, row)
    with FaultServer() as server:
        assert events(server, "brand_new@2") == ["message_start", "content_block_start"]
    assert [served.scenario for served in server.requests] == ["brand_new@2"]
    assert demo(DemoOptions(as_json=True, only=("brand_new@2",), serve=False, port=0, otlp=None)) == 0
    (entry,) = json.loads(capsys.readouterr().out)["faults"]
    assert (entry["fault"], entry["explanation"]) == ("brand_new@2", "something new")
    assert entry["sync"]["really"]["outcome"] == "truncated"


# What the proxy does for a row


def proxied(monkeypatch: pytest.MonkeyPatch, row: Family, name: str) -> tuple[list[str], list[str | None], int]:
    """The events that the client gets, the scenario that the proxy logs, and how often the upstream was asked."""
    add(monkeypatch, row)
    with FaultServer(plan=Sequence(["ok"], repeat=True)) as upstream, FaultProxy(upstream.url) as proxy:
        proxy.script(name)
        got = events(proxy, "claude-any")
    return got, [served.scenario for served in proxy.requests], len(upstream.requests)


def test_a_row_without_a_place_breaks_the_whole_answer_of_an_upstream(monkeypatch: pytest.MonkeyPatch) -> None:
    got, scenarios, asked = proxied(monkeypatch, Family("brand_new", "something new", completed), "brand_new")
    assert (len(got), scenarios, asked) == (DEFAULT_EVENTS, ["brand_new"], 1)


def test_a_row_with_a_place_breaks_the_answer_of_an_upstream_there(monkeypatch: pytest.MonkeyPatch) -> None:
    row = Family("brand_new", "something new", completed, script=scripts.cut, placed=True)
    got, scenarios, asked = proxied(monkeypatch, row, "brand_new@1")
    assert (got, scenarios, asked) == (["message_start"], ["brand_new@1"], 1)


def test_a_row_can_pass_the_answer_of_an_upstream_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    row = Family("brand_new", "something new", completed, script=scripts.cut, proxied=Proxied.PASSED)
    got, scenarios, asked = proxied(monkeypatch, row, "brand_new")
    assert (len(got), scenarios, asked) == (DEFAULT_EVENTS, ["brand_new"], 1)


def test_a_row_can_do_without_the_upstream(monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(case: Case) -> Script:
        return case.document("text/event-stream", b'event: message_stop\ndata: {"type":"message_stop"}\n\n')

    row = Family("brand_new", "something new", completed, script=answer, proxied=Proxied.NOT_ASKED)
    got, scenarios, asked = proxied(monkeypatch, row, "brand_new")
    assert (got, scenarios, asked) == (["message_stop"], ["brand_new"], 0)


def test_a_scenario_of_an_unlisted_family_is_answered_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    add(monkeypatch, Family("brand_new", "something new", completed))
    scenario = parse("brand_new")
    monkeypatch.undo()
    assert _scenarios.play(Case(scenario, Kind.JSON, 1, 0)).status == 200
    assert expectation_of(scenario, "chat").outcome is Outcome.COMPLETED


SENT = {
    "ok": "1c782ce7d6e3a507",
    "tool_use": "db004deb36681574",
    "thinking": "7ffcfbfac4af97bf",
    "retry": "296a28e72f54dcda",
    "slow": "78938315713c9452",
    "in_band": "53a362799f6e9ac5",
    "in_band_text": "d233ac64cb4b6b9d",
    "in_band_bare": "939cb45c0aa2d251",
    "unnamed_error": "3d2360f65366d6f0",
    "unnamed": "b5d108ec7a6fab42",
    "no_blank_line": "0f5f1d519a0d136e",
    "html": "f90a66ee376d36b6",
    "envelope": "f659d0cfdb50fda3",
    "http": "2ab814523db0f3be",
    "http_html": "c1a8ae14620e4e37",
    "reset": "488ee1b2f3603243",
    "fin": "af95f469ae075374",
    "fin_length": "cdc82a5b7c7bd014",
    "bad_chunk": "d24d7ed2e49989c7",
    "stall": "96699f0688b08e3c",
    "cut": "9e9c51241bfc6aee",
    "eof": "94a6b9d43faf8cca",
    "bad_json": "d497ab9d4e1c9406",
    "bad_utf8": "0978bd45ddb9d097",
    "hangup": "d953fd28fa3e3a84",
    "silent": "0cba4bf54a66dd19",
}
"""By family, the digest of all that is sent for it. Tests that play a scenario rely on its bytes.

The data of `bad_gzip` depends on the zlib of the interpreter.
"""


@pytest.mark.parametrize("family", SENT)
def test_what_is_sent_for_a_family_stays_as_it_is_byte_for_byte(family: str) -> None:
    row, digest = FAMILIES[family], sha256()
    placed = [f"@{k}" for k in range(DEFAULT_EVENTS)] if row.placed else [""]
    for name in (family + place for place in placed):
        for number, request in enumerate(requests(name), start=1):
            script = script_for(request, number)
            sent = (script.head, script.frames, script.fault, script.ending.value, script.pause)
            digest.update(repr(sent).encode())
    assert digest.hexdigest()[:16] == SENT[family]
