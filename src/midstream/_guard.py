"""The one place that may swallow an exception.

Two kinds of exception end here, and no other:

- *ours*: a fault of midstream's own code, or of the OpenTelemetry objects that it calls. A `Guard` contains it, counts
  it in `midstream.telemetry.errors` of the `instrument()` that it belongs to, and logs it: the first of a process at
  WARNING, later ones at DEBUG.
- *theirs*: an object of the application or of the SDK that raises when it is looked at. `attempt` answers for it.

What passes through: everything that is no `Exception` (`KeyboardInterrupt`, `CancelledError`), and what a signal
handler raises, as it is meant for the application. Standard library only, as the pure layer stands on this module.
"""

from __future__ import annotations

import itertools
import logging
import math
import sys
from types import BuiltinFunctionType
from typing import TYPE_CHECKING, Final, Literal, ParamSpec, TypeVar

from midstream._interrupts import raised_by_signal_handler

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType


T = TypeVar("T")
P = ParamSpec("P")

_log: Final = logging.getLogger("midstream")
_faults = itertools.count()


class Guard:
    """Contains the faults of one component. Entering it changes nothing, so calls and threads share it.

    `count` is called with the component of each fault; it may raise. `None`: faults are logged only.
    """

    __slots__ = ("_count", "component")

    def __init__(self, component: str, count: Callable[[str], object] | None = None) -> None:
        self.component: Final = component
        self._count = count

    # Nothing is to be done. What C does is called in a third of the time that Python code takes to do nothing.
    __enter__ = staticmethod(int)

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, traceback: TracebackType | None
    ) -> bool:
        """Swallows `fault` if it is an `Exception`, after counting and logging it."""
        if kind is None or not issubclass(kind, Exception) or raised_by_signal_handler(traceback):
            return False
        # A logger that raises does not prevent the count.
        attempt(_log_fault, self.component, kind, traceback)
        if self._count is not None:
            attempt(self._count, self.component)
        return True


class Guards:
    """The guards of one `instrument()`, one for each component: the value of `midstream.component` in the metric.

    `count` is called with the component of each fault; it may raise. `None`: faults are logged only.
    """

    __slots__ = ("bodies", "calls", "clock", "logs", "metrics", "spans", "streams")

    def __init__(self, count: Callable[[str], object] | None = None) -> None:
        self.calls = Guard("calls", count)
        self.streams = Guard("streams", count)
        self.bodies = Guard("bodies", count)
        self.spans = Guard("spans", count)
        self.metrics = Guard("metrics", count)
        self.logs = Guard("logs", count)
        self.clock = Guard("clock", count)


UNCOUNTED: Final = Guards()
"""For faults outside of any `instrument()`, and for those that happen before its counter exists."""


def attempt(read: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T | None:
    """What `read` returns, and `None` if it raises an `Exception`: for objects that are not ours."""
    try:
        return read(*args, **kwargs)
    except Exception:
        if raised_by_signal_handler(sys.exc_info()[2]):
            raise
        return None


def safe_clock(clock: Callable[[], float], guard: Guard) -> Callable[[], float]:
    """`clock`, but not-a-number when it raises or does not return a number: a fault that `guard` contains.

    Every comparison with that is false, so nothing is recorded.
    """
    if isinstance(clock, BuiltinFunctionType):
        return clock  # such as `time.perf_counter`, which has no way to raise

    def now() -> float:
        with guard:
            return float(clock())
        return math.nan

    return now


def _log_fault(component: str, kind: type[BaseException], traceback: TracebackType | None) -> None:
    # Without the message of the fault: it may quote what the application sent or received.
    level: Literal[10, 30] = logging.DEBUG if next(_faults) else logging.WARNING
    while traceback is not None and traceback.tb_next is not None:
        traceback = traceback.tb_next
    where = f"{traceback.tb_frame.f_code.co_filename}:{traceback.tb_lineno}" if traceback else "unknown"
    _log.log(
        level,
        "midstream contained a fault of its own in %s: %s at %s. The application is not affected; "
        "its telemetry may be incomplete. Later faults are logged at DEBUG.",
        component,
        kind.__qualname__,
        where,
    )
