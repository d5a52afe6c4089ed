"""How much is run for a figure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

__all__ = ("FULL", "QUICK", "Size")


@dataclass(frozen=True)
class Size:
    """How much is run."""

    pairs: int
    """Rounds of most cases."""
    warm: bool
    """Whether a round before them warms up."""
    lengths: tuple[int, ...]
    """Events of the long streams."""
    events_per_run: int
    """Of shorter streams, as many as have so many events. Of longer ones fewer runs."""
    short_streams: int
    """Of the shortest streams, as many are beside the long ones in a run."""
    calls: int
    """Calls in a run. Few, so that the speed of the machine changes little between two runs."""
    call_rounds: int
    """Rounds of calls, for each of another case: they are short."""
    open: int
    """Streams that are open at once."""
    open_deep: int
    """Streams that are open at once at their last event of `deep`."""
    deep: int
    crowd_events: int
    """Events of each of the streams that are read at once."""


FULL: Final = Size(
    pairs=40,
    warm=True,
    lengths=(500, 2_000, 50_000),
    events_per_run=4_000,
    short_streams=8,
    calls=25,
    call_rounds=1,
    open=1_000,
    open_deep=4,
    deep=50_000,
    crowd_events=500,
)

QUICK: Final = Size(
    pairs=1,
    warm=False,
    lengths=(50, 100, 200),
    events_per_run=200,
    short_streams=1,
    calls=2,
    call_rounds=1,
    open=20,
    open_deep=3,
    deep=200,
    crowd_events=20,
)
"""Shows that everything runs. Its figures say nothing."""
