"""The one place that may swallow an exception.

Two kinds of exception end here, and no other:

- *ours*: a fault of midstream's own code, or of the OpenTelemetry objects that it calls. A `Guard` contains it, counts
  it in `midstream.telemetry.errors` and logs it: the first of a process at WARNING, later ones at DEBUG.
- *theirs*: an object of the application or of the SDK that raises when it is looked at. `attempt` answers for it.

What passes through: everything that is no `Exception` (`KeyboardInterrupt`, `CancelledError`), as it is meant for the
application. Standard library only, as the pure layer stands on this module.
"""

from __future__ import annotations

import itertools
import logging
import math
from types import BuiltinFunctionType
from typing import TYPE_CHECKING, Final, Literal, ParamSpec, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

__all__ = (
    "BODIES",
    "CALLS",
    "LOGS",
    "METRICS",
    "SPANS",
    "STREAMS",
    "Guard",
    "attempt",
    "count_with",
    "safe_clock",
)

T = TypeVar("T")
P = ParamSpec("P")

_log: Final = logging.getLogger("midstream")
_faults = itertools.count()
_counter: Callable[[str], None] | None = None


class Guard:
    """Contains the faults of one component. Shared and without state, so entering it allocates nothing."""

    __slots__ = ("component",)

    def __init__(self, component: str) -> None:
        self.component: Final = component

    # Nothing is to be done. What C does is called in a third of the time that Python code takes to do nothing.
    __enter__ = staticmethod(int)

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, traceback: TracebackType | None
    ) -> bool:
        """Swallows `fault` if it is an `Exception`, after counting and logging it."""
        if kind is None or not issubclass(kind, Exception):
            return False
        _report(self.component, kind, traceback)
        return True


CALLS: Final = Guard("calls")
STREAMS: Final = Guard("streams")
BODIES: Final = Guard("bodies")
SPANS: Final = Guard("spans")
METRICS: Final = Guard("metrics")
LOGS: Final = Guard("logs")
"""One guard per component: the value of `midstream.component` in `midstream.telemetry.errors`."""


def count_with(counter: Callable[[str], None] | None) -> None:
    """Has `counter` called with the component of each fault from now on; `None` stops that. It may raise."""
    global _counter  # noqa: PLW0603 - faults are counted per process, by whoever is instrumenting it now
    _counter = counter


def attempt(read: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T | None:
    """What `read` returns, and `None` if it raises an `Exception`: for objects that are not ours."""
    try:
        return read(*args, **kwargs)
    except Exception:
        return None


def safe_clock(clock: Callable[[], float]) -> Callable[[], float]:
    """`clock`, but not-a-number when it raises or says what is no number.

    Every comparison with that is false, so nothing is recorded.
    """
    if isinstance(clock, BuiltinFunctionType):
        return clock  # such as `time.perf_counter`, which has no way to raise

    def now() -> float:
        try:
            return float(clock())
        except Exception as fault:
            _report("clock", type(fault), fault.__traceback__)
            return math.nan

    return now


def _report(component: str, kind: type[BaseException], traceback: TracebackType | None) -> None:
    """Counts and logs a fault. Never raises, and a logger that does is no reason not to count."""
    attempt(lambda: _log_fault(component, kind, traceback))
    attempt(lambda: None if _counter is None else _counter(component))


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
