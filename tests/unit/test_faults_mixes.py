"""Mixes, rules and latency: which scenarios they choose for which requests, and how they are written."""

from __future__ import annotations

import json
import time
from collections import Counter
from contextlib import closing
from http.client import HTTPConnection
from typing import Any

import pytest

from midstream.faults import FaultServer, Latency, Mix, Rules, Sequence, Waits, for_any, for_key, for_model
from midstream.faults._http_request import HttpRequest
from midstream.faults._texts import latency, mix, plan

_DRAWS = 5_000
_REQUEST = HttpRequest("POST", "/v1/messages")


def _chosen(plan: Any, model: str = "claude", **headers: str) -> str | None:
    named = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    scenario = plan.choose(HttpRequest("POST", "/v1/messages", headers=named), model)
    return None if scenario is None else scenario.name


def _draws(plan: Mix, count: int = _DRAWS) -> list[str | None]:
    return [_chosen(plan) for _ in range(count)]


# Mixes


def test_a_mix_gives_each_scenario_its_share_and_leaves_the_rest_alone() -> None:
    drawn = Counter(_draws(Mix({"reset@2": 5, "http:rate_limit_error": 12.5, "stall@0": 0}, seed=1)))
    assert set(drawn) == {"reset@2", "http:rate_limit_error", None}
    assert drawn["reset@2"] / _DRAWS == pytest.approx(0.05, rel=0.2)
    assert drawn["http:rate_limit_error"] / _DRAWS == pytest.approx(0.125, rel=0.2)


def test_a_fault_without_a_place_comes_at_every_place_there_is() -> None:
    drawn = Counter(_draws(Mix({"in_band:rate_limit_error": 100}, seed=1)))
    assert set(drawn) == {f"in_band:rate_limit_error@{k}" for k in range(9)}
    assert min(drawn.values()) / _DRAWS == pytest.approx(1 / 9, rel=0.3)


def test_the_same_seed_draws_the_same_and_another_does_not() -> None:
    first, again, other = (_draws(Mix({"in_band": 50, "cut": 20}, seed), 200) for seed in (7, 7, 8))
    assert first == again != other


def test_shares_may_be_all_there_is() -> None:
    assert None not in _draws(Mix(dict.fromkeys(("ok", "cut@1", "http"), 100 / 3), seed=1), 1000)


@pytest.mark.parametrize(
    ("shares", "message"),
    [
        ({"in_band": 60, "reset": 40.5}, "the shares must be 100 % at most together, not 100.5 %"),
        ({"in_band": -1}, "the share of in_band must be from 0 to 100 %, not -1 %"),
        ({"in_band": float("nan")}, "the share of in_band must be from 0 to 100 %, not nan %"),
        ({"in_bandd": 5}, "scenario 'in_bandd' is not a scenario: "),
    ],
)
def test_a_mix_that_cannot_be_is_refused(shares: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}"):
        Mix(shares)


def test_a_server_draws_again_for_each_request() -> None:
    with (
        FaultServer(plan=mix("http:api_error=50%", seed=3)) as server,
        closing(HTTPConnection(server.host, server.port)) as connection,
    ):
        statuses: list[int] = []
        for _ in range(40):
            connection.request("POST", "/v1/messages", json.dumps({"model": "claude"}))
            response = connection.getresponse()
            response.read()
            statuses.append(response.status)
    drawn = _draws(mix("http:api_error=50%", seed=3), 40)
    assert statuses == [200 if name is None else 500 for name in drawn]
    assert set(statuses) == {200, 500}


# Rules


def test_the_first_rule_that_matches_decides_even_if_its_plan_is_used_up() -> None:
    rules = Rules(
        (
            for_model("claude-haiku-*", Sequence(["reset", "ok"])),
            for_any(Sequence(["http"], repeat=True)),
        )
    )
    chosen = [_chosen(rules, model) for model in ("claude-haiku-4-5", "claude-opus-4-1", *["claude-haiku-4-5"] * 2)]
    assert chosen == ["reset", "http", "ok", None]


def test_a_request_that_no_rule_matches_gets_no_fault() -> None:
    assert _chosen(Rules((for_model("claude-haiku-*", Sequence(["reset"])),)), "claude") is None


@pytest.mark.parametrize("headers", [{"X_Api_Key": "sk-ant-91bc"}, {"authorization": "Bearer sk-ant-91bc"}])
def test_a_rule_for_a_key_looks_at_its_end(headers: dict[str, str]) -> None:
    rules = Rules((for_key("91bc", Sequence(["reset"], repeat=True)),))
    assert _chosen(rules, **headers) == "reset"
    assert _chosen(rules, x_api_key="sk-ant-91bd") is None
    assert _chosen(rules, x_other="sk-ant-91bc") is None
    assert _chosen(rules) is None


def test_a_request_does_not_show_its_headers() -> None:
    assert "secret" not in repr(HttpRequest("POST", "/", b"secret", query="secret", headers=(("x-api-key", "secret"),)))


# As they are written


def test_a_plan_is_a_mix_if_there_are_shares_in_it_and_a_script_otherwise() -> None:
    script = plan(" in_band , ok:2 ", repeat=True)
    assert [_chosen(script) for _ in range(3)] == ["in_band", "ok:2", "in_band"]
    assert _draws(mix("in_band=5.5% , reset@2=2%", 1), 99) == _draws(Mix({"in_band": 5.5, "reset@2": 2}, 1), 99)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("in_band=5", r"'in_band=5' must be a scenario and its share, such as in_band=5%"),
        ("in_band=5%,", r"'' must be a scenario and its share"),
        ("in_band=-5%", r"'in_band=-5%' must be"),
        ("=5%", r"'=5%' must be"),
        ("in_band=5%,in_band=6%", r"in_band is there twice"),
        ("in_band=60%,reset=41%", r"the shares must be 100 % at most together, not 101 %"),
        ("in_band,", r"scenario '' is not a scenario"),
        ("", r"scenario '' is not a scenario"),
    ],
)
def test_a_text_that_is_not_a_plan_is_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}"):
        plan(text)


# Latency


def test_a_latency_is_drawn_between_its_ends() -> None:
    drawn = latency("first=300ms,between=0.02s..80ms", seed=5)
    assert [drawn.first() for _ in range(3)] == [0.3] * 3
    waits = [drawn.between() for _ in range(1000)]
    assert 0.02 <= min(waits) < 0.03
    assert 0.07 < max(waits) <= 0.08
    again = latency("first=300ms,between=20ms..80ms", seed=5)
    assert [again.between() for _ in range(1000)] == waits


@pytest.mark.parametrize(
    "text", ["", "first", "first=300", "last=1s", "first=1s,first=2s", "between=2s..1s", "first=601s", "first=1ms.."]
)
def test_a_text_that_is_not_a_latency_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must "):
        latency(text)


@pytest.mark.parametrize(("least", "most"), [(-1.0, 1.0), (2.0, 1.0), (0.0, float("nan"))])
def test_waits_that_cannot_be_are_refused(least: float, most: float) -> None:
    with pytest.raises(ValueError, match="a wait must be"):
        Waits(least, most)


@pytest.mark.parametrize("model", ["ok", "in_band@8", "cut@8"])
def test_an_answer_takes_as_long_as_its_latency_says_at_least(model: str) -> None:
    latency = Latency(first=Waits(0.05, 0.05), between=Waits(0.01, 0.02))
    with (
        FaultServer(latency=latency) as server,
        closing(HTTPConnection(server.host, server.port)) as connection,
    ):
        begin = time.perf_counter()
        connection.request("POST", "/v1/messages", json.dumps({"model": model, "stream": True}))
        response = connection.getresponse()
        first = time.perf_counter() - begin
        response.read()
        whole = time.perf_counter() - begin
    assert first >= 0.05
    assert whole >= 0.05 + 8 * 0.01
