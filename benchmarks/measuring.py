"""Runs in turn, and what they say: bare, observed, bare. Nothing here knows what is measured."""

from __future__ import annotations

import gc
import statistics
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ("Comparison", "Round", "Spread", "compared", "rounds")


@dataclass(frozen=True)
class Spread:
    """A median, and the quartiles on both sides of it."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """The spread of `values`. Of a single one it is that one."""
        if len(values) == 1:
            return cls(values[0], values[0], values[0])
        low, median, high = statistics.quantiles(values, n=4, method="inclusive")
        return cls(median, low, high)

    def times(self, scale: float) -> Spread:
        """The spread of so many times the values."""
        return Spread(self.median * scale, self.low * scale, self.high * scale)


@dataclass(frozen=True)
class Round:
    """A run of what is measured, between two runs without it."""

    before: float
    observed: float
    after: float

    @property
    def bare(self) -> float:
        """What a bare run would have been at that time: so a drift of the machine cancels out."""
        return (self.before + self.after) / 2


@dataclass(frozen=True)
class Comparison:
    """What the rounds say."""

    bare: Spread
    added: Spread
    """Observed, less bare."""
    ratio: Spread
    """Observed, by bare."""
    control: Spread
    """The second bare run less the first: all of it is noise."""
    pairs: int

    def in_units(self, scale: float) -> Comparison:
        """The same in a unit of which there are `scale` in one of this."""
        return replace(
            self, bare=self.bare.times(scale), added=self.added.times(scale), control=self.control.times(scale)
        )


def compared(told: Sequence[Round]) -> Comparison:
    """The medians and quartiles of the rounds. Each difference is of one round, and so is each ratio."""
    return Comparison(
        bare=Spread.of([one.bare for one in told]),
        added=Spread.of([one.observed - one.bare for one in told]),
        ratio=Spread.of([one.observed / one.bare for one in told]),
        control=Spread.of([one.after - one.before for one in told]),
        pairs=len(told),
    )


def rounds(
    bare: Callable[[], Sequence[float]], observed: Callable[[], Sequence[float]], pairs: int, *, warm: bool
) -> list[tuple[Round, ...]]:
    """So many rounds, in each of which every run reads the same few values. One round before them warms up."""
    told: list[tuple[Round, ...]] = []
    for number in range(pairs + warm):
        readings = (_settled(bare), _settled(observed), _settled(bare))
        if number >= warm:
            told.append(tuple(Round(*values) for values in zip(*readings, strict=True)))
    return told


def _settled(run: Callable[[], Sequence[float]]) -> Sequence[float]:
    gc.collect()
    return run()
