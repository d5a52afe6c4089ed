"""Measurements with and without midstream, in turn, so that a drift of the machine cancels out. Tables of them."""

from __future__ import annotations

import gc
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

COLUMNS = ("", "bare", "added", "quartiles", "ratio", "quartiles", "noise", "rounds")


@dataclass(frozen=True)
class Round:
    """An observed run between two bare runs."""

    before: float
    observed: float
    after: float

    @property
    def bare(self) -> float:
        """The cost of a bare run at the time of the observed one."""
        return (self.before + self.after) / 2


def measured(bare: Callable[[], float], observed: Callable[[], float], rounds: int) -> list[Round]:
    """Runs bare, observed, bare in every round. A round that does not count warms up."""
    return [Round(_settled(bare), _settled(observed), _settled(bare)) for _ in range(rounds + 1)][1:]


def _settled(run: Callable[[], float]) -> float:
    gc.collect()
    return run()


def row(name: str, unit: str, scale: float, rounds: Sequence[Round]) -> list[str]:
    """A row below `COLUMNS`. The noise is the median distance of two bare runs in a round. What is below it says so."""
    added, low, high = (scale * value for value in _spread([round_.observed - round_.bare for round_ in rounds]))
    ratio, lowest, highest = _spread([round_.observed / round_.bare for round_ in rounds])
    bare = scale * statistics.median(round_.bare for round_ in rounds)
    noise = scale * statistics.median(abs(round_.after - round_.before) for round_ in rounds)
    return [
        name,
        f"{bare:,.2f} {unit}",
        f"{added:,.2f} {unit}{'' if abs(added) >= noise else ' (noise)'}",
        f"{low:,.2f} to {high:,.2f}",
        f"{ratio:.4f}",
        f"{lowest:.4f} to {highest:.4f}",
        f"{noise:,.2f} {unit}",
        f"{len(rounds)}",
    ]


def _spread(values: Sequence[float]) -> tuple[float, float, float]:
    """The median and the quartiles."""
    if len(values) == 1:
        return values[0], values[0], values[0]
    low, median, high = statistics.quantiles(values, n=4, method="inclusive")
    return median, low, high


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [columns, ["---", *["---:"] * (len(columns) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
