"""Our own rules for boards, beside those of Grafana's dashboard-linter."""

from __future__ import annotations

import re
from collections import Counter
from itertools import combinations
from typing import TYPE_CHECKING, Any, Final, cast

import promql_parser

from dashboards.boards_json import asks, panels_of, targets_of, tree_of, trees_of, variables_of
from dashboards.boards_promql import describe, labels_of, metrics_read, nodes
from source import names
from source.links import CALLS
from source.prices import LABELS as PRICES
from source.states import asked
from source.streams import LOGS, TRACES, variable_of
from source.variables import CHOICES, NAMES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dashboards.boards_json import Board, Rule

__all__ = ("OWN_RULES",)

_CORE: Final = ("stat", "table", "timeseries", "row", "logs", "traces")
"""The types of panels that the boards may have. All are part of Grafana."""

_GRID: Final = 24
_SCHEMA: Final = 39
_UID: Final = re.compile("[a-z0-9-]{8,40}")
_BOARD_LINK: Final = re.compile(r"/d/([a-z0-9-]+)\?")
_OF_CALLS: Final = ("outcome", "error_type")
_OF_NO_CALLS: Final = ("Streams in flight", "Saved by retries")
"""Open streams have not ended, and a trace does not say what a retry has saved."""
_VARIABLE_OF_LINK: Final = re.compile(r"\$\{(\w+):queryparam\}|var-(\w+)=")


def _classic(board: Board) -> Iterator[str]:
    wanted = {"id": None, "schemaVersion": _SCHEMA}
    yield from (f"{name} is {board.get(name)}" for name, value in wanted.items() if board.get(name, ...) != value)
    yield from (f"has {name}" for name in ("__inputs", "__requires", "__elements", "spec") if name in board)
    if not isinstance(board["refresh"], str):
        yield "refresh is not a text"
    if not _UID.fullmatch(board["uid"]):
        yield f"the uid is {board['uid']}"


def _unique(board: Board) -> Iterator[str]:
    for what, found in (
        ("id", [panel["id"] for panel in board["panels"]]),
        ("title", [panel["title"] for panel in board["panels"]]),
        ("variable", [variable["name"] for variable in board["templating"]["list"]]),
        *(("refId", [target["refId"] for target in panel.get("targets", ())]) for panel in panels_of(board)),
    ):
        yield from (f"{what} {value!r} is there {times} times" for value, times in Counter(found).items() if times > 1)


def _grid(board: Board) -> Iterator[str]:
    for panel in board["panels"]:
        place = panel["gridPos"]
        if place["x"] < 0 or place["y"] < 0 or min(place["w"], place["h"]) < 1 or place["x"] + place["w"] > _GRID:
            yield f"{panel['title']!r} is outside the grid"
    for one, other in combinations(board["panels"], 2):
        if all(_meets(one["gridPos"], other["gridPos"], *axis) for axis in (("x", "w"), ("y", "h"))):
            yield f"{one['title']!r} and {other['title']!r} overlap"


def _meets(one: Mapping[str, int], other: Mapping[str, int], start: str, size: str) -> bool:
    return one[start] < other[start] + other[size] and other[start] < one[start] + one[size]


def _core_panels(board: Board) -> Iterator[str]:
    for panel in board["panels"]:
        if panel["type"] not in _CORE:
            yield f"{panel['title']!r} is of type {panel['type']}"


def _no_address(board: Board) -> Iterator[str]:
    yield from (f"has the address {text}" for text in _texts(board) if "://" in text)


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from _texts(list(cast("dict[str, object]", value).values()))
    elif isinstance(value, list):
        for one in cast("list[object]", value):
            yield from _texts(one)


def _data_source_everywhere(board: Board) -> Iterator[str]:
    known = [{"type": "prometheus", "uid": "${datasource}"}]
    known += [{"type": kind, "uid": f"${{{variable_of(kind)}}}"} for kind in (TRACES, LOGS)]
    own = {f"${{{variable['name']}}}" for variable in variables_of(board, "datasource")}
    asking = [*targets_of(board), *((variable["name"], variable) for variable in variables_of(board, "query"))]
    for place, thing in asking:
        source = thing.get("datasource")
        if source not in known or source["uid"] not in own:
            yield f"{place} asks {thing.get('datasource')}"


def _choices(board: Board) -> Iterator[str]:
    found = [variable["name"] for variable in board["templating"]["list"]]
    wanted = ["datasource", *(choice.name for choice in CHOICES)]
    if found[: len(wanted)] != wanted:
        yield f"the variables are {', '.join(found)}"
    for variable in variables_of(board, "query"):
        for name, value in {"allValue": ".*", "includeAll": True, "multi": True}.items():
            if variable.get(name) != value:
                yield f"{name} of {variable['name']} is {variable.get(name)}"


def _chosen_by_all(board: Board) -> Iterator[str]:
    for place, tree in trees_of(board):
        for node, _ in nodes(tree):
            if isinstance(node, promql_parser.VectorSelector):
                found = {(matcher.name, matcher.value) for matcher in node.matchers.matchers}
                labels = PRICES.get(node.name or "", {choice.label for choice in CHOICES})
                for choice in CHOICES:
                    if choice.label in labels and (choice.label, f"${choice.name}") not in found:
                        yield f"{place}: {describe(node)} is not chosen by {choice.name}"


def _guarded_division(board: Board) -> Iterator[str]:
    for place, tree in trees_of(board):
        for node, _ in nodes(tree):
            if isinstance(node, promql_parser.BinaryExpr) and str(node.op) == "/" and not _is_guarded(node.rhs):
                yield f"{place}: {describe(node.rhs)} can be zero"


def _is_guarded(divisor: promql_parser.Expr) -> bool:
    while isinstance(divisor, promql_parser.ParenExpr):
        divisor = divisor.expr
    if isinstance(divisor, promql_parser.NumberLiteral):
        return divisor.val != 0
    return (
        isinstance(divisor, promql_parser.BinaryExpr)
        and str(divisor.op) == ">"
        and isinstance(divisor.rhs, promql_parser.NumberLiteral)
        and divisor.rhs.val == 0
    )


def _le_kept(board: Board) -> Iterator[str]:
    for place, tree in trees_of(board):
        for node, _ in nodes(tree):
            is_quantile = isinstance(node, promql_parser.Call) and node.func.name == "histogram_quantile"
            native = metrics_read(node) <= names.NATIVE.keys()
            if is_quantile and not native and "le" not in (labels_of(node.args[1]) or ()):
                yield f"{place}: {describe(node)} has no le"


def _metrics_named(board: Board) -> Iterator[str]:
    for panel in filter(asks, panels_of(board)):
        trees = [tree for target in panel["targets"] if isinstance(tree := tree_of(target["expr"]), promql_parser.Expr)]
        read = sorted(frozenset[str]().union(*map(metrics_read, trees)))
        sentence, _, told = panel["description"].rpartition(" Metric: ")
        if told != ", ".join(read):
            yield f"{panel['title']!r} does not end with the metrics {', '.join(read)}"
        if not sentence.endswith("."):
            yield f"{panel['title']!r} is not described in a sentence"


def _says_when_empty(board: Board) -> Iterator[str]:
    for panel in panels_of(board):
        if not panel["fieldConfig"]["defaults"].get("noValue"):
            yield f"{panel['title']!r} does not say when there is nothing"


def _no_idle_thresholds(board: Board) -> Iterator[str]:
    for panel in panels_of(board):
        defaults = panel["fieldConfig"]["defaults"]
        shown = defaults["color"]["mode"] == "thresholds" or _draws_thresholds(defaults)
        if ("thresholds" in defaults) != shown:
            yield f"{panel['title']!r} has thresholds that are not visible, or shows some that it does not have"


def _draws_thresholds(defaults: Mapping[str, Any]) -> bool:
    drawn: str = defaults.get("custom", {}).get("thresholdsStyle", {}).get("mode", "off")
    return drawn != "off"


def _whole_tables(board: Board) -> Iterator[str]:
    for panel in filter(asks, panels_of(board)):
        if panel["type"] != "table":
            continue
        targets = panel["targets"]
        (organize,) = [one["options"] for one in panel["transformations"] if one["id"] == "organize"]
        values = {f"Value #{target['refId']}" for target in targets} if len(targets) > 1 else {"Value"}
        trees = [tree for target in targets if isinstance(tree := tree_of(target["expr"]), promql_parser.Expr)]
        found = {label for tree in trees for label in labels_of(tree) or ()} | values
        named = organize["renameByName"]
        yield from (f"{panel['title']!r} shows no {one}" for one in sorted(found - named.keys()))
        yield from (f"{panel['title']!r} has no {one} to show" for one in sorted(named.keys() - found))
        special = [one["matcher"]["options"] for one in panel["fieldConfig"]["overrides"]]
        sorting = [one["displayName"] for one in panel["options"]["sortBy"]]
        for title in {*special, *sorting} - set(named.values()):
            yield f"{panel['title']!r} has no column {title}"


def _links(board: Board) -> Iterator[str]:
    wanted = {"type": "dashboards", "tags": board["tags"], "includeVars": True, "keepTime": True}
    for link in board["links"]:
        if {name: link[name] for name in wanted} != wanted:
            yield f"the link {link['title']!r} does not lead on to the boards, with time and variables"
    if not board["links"]:
        yield "no link to the other boards"
    own = {variable["name"] for variable in board["templating"]["list"]}
    for address in (text for text in _texts(board["panels"]) if text.startswith("/")):
        named = {one or other for one, other in _VARIABLE_OF_LINK.findall(address)}
        there = {*NAMES, *(_OF_CALLS if address.startswith(f"/d/{CALLS}?") else ())}
        kept = own if board["uid"] == CALLS else set(NAMES)
        if not _BOARD_LINK.match(address) or "${__url_time_range}" not in address or not kept <= named <= own | there:
            yield f"{address} loses the time or a variable"


def _leads_on(board: Board) -> Iterator[str]:
    """Each panel that counts calls leads to their traces and log events."""
    counting = (panel for panel in filter(asks, panels_of(board)) if panel["title"] not in _OF_NO_CALLS)
    for panel in () if board["uid"] == CALLS else counting:
        if not any(text.startswith(f"/d/{CALLS}?") for text in _texts(panel)):
            yield f"{panel['title']!r} leads to no trace and no log event"


def _why_not(board: Board) -> Iterator[str]:
    """Each tile says why it has no number."""
    for panel in filter(asks, panels_of(board)):
        expression = panel["targets"][0].get("expr", "")
        if panel["type"] == "stat" and asked(expression) == expression:
            yield f"{panel['title']!r} does not say why it has no number"


def _trend(board: Board) -> Iterator[str]:
    """Each tile has a line of how its number became what it is."""
    for panel in panels_of(board):
        over_time = [target for target in panel.get("targets", ()) if target.get("range") or _over_time(target)]
        if panel["type"] == "stat" and not (over_time and panel["options"]["graphMode"] == "area"):
            yield f"{panel['title']!r} has no trend"


def _over_time(target: Mapping[str, str]) -> bool:
    return target.get("queryType") == "range"


OWN_RULES: Final[Mapping[str, Rule]] = {
    "classic": _classic,
    "unique": _unique,
    "grid": _grid,
    "core-panels": _core_panels,
    "no-address": _no_address,
    "data-source-everywhere": _data_source_everywhere,
    "choices": _choices,
    "chosen-by-all": _chosen_by_all,
    "guarded-division": _guarded_division,
    "le-kept": _le_kept,
    "metrics-named": _metrics_named,
    "says-when-empty": _says_when_empty,
    "no-idle-thresholds": _no_idle_thresholds,
    "whole-tables": _whole_tables,
    "links": _links,
    "leads-on": _leads_on,
    "why-not": _why_not,
    "trend": _trend,
}
