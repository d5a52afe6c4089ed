"""A histogram that grows, and its quantiles."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from itertools import accumulate


@dataclass(frozen=True)
class Distribution:
    """Values in buckets, as in OTLP; a mere sum has a `total` only."""

    count: int = 0
    total: float = 0.0
    largest: float | None = None
    """`None` if it is unknown."""
    bounds: tuple[float, ...] = ()
    """The upper bounds of all buckets but the last, which has none."""
    counts: tuple[int, ...] = ()

    def __add__(self, other: Distribution) -> Distribution:
        """Both. The buckets are lost if they are different."""
        if not self.count:
            counts = other.counts
        elif not other.count:
            counts = self.counts
        else:
            is_same = self.bounds == other.bounds and len(self.counts) == len(other.counts)
            counts = tuple(map(sum, zip(self.counts, other.counts, strict=True))) if is_same else ()
        largest = max((value for value in (self.largest, other.largest) if value is not None), default=None)
        bounds = (self.bounds or other.bounds) if counts else ()
        return Distribution(self.count + other.count, self.total + other.total, largest, bounds, counts)

    @property
    def mean(self) -> float | None:
        """The mean of the values. `None` without any."""
        return self.total / self.count if self.count else None

    def quantile(self, share: float) -> float | None:
        """An estimate of the value below which `share` of them are: within its bucket they count as evenly spread.

        `None` without buckets or values.
        """
        if not self.count or not self.counts:
            return None
        rank = share * self.count
        below = list(accumulate(self.counts, initial=0))
        bucket = min(bisect_left(below, rank, lo=1), len(self.counts)) - 1
        lower = self.bounds[bucket - 1] if bucket else 0.0
        upper = self.bounds[bucket] if bucket < len(self.bounds) else (self.largest or lower)
        if self.largest is not None:
            upper = min(upper, self.largest)
        inside = (rank - below[bucket]) / self.counts[bucket] if self.counts[bucket] else 1.0
        return lower + (upper - lower) * inside
