"""Reports that are deferred: a call that ends inside OpenTelemetry, where a lock may be held, is reported later."""

from __future__ import annotations

import atexit
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Final

from midstream._sdk import callers
from midstream._sdk.forks import at_fork

if TYPE_CHECKING:
    from collections.abc import Callable


class Deferred:
    """The deferred reports of this process.

    They wait for the next call of any `instrument()`, for an `uninstrument()`, or for the exit, whichever comes first.
    While none waits, nothing is kept and nothing is registered.
    """

    def __init__(self) -> None:
        self._reports: SimpleQueue[Callable[[], object]] = SimpleQueue()
        self._at_exit = False
        at_fork(self)

    def add(self, report: Callable[[], object]) -> None:
        """Defers `report`. Takes no lock, so any code can call it."""
        # The queue first, then the flag: `flush` reads them in the opposite order.
        self._reports.put(report)
        if not self._at_exit:
            self._await_exit()

    def flush(self) -> None:
        """Makes the deferred reports, unless this is still inside OpenTelemetry.

        Lets through what is meant for the application, such as Ctrl-C; the reports that are left then stay deferred.
        """
        if self._reports.empty() or callers.inside_telemetry(if_unknown=False):
            return
        try:
            # Another thread may take the last one in between.
            with suppress(Empty):
                while not self._reports.empty():
                    self._reports.get_nowait()()
        finally:
            atexit.unregister(self.flush)
            self._at_exit = False
            if not self._reports.empty():
                self._await_exit()

    def forked(self) -> None:
        """This process is a forked child: its parent makes the reports."""
        self._reports = SimpleQueue()
        self._at_exit = False

    def _await_exit(self) -> None:
        self._at_exit = True
        # This late because handlers run last in, first out: the providers have registered theirs by now.
        atexit.register(self.flush)


DEFERRED: Final = Deferred()
"""One for the process: the next call of any `instrument()` makes the reports."""
