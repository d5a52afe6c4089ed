"""A figure: something measured, with what it may cost and what it cannot cost less than. Also as JSON."""

from __future__ import annotations

import dataclasses
import json
import platform
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from measuring import Comparison, Spread
    from subjects import Subject

__all__ = ("Budget", "Figure", "Goal", "environment", "to_json")

_TOLD = ("anthropic", "opentelemetry-api", "opentelemetry-sdk", "wrapt")


@dataclass(frozen=True)
class Goal:
    """The most that something may add, in the unit of its figure, and the most that it may be a multiple of bare."""

    added: float | None = None
    ratio: float | None = None


@dataclass(frozen=True)
class Budget:
    """What a call tells, and what that costs on this machine at least."""

    records: float
    """Measurements that are recorded."""
    spans: float
    logs: float
    attributes: float
    """On the span of the call, whoever made it."""
    floor: float
    """What OpenTelemetry takes for all that in a loop of nothing else, in the unit of the figure."""
    goal: float | None
    """What may be added, on this machine: the goal is for one with the floor of `floor.REFERENCE`."""
    by_hand: Spread | None = None
    """What is added where all that is said by hand, in the unit of the figure. `None`: nothing is, or not measured."""
    own: Spread | None = None
    """What is added beyond that: it is of whoever is measured."""
    goal_by_hand: float | None = None
    """What may be added, on this machine, if `REFERENCE` is what is said by hand."""


@dataclass(frozen=True)
class Figure:
    """What `subject` adds. Ratios have no unit."""

    key: str
    subject: str
    unit: str
    comparison: Comparison
    goal: Goal | None = None
    budget: Budget | None = None

    @property
    def reached(self) -> bool | None:
        """Whether the goal is reached, on this machine, by every measure there is of it. `None` without a goal."""
        by_floor, by_hand = self.reached_by_floor, self.reached_by_hand
        return by_floor if by_hand is None else bool(by_floor and by_hand)

    @property
    def reached_by_floor(self) -> bool | None:
        """The same with the floor as the measure of the machine, or with none where there is no floor."""
        if self.goal is None:
            return None
        scaled = None if self.budget is None else self.budget.goal
        return self._within(self.goal.added if scaled is None else scaled)

    @property
    def reached_by_hand(self) -> bool | None:
        """The same with what is said by hand as the measure. `None` if that was not measured."""
        scaled = None if self.budget is None else self.budget.goal_by_hand
        return None if self.goal is None or scaled is None else self._within(scaled)

    @property
    def is_clear(self) -> bool:
        """Whether the quartiles of the ratio are on the same side of the goal for it, if there is one."""
        most, ratio = None if self.goal is None else self.goal.ratio, self.comparison.ratio
        return most is None or not ratio.low <= most < ratio.high

    def _within(self, most: float | None) -> bool:
        ratio = None if self.goal is None else self.goal.ratio
        return (most is None or self.comparison.added.median <= most) and (
            ratio is None or self.comparison.ratio.median <= ratio
        )


def environment(subjects: Sequence[Subject]) -> dict[str, str]:
    """What the figures were measured on: versions by distribution, and the interpreter."""
    distributions = dict.fromkeys([*_TOLD, *(subject.distribution for subject in subjects)])
    return {
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "machine": f"{platform.system()} {platform.machine()}",
        **{name: version(name) for name in distributions},
    }


def to_json(figures: Sequence[Figure], subjects: Sequence[Subject]) -> str:
    """The figures as JSON."""
    document: dict[str, Any] = {
        "environment": environment(subjects),
        "figures": [{**dataclasses.asdict(figure), "reached": figure.reached} for figure in figures],
    }
    return json.dumps(document, indent=1) + "\n"
