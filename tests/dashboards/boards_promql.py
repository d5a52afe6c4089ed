"""The PromQL of the boards, as trees."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Final

import promql_parser

from source import names, prices
from source.recording import RECORDED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import timedelta

__all__ = (
    "KNOWN",
    "RATE_INTERVAL",
    "describe",
    "labels_of",
    "metrics_read",
    "nodes",
    "parsed",
    "unknown_labels",
    "unknown_metrics",
)

KNOWN: Final[Mapping[str, frozenset[str]]] = {**names.LABELS, **names.NATIVE, **RECORDED, **prices.LABELS}
"""By name of a series, exported or recorded, the labels that it can have."""

_WINDOWS: Final = {"$__rate_interval": "11m11s", "$__range": "22m22s", "$__interval": "33s"}
RATE_INTERVAL: Final[timedelta] = promql_parser.parse_duration(_WINDOWS["$__rate_interval"])
"""Stands for `$__rate_interval` in a tree. No other window is as long."""

_FILTERS: Final = ("and", "unless")
_MANY_TO_ONE: Final = promql_parser.VectorMatchCardinality.ManyToOne

_MAKES: Final[Mapping[str, Callable[[int], range]]] = {
    "label_replace": lambda _arguments: range(3, 4),
    "label_join": lambda arguments: range(3, arguments),
}
"""Functions that create the label in their second argument, with the places of the labels that they read."""


@cache
def parsed(expression: str) -> promql_parser.Expr:
    """The tree of `expression`, with windows in place of Grafana's variables. Raises `ValueError`."""
    for name, window in _WINDOWS.items():
        expression = expression.replace(name, window)
    return promql_parser.parse(expression)


def nodes(
    tree: promql_parser.Expr, parents: tuple[promql_parser.Expr, ...] = ()
) -> Iterator[tuple[Any, tuple[Any, ...]]]:
    """Every node of `tree`, and the nodes above it, outermost first. The matrix of a selector is above the selector."""
    yield tree, parents
    for child in _children(tree):
        yield from nodes(child, (*parents, tree))


def _children(node: promql_parser.Expr) -> Iterator[promql_parser.Expr]:
    match node:
        case promql_parser.AggregateExpr():
            yield node.expr
            if isinstance(node.param, promql_parser.Expr):
                yield node.param
        case promql_parser.BinaryExpr():
            yield node.lhs
            yield node.rhs
        case promql_parser.Call():
            yield from node.args
        case promql_parser.MatrixSelector():
            yield node.vector_selector
        case promql_parser.ParenExpr() | promql_parser.UnaryExpr() | promql_parser.SubqueryExpr():
            yield node.expr
        case promql_parser.VectorSelector() | promql_parser.NumberLiteral() | promql_parser.StringLiteral():
            return
        case _:
            message = f"no idea what is below a {type(node).__name__}"
            raise TypeError(message)


def describe(node: promql_parser.Expr) -> str:
    """`node` in one line."""
    return " ".join(node.prettify().split())


def metrics_read(tree: promql_parser.Expr) -> frozenset[str]:
    """The names of the series that `tree` selects."""
    return frozenset(node.name or "" for node, _ in nodes(tree) if isinstance(node, promql_parser.VectorSelector))


def unknown_metrics(tree: promql_parser.Expr) -> frozenset[str]:
    """The selected series that neither the instrumentation nor the rules create."""
    return metrics_read(tree) - KNOWN.keys()


def unknown_labels(tree: promql_parser.Expr) -> frozenset[str]:
    """The labels that `tree` matches, groups by or reads, and that the series there cannot have."""
    return frozenset(label for node, _ in nodes(tree) for label in _asked(node) - _had(node))


def labels_of(tree: promql_parser.Expr) -> frozenset[str] | None:
    """The labels that the series of `tree` can have. `None` for a number or a text."""
    match tree:
        case promql_parser.NumberLiteral() | promql_parser.StringLiteral():
            return None
        case promql_parser.AggregateExpr():
            assert tree.modifier is None or tree.modifier.type == promql_parser.AggModifierType.By, tree.prettify()
            return _asked(tree)
        case promql_parser.Call() if tree.func.name in _MAKES:
            return _had(tree) | {tree.args[1].val}
        case promql_parser.Call() if tree.func.name == "histogram_quantile":
            return _had(tree) - {"le"}
        case promql_parser.BinaryExpr() if str(tree.op) in _FILTERS or (
            tree.modifier and tree.modifier.card == _MANY_TO_ONE
        ):
            return labels_of(tree.lhs)
        case _:
            return _had(tree)


def _had(node: promql_parser.Expr) -> frozenset[str]:
    """The labels that the operand of `node` can have."""
    if isinstance(node, promql_parser.VectorSelector):
        assert not node.matchers.or_matchers, node.prettify()  # an extension that Prometheus does not have
        return KNOWN.get(node.name or "", frozenset())
    found = [labels for child in _children(node) if (labels := labels_of(child)) is not None]
    return frozenset[str].intersection(*found) if found else frozenset()


def _asked(node: promql_parser.Expr) -> frozenset[str]:
    """The labels that `node` itself names."""
    match node:
        case promql_parser.VectorSelector():
            return frozenset(matcher.name for matcher in node.matchers.matchers)
        case promql_parser.AggregateExpr():
            return frozenset(node.modifier.labels if node.modifier else ())
        case promql_parser.BinaryExpr() if node.modifier is not None:
            matching = node.modifier.matching.labels if node.modifier.matching else []
            return frozenset((*matching, *(node.modifier.group_labels or ())))
        case promql_parser.Call() if node.func.name in _MAKES:
            return frozenset(node.args[place].val for place in _MAKES[node.func.name](len(node.args)))
        case _:
            return frozenset()
