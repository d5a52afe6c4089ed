"""Verdicts that cannot be told where their calls end: inside of OpenTelemetry, where a lock may be held."""

from __future__ import annotations

import atexit
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Final

from midstream._sdk import callers
from midstream._sdk.forks import at_fork

if TYPE_CHECKING:
    from midstream._outcomes import Verdict
    from midstream._sdk.calls import Call


class Deferred:
    """The verdicts of this process that were not told where their calls ended.

    They wait for the next call of whichever `instrument()`, for an `uninstrument()`, or for the exit: whichever comes
    first. While none waits, nothing is kept here, and nothing is registered.
    """

    def __init__(self) -> None:
        self._verdicts: SimpleQueue[tuple[Call, Verdict]] = SimpleQueue()
        self._at_exit = False
        at_fork(self)

    def add(self, call: Call, verdict: Verdict) -> None:
        """Keeps the verdict of `call`. Takes no lock, so it can be called anywhere."""
        # There before it is asked whether the exit is awaited: `flush` looks at the two in the other order.
        self._verdicts.put((call, verdict))
        if not self._at_exit:
            self._await_exit()

    def flush(self) -> None:
        """Tells what waits, if that can be done here. What is meant for the application, as Ctrl-C is, passes."""
        if self._verdicts.empty() or callers.inside_telemetry(if_unknown=False):
            return
        try:
            # Another thread may take the last one in between.
            with suppress(Empty):
                while not self._verdicts.empty():
                    call, verdict = self._verdicts.get_nowait()
                    call.tell_now(verdict)
        finally:
            atexit.unregister(self.flush)
            self._at_exit = False
            if not self._verdicts.empty():
                self._await_exit()

    def forked(self) -> None:
        """This process is a forked child: what waits is told by its parent."""
        self._verdicts = SimpleQueue()
        self._at_exit = False

    def _await_exit(self) -> None:
        self._at_exit = True
        # This late, for handlers run last in, first out: the providers have theirs by now.
        atexit.register(self.flush)


DEFERRED: Final = Deferred()
"""The one of this process: a call is told by whichever `instrument()` comes next."""
