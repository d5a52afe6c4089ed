"""Access to a board's JSON, for the rules."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

import promql_parser

from dashboards.boards_promql import parsed
from source.states import asked

__all__ = (
    "SHOWING",
    "Board",
    "Rule",
    "asks",
    "panels_of",
    "targets_of",
    "tree_of",
    "trees_of",
    "uid_of",
    "variables_of",
)

Board = dict[str, Any]

Rule = Callable[[Board], Iterator[str]]
"""Takes a board, and yields its defects."""

SHOWING: Final = ("stat", "singlestat", "graph", "table", "timeseries", "gauge")
"""The types of panels that show something."""


def panels_of(board: Board) -> list[Any]:
    """The panels that show something."""
    return [panel for panel in board["panels"] if panel["type"] in SHOWING]


def targets_of(board: Board) -> Iterator[tuple[str, Any]]:
    """The targets of all panels, each with its place in words."""
    for panel in panels_of(board):
        for place, target in enumerate(panel.get("targets") or ()):
            yield f"{panel['title']!r}, target {place}", target


def asks(thing: Any, kind: str = "prometheus") -> bool:
    """Whether a panel, a target or a variable queries a data source of this kind."""
    source: dict[str, str] | None = thing.get("datasource")
    return source is None or source["type"] == kind


def trees_of(board: Board) -> Iterator[tuple[str, promql_parser.Expr]]:
    """The queries in PromQL that can be parsed. `target-promql-rule` reports the others."""
    for place, target in targets_of(board):
        if not asks(target):
            continue
        tree = tree_of(target["expr"])
        if isinstance(tree, promql_parser.Expr):
            yield place, tree


def tree_of(expression: str) -> promql_parser.Expr | str:
    """The tree of an expression, without the part that explains a missing number, or its error."""
    try:
        return parsed(asked(expression))
    except ValueError as error:
        return str(error)


def variables_of(board: Board, kind: str) -> list[Any]:
    """The variables of this type."""
    return [variable for variable in board["templating"]["list"] if variable["type"] == kind]


def uid_of(thing: Any) -> str | None:
    """The data source of a panel or a variable."""
    source: dict[str, str] | None = thing.get("datasource")
    return source["uid"] if source else None
