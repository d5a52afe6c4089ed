"""The queries of the shipped boards and rules."""

from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING, Any, Final

import promql_parser
import yaml

from dashboards.boards_promql import describe, metrics_read
from dashboards.shipped import DASHBOARDS
from source.boards import interpolate

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dashboards.prometheus import Store

__all__ = ("Answer", "answer", "board_queries", "labels_of", "rule_queries", "same", "sooner")

Answer = dict[frozenset[tuple[str, str]], float]
"""By labels, the values of the series that a query returns."""

_WINDOW: Final = "10m"
"""What boards show: it goes back to before the first call."""
_OF_THE_ROUTE: Final = frozenset({"instance", "otel_scope_name", "otel_scope_version", "otel_scope_schema_url"})
"""Labels that depend on the route."""
_PARTS: Final = frozenset({"and", "or", "unless", ">", "<", ">=", "<=", "==", "!="})
_CLOSE: Final = 0.1
"""How far apart two values of `rate()` may be: their samples are at different times."""


def sooner(text: str) -> str:
    """Queries or rules whose subqueries have steps of a minute, where theirs are so long that a test would be empty."""
    return re.sub(r"\[\w+:(5m|30m|1h)\]", "[10m:1m]", text)


def board_queries() -> dict[str, str]:
    """By board, panel and reference, each query to Prometheus as Grafana asks it."""
    return {
        f"{path.stem}: {panel['title']}: {target['refId']}": sooner(interpolate(target["expr"], window=_WINDOW))
        for path in sorted((DASHBOARDS / "grafana").glob("*.json"))
        for panel in _panels(json.loads(path.read_text(encoding="utf-8"))["panels"])
        for target in panel.get("targets", ())
        if target["datasource"]["type"] == "prometheus"
    }


def _panels(panels: list[Any]) -> Iterator[Any]:
    for panel in panels:
        yield panel
        yield from _panels(panel.get("panels", []))


def rule_queries() -> dict[str, str]:
    """By group and rule, what each recorded series is made of, and what each alert compares.

    An alert that does not fire is empty; what it compares is not.
    """
    found: dict[str, str] = {}
    for path in sorted((DASHBOARDS / "prometheus").glob("*.yaml")):
        for group in yaml.safe_load(sooner(path.read_text(encoding="utf-8")))["groups"]:
            for rule in group["rules"]:
                if "record" in rule:
                    found[f"{group['name']}: {rule['record']}"] = rule["expr"]
                else:
                    for part in _compared(promql_parser.parse(rule["expr"])):
                        found[f"{group['name']}: {rule['alert']}: {part}"] = part
    return found


def _compared(tree: Any) -> Iterator[str]:
    match tree:
        case promql_parser.ParenExpr():
            yield from _compared(tree.expr)
        case promql_parser.BinaryExpr() if str(tree.op) in _PARTS:
            yield from _compared(tree.lhs)
            yield from _compared(tree.rhs)
        case _ if metrics_read(tree):
            yield describe(tree)
        case _:  # a limit
            return


def answer(store: Store, expression: str, at: float) -> Answer:
    """What `expression` is at that time, without the labels that depend on the route. NaN is not a value."""
    found: Answer = {}
    for series in store.get("query", query=expression, time=at)["result"]:
        value = float(series["value"][1])
        if not math.isnan(value):
            found[labels_of(series["metric"])] = value
    return found


def labels_of(labels: Mapping[str, str]) -> frozenset[tuple[str, str]]:
    """All of `labels` but those that depend on the route."""
    return frozenset((name, value) for name, value in labels.items() if name not in _OF_THE_ROUTE)


def same(one: Mapping[Any, float], other: Mapping[Any, float]) -> bool:
    """Whether two answers have the same series, with the same values as far as those can be the same."""
    return one.keys() == other.keys() and all(math.isclose(one[key], other[key], rel_tol=_CLOSE) for key in one)
