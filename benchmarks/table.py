"""Figures as lines of text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from figures import Figure

__all__ = ("HEADER", "row")

HEADER: Final = (
    f"{'':72} {'bare':>10} {'added':>9} {'quartiles':>18} {'by hand':>9} {'control':>9}    "
    f"{'ratio':>7} {'quartiles':>15}  goal"
)


def row(figure: Figure) -> str:
    """One figure. Below it, for a call, what it tells, what that costs here, and what the goals are here."""
    told, unit = figure.comparison, figure.unit
    said = None if figure.budget is None else figure.budget.by_hand
    line = (
        f"{figure.key:72} {_number(told.bare.median):>10} {_number(told.added.median):>9}"
        f" {_number(told.added.low):>8} ..{_number(told.added.high):>7}"
        f" {'' if said is None else _number(said.median):>9} {_number(told.control.median):>9} {unit:2}"
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
    return f"{' and '.join(most)}: {_VERDICTS[figure.reached] if figure.is_clear else 'unclear'}"


def _budget(figure: Figure) -> str:
    budget, unit = figure.budget, figure.unit
    if budget is None:
        return ""
    counts = ((budget.records, "records"), (budget.spans, "spans"), (budget.logs, "log events"))
    costs = [f"the floor {budget.floor:.0f} {unit}"]
    if budget.by_hand is not None and budget.own is not None:
        said, own = budget.by_hand, budget.own
        costs += [
            f"by hand {said.median:.0f} {unit} ({said.low:.0f} .. {said.high:.0f})",
            f"its own {own.median:.0f} {unit} ({own.low:.0f} .. {own.high:.0f})",
        ]
    telemetry = " + ".join(f"{count:g} {what}" for count, what in counts if count) or "tells nothing"
    goals = (
        ("the floor", budget.goal, figure.reached_by_floor),
        ("what is said by hand", budget.goal_by_hand, figure.reached_by_hand),
    )
    here = [
        f"the goal here, by {measure}: {goal:.0f} {unit}, {_VERDICTS[reached]}"
        for measure, goal, reached in goals
        if goal is not None and figure.goal is not None
    ]
    least = f"{telemetry}: {', '.join(costs)}"
    return f"{'':4}{'; '.join([least, *here])}"


def _number(value: float) -> str:
    return f"{value:,.2f}" if abs(value) < _FEW else f"{value:,.0f}"


_VERDICTS: Final = {True: "reached", False: "not reached", None: ""}

_FEW: Final = 10
