"""The event iterators by themselves: what an event costs, bare and observed.

A whole stream takes a hundred times as long as what is measured here, so its noise hides the difference.
"""

from __future__ import annotations

import time
from typing import Final

from event_paths import drive

__all__ = ("nanoseconds_per_event",)

_EVENTS: Final = 20_000
_PATHS: Final = {"sync": "events", "async": "async events"}


def nanoseconds_per_event(flavor: str, *, observed: bool) -> float:
    """One run over prepared events, `sync` or `async`."""
    started = time.process_time_ns()
    drive(_PATHS[flavor], _EVENTS, observed=observed)
    return (time.process_time_ns() - started) / _EVENTS
