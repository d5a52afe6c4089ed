"""The live streams of one `instrument()`: found by their response, and ended at the exit."""

from __future__ import annotations

import atexit
import weakref
from typing import TYPE_CHECKING

from midstream._sdk.bodies import call_in
from midstream._sdk.deferred import DEFERRED
from midstream._sdk.forks import at_fork

if TYPE_CHECKING:
    from midstream._sdk.call import ObservedCall


class CallRegistry:
    """The calls whose responses are being read. Keeps none alive."""

    def __init__(self) -> None:
        # By id of the response, which no call may keep alive. Threads may add calls while this is iterated.
        self._open: weakref.WeakValueDictionary[int, ObservedCall] = weakref.WeakValueDictionary()
        self._ends_at_exit = False
        self._stopped = False
        at_fork(self)

    def of(self, response: object) -> ObservedCall | None:
        """The call that `response` belongs to. `None` for a response that is not observed. Never raises."""
        found = call_in(response)
        if found is None:
            # The application may have replaced the body, for instance with one that counts or copies the bytes.
            found = self._open.get(id(response))
            if found is not None and not found.is_of(response):
                return None
        return found

    def add(self, response: object, call: ObservedCall) -> None:
        """Adds `call`, as long as it lives, and whatever happens to its `response`."""
        before = self._open.get(id(response))
        if before is not None:
            # A call whose response is gone or returned twice, and whose body lives.
            self._open[id(before)] = before
        self._open[id(response)] = call
        if not self._ends_at_exit:
            # Not before the first stream: handlers run last in, first out, and the providers have registered theirs.
            self._ends_at_exit = True
            atexit.register(self.end_open_calls)
        if self._stopped:
            # A call that was in progress at `stop()`. The handler would keep everything here until the exit.
            atexit.unregister(self.end_open_calls)

    def end_open_calls(self) -> None:
        """Ends the calls that are still open, at the exit of the interpreter."""
        for call in filter(None, (ref() for ref in self._open.valuerefs())):
            call.exit()
        DEFERRED.flush()

    def stop(self) -> None:
        """No more calls will start. Those that are open are recorded when they end."""
        self._stopped = True
        atexit.unregister(self.end_open_calls)
        DEFERRED.flush()

    def forked(self) -> None:
        """This process is a forked child: the parent reports the calls that are open."""
        self._open = weakref.WeakValueDictionary()
