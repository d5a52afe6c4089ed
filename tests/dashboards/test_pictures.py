"""What can be tested about the pictures of the boards without drawing them."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from pictures.asking import ProblemError, Prometheus, Span, asks_prometheus

DASHBOARDS = Path(__file__).parents[2] / "dashboards"
PICTURES = DASHBOARDS / "pictures"
BOARDS = [
    path for path in sorted((DASHBOARDS / "grafana").glob("*.json")) if asks_prometheus(json.loads(path.read_text()))
]

TEN_MINUTES = Span(1_000, 1_600)


@dataclass(frozen=True)
class Recorded(Prometheus):
    """Keeps its requests."""

    asked: list[tuple[str, dict[str, object]]] = field(default_factory=list[tuple[str, dict[str, object]]])

    def get(self, path: str, **parameters: object) -> Any:
        self.asked.append((path, parameters))
        return {"result": []}


def board(*targets: dict[str, Any], **panel: Any) -> dict[str, Any]:
    return {
        "uid": "one",
        "templating": {"list": [{"type": "query", "name": "job", "allValue": ".*"}, {"type": "datasource"}]},
        "panels": [{"id": 7, "title": "Calls", "targets": list(targets), **panel}],
    }


def queries(one: dict[str, Any]) -> list[tuple[str, dict[str, object]]]:
    prometheus = Recorded("http://nowhere.invalid")
    assert list(prometheus.answers(one, TEN_MINUTES)) == [7]
    return prometheus.asked


def test_a_query_is_sent_as_a_grafana_would_with_all_of_everything() -> None:
    expression = 'sum(rate(x{job=~"$job"}[$__rate_interval])) / sum(increase(x{a="$b"}[${__range}]))'
    assert queries(board({"refId": "A", "expr": expression})) == [
        (
            "query_range",
            {
                "query": 'sum(rate(x{job=~".*"}[60s])) / sum(increase(x{a="$b"}[600s]))',
                "start": 990,
                "end": 1_600,
                "step": 15,
            },
        )
    ]


def test_an_instant_query_is_for_the_end_of_the_time() -> None:
    target = {"refId": "A", "expr": "x", "instant": True}
    assert queries(board(target)) == [("query", {"query": "x", "time": 1_600})]


@pytest.mark.parametrize(("interval", "step", "rate"), [("1s", 15, 60), ("1m", 60, 75), ("1h", 3_600, 3_615)])
def test_a_panel_can_have_its_points_further_apart(interval: str, step: int, rate: int) -> None:
    ((_, asked),) = queries(board({"refId": "A", "expr": "rate(x[$__rate_interval])"}, interval=interval))
    assert (asked["step"], asked["query"]) == (step, f"rate(x[{rate}s])")


def test_a_panel_can_have_few_points() -> None:
    ((_, asked),) = queries(board({"refId": "A", "expr": "x"}, maxDataPoints=10))
    assert asked["step"] == 60


def test_an_interval_that_cannot_be_read_is_reported_with_board_and_panel() -> None:
    with pytest.raises(ProblemError, match=r"^one: Calls: .*soon"):
        queries(board({"refId": "A", "expr": "x"}, interval="soon"))


def test_a_server_that_is_not_there_is_reported_with_board_and_panel() -> None:
    with pytest.raises(ProblemError, match=r"^one: Calls: http://127\.0\.0\.1:1: "):
        Prometheus("http://127.0.0.1:1").answers(board({"refId": "A", "expr": "x"}), TEN_MINUTES)


@pytest.mark.parametrize("path", BOARDS, ids=lambda path: path.stem)
def test_every_panel_is_of_a_type_that_can_be_drawn(path: Path) -> None:
    drawn = set(re.findall(r"^  (\w+): \{ component:", (PICTURES / "panels.jsx").read_text(), re.MULTILINE))
    assert "timeseries" in drawn
    assert {panel["type"] for panel in json.loads(path.read_text())["panels"]} <= drawn | {"row"}


def test_there_are_boards_to_draw() -> None:
    assert BOARDS


def test_every_package_has_one_version_and_the_hash_of_its_content_and_no_address() -> None:
    wanted = json.loads((PICTURES / "package.json").read_text())["dependencies"]
    locked = json.loads((PICTURES / "package-lock.json").read_text())["packages"]
    assert locked.pop("")["dependencies"] == wanted
    assert {name: locked[f"node_modules/{name}"]["version"] for name in wanted} == wanted
    assert [name for name, package in locked.items() if "resolved" in package] == []
    assert [name for name, package in locked.items() if not package.get("integrity", "").startswith("sha512-")] == []
