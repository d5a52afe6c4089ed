"""What a process holds: objects by type, file descriptors, threads, memory. Looked at, not waited for."""

from __future__ import annotations

import gc
import os
import threading
import tracemalloc
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import midstream

__all__ = ("Census", "census")

_OURS: Final = tracemalloc.Filter(True, str(Path(midstream.__file__).parent / "*"))
_COLLECTIONS: Final = 3
_PAGE: Final = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class Census:
    """What a process holds after garbage has been collected."""

    objects: dict[str, int]
    """By type in full, how many."""
    descriptors: int
    threads: int
    traced: int
    """The bytes that midstream's own lines have allocated and that are still there."""
    resident: int
    """The bytes of the whole process."""


def census() -> Census:
    """What this process holds now."""
    # What is freed by one collection may have kept alive what only the next one finds.
    for _ in range(_COLLECTIONS):
        gc.collect()
    traced = 0
    if tracemalloc.is_tracing():
        snapshot = tracemalloc.take_snapshot().filter_traces([_OURS])
        traced = sum(trace.size for trace in snapshot.traces)
        del snapshot
    objects = Counter(map(type, gc.get_objects()))
    return Census(
        {f"{kind.__module__}.{kind.__qualname__}": count for kind, count in objects.items()},
        len(os.listdir("/proc/self/fd")),  # noqa: PTH208 - a Path would open it too, and more
        threading.active_count(),
        traced,
        int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE,
    )
