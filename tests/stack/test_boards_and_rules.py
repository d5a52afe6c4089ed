"""Every query of the boards and rules, over three routes: scraped, through a scraped collector, and over OTLP."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Final

import pytest

from dashboards.prometheus import get_json
from stack.application import ENVIRONMENT
from stack.queries import answer, board_queries, labels_of, rule_queries, same
from support.programs import eventually, needed

if TYPE_CHECKING:
    from stack.backends import Backends
    from stack.traffic import Traffic

pytestmark = pytest.mark.timeout(900)

NOT_HERE: Final = ("Money lost: ", "midstream:failing:")
"""What needs prices, and several services that fail."""


@cache
def queries() -> dict[str, str]:
    found = {**board_queries(), **rule_queries()}
    return {name: query for name, query in found.items() if not any(part in name for part in NOT_HERE)}


@pytest.mark.parametrize("route", ["scraped", "pushed", "direct"])
def test_every_query_has_data(traffic: Traffic, route: str) -> None:
    empty = [name for name, query in queries().items() if not answer(traffic.stores[route], query, traffic.at)]
    assert empty == []


@pytest.mark.parametrize("route", ["scraped", "pushed", "direct"])
def test_rules_count_every_call(traffic: Traffic, route: str) -> None:
    query = "round(sum by (midstream_outcome) (midstream:operations:rate5m) * 300) > 0"
    found = answer(traffic.stores[route], query, traffic.counted_at)
    assert {dict(labels)["midstream_outcome"]: count for labels, count in found.items()} == traffic.outcomes


@pytest.mark.parametrize("route", ["scraped", "pushed", "direct"])
def test_rules_have_the_environment_of_the_resource(traffic: Traffic, route: str) -> None:
    found = traffic.stores[route].now("count by (deployment_environment_name) (midstream:calls:rate5m)")
    assert [series.labels for series in found] == [{"deployment_environment_name": ENVIRONMENT}]


@pytest.mark.parametrize("route", ["scraped", "direct"])
def test_every_query_returns_the_same_as_over_otlp(traffic: Traffic, route: str) -> None:
    different: dict[str, object] = {}
    for name, query in queries().items():
        here, there = (answer(traffic.stores[of], query, traffic.at) for of in (route, "pushed"))
        if not same(here, there):
            different[name] = (here, there)
    assert different == {}


@pytest.mark.parametrize("route", ["scraped", "pushed", "direct"])
def test_every_rule_is_healthy(traffic: Traffic, route: str) -> None:
    groups = traffic.stores[route].get("rules")["groups"]
    rules = [rule for group in groups for rule in group["rules"]]
    assert rules
    assert [rule for rule in rules if rule["health"] != "ok"] == []


def test_the_same_alerts_fire_on_each_route(traffic: Traffic) -> None:
    def the_same() -> None:
        found = [_firing(store.get("alerts")["alerts"]) for store in traffic.stores.values()]
        assert found[0]
        assert found[0] == found[1] == found[2]

    eventually(the_same)


def test_what_fires_reaches_alertmanager(on: Backends, traffic: Traffic) -> None:
    if on.stack.alertmanager() is None:
        needed("prometheus-alertmanager", "prometheus-alertmanager")

    def arrived() -> None:
        alerts = get_json(f"{on.alertmanager}/api/v2/alerts")
        assert {alert["labels"]["alertname"] for alert in alerts} == {
            name for name, _labels in _firing(traffic.stores["pushed"].get("alerts")["alerts"])
        }

    eventually(arrived)


def _firing(alerts: list[Any]) -> set[tuple[str, frozenset[tuple[str, str]]]]:
    return {
        (alert["labels"]["alertname"], labels_of(alert["labels"])) for alert in alerts if alert["state"] == "firing"
    }
