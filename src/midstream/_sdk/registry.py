"""The live streams of one `instrument()`: found by their response, and ended at the exit."""

from __future__ import annotations

import atexit
import weakref
from typing import TYPE_CHECKING, Any

from midstream._guard import attempt
from midstream._sdk.deferred import DEFERRED
from midstream._sdk.forks import at_fork
from midstream._sdk.reporting import Closing
from midstream._sdk.results import response_of

if TYPE_CHECKING:
    from midstream._sdk.call import ObservedCall


class CallRegistry:
    """The calls whose responses are being read. Keeps neither a call nor a response alive."""

    def __init__(self) -> None:
        # By response, because a Stream can be made later than its call, and can be a copy. Weak on both sides: a call
        # that only the body of its response keeps alive is garbage together with it, and is reported when the collector
        # finds that. With a reference from here it would be reported a collection later.
        self._by_response: weakref.WeakKeyDictionary[Any, weakref.ref[ObservedCall]] = weakref.WeakKeyDictionary()
        # By id instead of a set: threads may add calls while this is iterated.
        self._open: weakref.WeakValueDictionary[int, ObservedCall] = weakref.WeakValueDictionary()
        self._ends_at_exit = False
        self._stopped = False
        at_fork(self)

    def of(self, response: object) -> ObservedCall | None:
        """The call that `response` belongs to. `None` for a response that is not observed. Never raises."""
        # A test may pass anything, and not everything can be hashed, compared and weakly referenced.
        call = attempt(self._by_response.get, response)
        return None if call is None else call()

    def add(self, response: object, call: ObservedCall) -> bool:
        """Adds `call`, found by `response` as long as both live. `False` for a response that cannot be a key."""
        attempt(self._by_response.__setitem__, response, weakref.ref(call))
        if self.of(response) is not call:
            return False
        self._open[id(call)] = call
        if not self._ends_at_exit:
            # Not before the first stream: handlers run last in, first out, and the providers have registered theirs.
            self._ends_at_exit = True
            atexit.register(self.end_open_calls)
        if self._stopped:
            # A call that was in progress at `stop()`. The handler would keep everything here until the exit.
            atexit.unregister(self.end_open_calls)
        return True

    def closing(self, stream: Any) -> Closing:
        """To be entered while `stream` is closed. Never raises."""
        call = self.of(attempt(response_of, stream))
        # A wrapper that closes the stream whenever its response is closed does so at the end of the SDK's parser, too.
        if call is None or call.is_closed_by_parser():
            return Closing()
        return call.closing(by_application=True)

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
