"""Runs in turn, and what they say: bare, observed, bare; or two things that are compared, each between two bare runs.

Nothing here knows what is measured.
"""

from __future__ import annotations

import gc
import statistics
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ("Comparison", "Round", "Spread", "Yardstick", "by_yardstick", "compared", "rounds", "settle")

Run = Callable[[], "Sequence[float]"]
"""What is done in turn with others. All of a round read the same few values."""


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
    yardstick: Round | None = None
    """A run, right after this, of something that it is measured by."""

    @property
    def bare(self) -> float:
        """What a bare run would have been at that time: so a drift of the machine cancels out."""
        return (self.before + self.after) / 2

    @property
    def added(self) -> float:
        """Observed, less bare."""
        return self.observed - self.bare


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
        added=Spread.of([one.added for one in told]),
        ratio=Spread.of([one.observed / one.bare for one in told]),
        control=Spread.of([one.after - one.before for one in told]),
        pairs=len(told),
    )


@dataclass(frozen=True)
class Yardstick:
    """What the rounds say by something that was run beside what is measured."""

    added: Spread
    """By that, less bare."""
    beyond: Spread
    """What is added beyond it by what is measured."""

    def in_units(self, scale: float) -> Yardstick:
        """The same in a unit of which there are `scale` in one of this."""
        return Yardstick(self.added.times(scale), self.beyond.times(scale))


def by_yardstick(told: Sequence[Round]) -> Yardstick | None:
    """The medians and quartiles by the yardstick, each difference of one round. `None` if there was none."""
    pairs = [(one.added, one.yardstick.added) for one in told if one.yardstick is not None]
    if not pairs:
        return None
    return Yardstick(Spread.of([by for _, by in pairs]), Spread.of([added - by for added, by in pairs]))


def rounds(
    bare: Run, observed: Run, pairs: int, *, warm: bool, yardstick: Run | None = None
) -> list[tuple[Round, ...]]:
    """So many rounds, in each of which every run reads the same few values. One round before them warms up."""
    told: list[tuple[Round, ...]] = []
    for number in range(pairs + warm):
        readings = [_settled(bare), _settled(observed), _settled(bare)]
        if yardstick is not None:
            readings += [_settled(yardstick), _settled(bare)]
        if number >= warm:
            told.append(tuple(_round(values) for values in zip(*readings, strict=True)))
    return told


def settle() -> None:
    """What is loaded by now is no garbage: to look at it again before every run takes longer than many a run."""
    gc.collect()
    gc.freeze()


def _round(values: Sequence[float]) -> Round:
    before, observed, after, *more = values
    if not more:
        return Round(before, observed, after)
    yardstick, last = more
    return Round(before, observed, after, Round(after, yardstick, last))


def _settled(run: Run) -> Sequence[float]:
    gc.collect()
    return run()
