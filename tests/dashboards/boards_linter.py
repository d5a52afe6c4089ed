"""The rules of Grafana's dashboard-linter, by its names."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import promql_parser

from dashboards.boards_json import asks, panels_of, targets_of, tree_of, trees_of, uid_of, variables_of
from dashboards.boards_promql import RATE_INTERVAL, describe, nodes
from dashboards.grammars import faults_in

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dashboards.boards_json import Board, Rule

__all__ = ("LINTER_RULES",)

_UNITS: Final = ("none", "string", "short", "percent", "percentunit", "s", "ms", "ns", "reqps", "ops", "bytes")
"""The units of the linter's list that boards like these may need."""

_DATASOURCES: Final = {"datasource": "Data source"} | {
    f"{kind}_datasource": f"{kind.title()} data source" for kind in ("prometheus", "loki", "tempo")
}
_COUNTING: Final = ("rate", "irate", "increase")
_LABEL_QUERY: Final = re.compile(r"([a-z_]+)\((.+)\)")
_LABEL_FUNCTIONS: Final = ("label_names", "label_values", "metrics", "query_result")


def _template_datasource(board: Board) -> Iterator[str]:
    found = variables_of(board, "datasource")
    if not found:
        yield "no variable for the data source"
    for variable in found:
        if variable["name"] not in _DATASOURCES:
            yield f"the data source is called {variable['name']}"
        if variable["label"] not in _DATASOURCES.values():
            yield f"the data source is labelled {variable['label']}"


def _template(name: str) -> Rule:
    def rule(board: Board) -> Iterator[str]:
        variable = next((one for one in board["templating"]["list"] if one["name"] == name), None)
        if variable is None:
            yield f"no variable {name}"
            return
        if uid_of(variable) not in {f"${{{one}}}" for one in _DATASOURCES}:
            yield f"{name} asks the data source {uid_of(variable)}"
        if variable["type"] != "query":
            yield f"{name} is of type {variable['type']}"
        if variable["label"] != name.title():
            yield f"{name} is labelled {variable['label']}"
        if not variable["multi"]:
            yield f"{name} does not allow several values"
        if variable["allValue"] != ".+":
            yield f"All of {name} is {variable['allValue']}"

    return rule


def _template_label_promql(board: Board) -> Iterator[str]:
    for variable in variables_of(board, "query"):
        query = variable["query"]["query"]
        found = _LABEL_QUERY.fullmatch(query)
        if found is None or found.group(1) not in _LABEL_FUNCTIONS:
            yield f"{variable['name']} asks {query}"
            continue
        selector = found.group(2).rpartition(", ")[0]
        if isinstance(tree_of(selector), str):
            yield f"{variable['name']} selects {selector}"


def _template_on_time_change_reload(board: Board) -> Iterator[str]:
    for variable in variables_of(board, "query"):
        if variable["refresh"] != 2:
            yield f"{variable['name']} is not asked again when the time changes"


def _panel_datasource(board: Board) -> Iterator[str]:
    for panel in panels_of(board):
        if uid_of(panel) not in {f"${{{one}}}" for one in _DATASOURCES}:
            yield f"{panel['title']!r} asks the data source {uid_of(panel)}"


def _panel_title_description(board: Board) -> Iterator[str]:
    for panel in panels_of(board):
        if not panel.get("title") or not panel.get("description"):
            yield f"panel {panel['id']} has no title or no description"


def _panel_units(board: Board) -> Iterator[str]:
    for panel in panels_of(board):
        config = panel["fieldConfig"]
        special = [p["value"] for one in config["overrides"] for p in one["properties"] if p["id"] == "unit"]
        for unit in (config["defaults"].get("unit"), *special):
            if unit not in _UNITS:
                yield f"{panel['title']!r} has the unit {unit}"


def _panel_no_targets(board: Board) -> Iterator[str]:
    for panel in panels_of(board):
        if not panel.get("targets"):
            yield f"{panel['title']!r} asks nothing"


def _target_logql(board: Board) -> Iterator[str]:
    for place, target in targets_of(board):
        if asks(target, "loki"):
            yield from (f"{place}: {fault}" for fault in faults_in("logql", target["expr"]))


def _target_logql_auto(board: Board) -> Iterator[str]:
    for place, target in targets_of(board):
        if asks(target, "loki"):
            yield from (f"{place} has [{w}]" for w in re.findall(r"\[(.*?)\]", target["expr"]) if w != "$__auto")


def _target_promql(board: Board) -> Iterator[str]:
    for place, target in targets_of(board):
        if asks(target) and isinstance(tree := tree_of(target["expr"]), str):
            yield f"{place}: {tree}"


def _target_rate_interval(board: Board) -> Iterator[str]:
    for place, tree in trees_of(board):
        for node, parents in nodes(tree):
            if not isinstance(node, promql_parser.MatrixSelector) or node.range == RATE_INTERVAL:
                continue
            if parents[-1].func.name in {"rate", "irate"}:
                yield f"{place}: {describe(parents[-1])} is not over $__rate_interval"


def _target_matcher(label: str) -> Rule:
    def rule(board: Board) -> Iterator[str]:
        for place, tree in trees_of(board):
            for node, _ in nodes(tree):
                if isinstance(node, promql_parser.VectorSelector) and not _matches(node, label):
                    yield f"{place}: {describe(node)} is not chosen by {label}"

    return rule


def _matches(selector: promql_parser.VectorSelector, label: str) -> bool:
    wanted = (label, promql_parser.MatchOp.Re, f"${label}")
    return wanted in ((matcher.name, matcher.op, matcher.value) for matcher in selector.matchers.matchers)


def _target_counter_agg(board: Board) -> Iterator[str]:
    # The linter checks the end of a selector's text, so only selectors without matchers. This checks all.
    for place, tree in trees_of(board):
        for node, parents in nodes(tree):
            if not isinstance(node, promql_parser.VectorSelector) or not (node.name or "").endswith("_total"):
                continue
            names = [parent.func.name for parent in parents[-2:] if isinstance(parent, promql_parser.Call)]
            if not any(name in _COUNTING for name in names):
                yield f"{place}: {describe(node)} is a counter, and is taken as it is"


def _uneditable_dashboard(board: Board) -> Iterator[str]:
    if board.get("editable", True):
        yield "can be edited"


LINTER_RULES: Final[Mapping[str, Rule]] = {
    "template-datasource-rule": _template_datasource,
    "template-job-rule": _template("job"),
    "template-instance-rule": _template("instance"),
    "template-label-promql-rule": _template_label_promql,
    "template-on-time-change-reload-rule": _template_on_time_change_reload,
    "panel-datasource-rule": _panel_datasource,
    "panel-title-description-rule": _panel_title_description,
    "panel-units-rule": _panel_units,
    "panel-no-targets-rule": _panel_no_targets,
    "target-logql-rule": _target_logql,
    "target-logql-auto-rule": _target_logql_auto,
    "target-promql-rule": _target_promql,
    "target-rate-interval-rule": _target_rate_interval,
    "target-job-rule": _target_matcher("job"),
    "target-instance-rule": _target_matcher("instance"),
    "target-counter-agg-rule": _target_counter_agg,
    "uneditable-dashboard-rule": _uneditable_dashboard,
}
