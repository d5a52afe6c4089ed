"""The only module that may swallow an exception.

It swallows two kinds:

- *internal errors*: of midstream's code, or of the OpenTelemetry objects that it calls. A `Guard` contains them, counts
  them in `midstream.telemetry.errors` of the `instrument()` that the call belongs to, and logs them: the first of a
  process at WARNING, later ones at DEBUG.
- *foreign errors*: an object of the application or of the SDK raises when it is examined. `attempt` returns `None`.

It lets through every `BaseException` that is not an `Exception` (`KeyboardInterrupt`, `CancelledError`), and whatever a
signal handler raises: both are meant for the application. Standard library only, because the pure layer imports this.
"""

from __future__ import annotations

import itertools
import logging
import math
import sys
from collections import deque
from traceback import walk_tb
from types import BuiltinFunctionType
from typing import TYPE_CHECKING, Final, Literal, TypeVar

from midstream._interrupts import raised_by_signal_handler

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType


T = TypeVar("T")

_log: Final = logging.getLogger("midstream")
_errors = itertools.count()


class Guard:
    """Contains the internal errors of one component. It has no state, so calls and threads share it.

    A result has its default before the `with` statement, or is returned inside it and the default after it. Code of
    every call has an `except` clause in place of the `with` statement, because it costs nothing without an error:

        except Exception:
            if not guard.contains_error():
                raise

    `count` is called with the component of each error, and may raise. `None` only logs.
    """

    __slots__ = ("_count", "component")

    def __init__(self, component: str, count: Callable[[str], object] | None = None) -> None:
        self.component: Final = component
        self._count = count

    __enter__ = staticmethod(int)  # does nothing, in a third of the time that a Python function takes

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool:
        """Swallows `error` if it is an `Exception`, after counting and logging it."""
        return kind is not None and issubclass(kind, Exception) and self._contains(kind, traceback)

    def contains_error(self) -> bool:
        """Counts and logs the `Exception` that is being handled. `False` if a signal handler raised it."""
        kind, _, traceback = sys.exc_info()
        return kind is not None and self._contains(kind, traceback)

    def _contains(self, kind: type[BaseException], traceback: TracebackType | None) -> bool:
        if raised_by_signal_handler(traceback):
            return False
        # A logger that raises must not prevent the count.
        attempt(_log_error, self.component, kind, traceback)
        if self._count is not None:
            attempt(self._count, self.component)
        return True


class Guards:
    """The guards of one `instrument()`, one per component: the value of `midstream.component` in the metric."""

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
"""For errors outside any `instrument()`, and before its counter exists."""


def attempt(read: Callable[..., T], *args: object) -> T | None:
    """What `read` returns, or `None` if it raises an `Exception`: for objects that are not midstream's."""
    try:
        return read(*args)
    except Exception:
        if raised_by_signal_handler(sys.exc_info()[2]):
            raise
        return None


def safe_clock(clock: Callable[[], float], guard: Guard) -> Callable[[], float]:
    """`clock`, but not-a-number where it raises or returns something else: an internal error that `guard` contains.

    Every comparison with not-a-number is false, so nothing is recorded.
    """
    if isinstance(clock, BuiltinFunctionType):
        return clock  # such as `time.perf_counter`, which cannot raise

    def now() -> float:
        with guard:
            return float(clock())
        return math.nan

    return now


def _log_error(component: str, kind: type[BaseException], traceback: TracebackType | None) -> None:
    # Without the message of the error: it may quote what the application sent or received.
    level: Literal[10, 30] = logging.DEBUG if next(_errors) else logging.WARNING
    innermost = deque(walk_tb(traceback), maxlen=1)
    where = next((f"{frame.f_code.co_filename}:{line}" for frame, line in innermost), "unknown")
    _log.log(
        level,
        "midstream caught an internal error in %s: %s at %s. The application is not affected; "
        "its telemetry may be incomplete. Later errors are logged at DEBUG.",
        component,
        kind.__qualname__,
        where,
    )
