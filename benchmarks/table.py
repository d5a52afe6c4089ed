"""Figures as lines of text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from figures import Figure

__all__ = ("HEADER", "row")

HEADER: Final = (
    f"{'':72} {'bare':>10} {'added':>9} {'quartiles':>18} {'control':>9}    {'ratio':>7} {'quartiles':>15}  goal"
)


def row(figure: Figure) -> str:
    """One figure. Below it, for a call, what it tells and the least that that costs here."""
    told, unit = figure.comparison, figure.unit
    line = (
        f"{figure.key:72} {_number(told.bare.median):>10} {_number(told.added.median):>9}"
        f" {_number(told.added.low):>8} ..{_number(told.added.high):>7} {_number(told.control.median):>9} {unit:2}"
        f" {told.ratio.median:7.4f} {told.ratio.low:6.4f} .. {told.ratio.high:6.4f}  {_goal(figure)}"
    )
    return f"{line}\n{_budget(figure)}" if figure.budget is not None else line


def _goal(figure: Figure) -> str:
    if figure.goal is None:
        return ""
    most = [
        *([f"{figure.goal.added:,.0f} {figure.unit}"] if figure.goal.added is not None else []),
        *([f"{figure.goal.ratio:.4g}"] if figure.goal.ratio is not None else []),
    ]
    return f"{' and '.join(most)}: {'reached' if figure.reached else 'not reached'}"


def _budget(figure: Figure) -> str:
    budget = figure.budget
    if budget is None:
        return ""
    parts = [
        f"{count:g} {what}"
        for count, what in ((budget.records, "records"), (budget.spans, "spans"), (budget.logs, "log events"))
        if count
    ]
    goal = "" if budget.goal is None else f"; the goal on this machine: {budget.goal:.0f} {figure.unit}"
    rest = figure.comparison.added.median - budget.floor
    return (
        f"{'':4}{' + '.join(parts) or 'tells nothing'}: {budget.floor:.0f} {figure.unit} of it are the floor,"
        f" {rest:.0f} {figure.unit} its own{goal}"
    )


def _number(value: float) -> str:
    return f"{value:,.2f}" if abs(value) < _FEW else f"{value:,.0f}"


_FEW: Final = 10
