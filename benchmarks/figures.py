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

    from measuring import Comparison
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
    """What OpenTelemetry takes for all that, in the unit of the figure."""
    goal: float | None
    """What may be added, on this machine: the goal is for one with the floor of `floor.REFERENCE`."""


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
        """Whether the goal is reached, on this machine. `None` without a goal."""
        if self.goal is None:
            return None
        scaled = None if self.budget is None else self.budget.goal
        most = self.goal.added if scaled is None else scaled
        return (most is None or self.comparison.added.median <= most) and (
            self.goal.ratio is None or self.comparison.ratio.median <= self.goal.ratio
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
