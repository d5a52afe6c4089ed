"""How long an answer takes: until it begins, and from one of its events to the next."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Final


@dataclass(frozen=True, slots=True)
class Waits:
    """A number of seconds, drawn each time from `least` to `most`."""

    least: float = 0.0
    most: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.least <= self.most:
            message = f"a wait must be from 0 or more seconds to as many or more, not from {self.least} to {self.most}"
            raise ValueError(message)


class Latency:
    """The latency of the answers of a server, in addition to what their scenarios take.

    `first` precedes the first byte, `between` separates two events, lines or parts of a file. The same `seed` repeats
    the draws.
    """

    def __init__(self, first: Waits | None = None, between: Waits | None = None, seed: int | None = None) -> None:
        self._first = first or Waits()
        self._between = between or Waits()
        self._random = Random(seed)  # noqa: S311 - repeatable draws are the point

    def first(self) -> float:
        """Seconds before the first byte."""
        return self._drawn(self._first)

    def between(self) -> float:
        """Seconds before the next event."""
        return self._drawn(self._between)

    @property
    def paces(self) -> bool:
        """Whether there is a wait between two events."""
        return self._between.most > 0

    def _drawn(self, waits: Waits) -> float:
        return waits.least if waits.least == waits.most else self._random.uniform(waits.least, waits.most)


NO_LATENCY: Final = Latency()
