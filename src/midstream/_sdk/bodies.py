"""The body of a live response: bytes, waits, closes."""

from __future__ import annotations

import copy
import weakref
from typing import TYPE_CHECKING, Any

import wrapt

from midstream._guard import attempt
from midstream._outcomes.remains import keep
from midstream._sdk.closing import Closing
from midstream._sdk.scans import scan_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from typing import SupportsIndex

    from midstream._outcomes.scan import Scan
    from midstream._sdk.calls import Call
    from midstream._sdk.results import Head

    _Proxy = wrapt.ObjectProxy[Any]
else:
    # wrapt 1 has no types, and its proxies take no parameter.
    _Proxy = wrapt.ObjectProxy


class ObservedBody(_Proxy):
    """Stands for the body of a response of httpx or httpx2, sync, async or both, and is of its class for `isinstance`.

    What else is asked of a body (`elapsed`, the SDK's `stream_observer`) is answered by the body itself.
    """

    # SDK 1.14 and later asks its response's body for `stream_observer` with every event. This finds what is here in
    # half the time, and wrapt's `__getattr__` is asked for the rest all the same.
    __getattribute__ = object.__getattribute__

    def __init__(self, body: Any, call: Call, head: Head) -> None:
        super().__init__(body)
        self._self_call = call
        self._self_head = head
        self._self_reader: weakref.ref[Any] | None = None
        # Also where it is None: to ask the proxied body for what it does not have takes microseconds.
        attempt(lambda: self.__self_setattr__("stream_observer", getattr(body, "stream_observer", None)))

    def __iter__(self) -> Iterator[bytes]:
        call = self._self_call
        scan = scan_of(call, self._self_head)
        body = iter(self.__wrapped__)
        chunks = _chunks(body if scan is None else _scanned(body, call, scan), call, call.clock)
        self._self_reader = weakref.ref(chunks)
        return chunks

    def __aiter__(self) -> AsyncIterator[bytes]:
        scan = scan_of(self._self_call, self._self_head)
        body = self.__wrapped__.__aiter__()
        chunks = _AsyncChunks(body, self._self_call) if scan is None else _ScannedChunks(body, self._self_call, scan)
        self._self_reader = weakref.ref(chunks)
        return chunks

    # Copied and pickled as without us, and what comes of it is not observed: it is another body.
    def __copy__(self) -> Any:
        return copy.copy(self.__wrapped__)

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        return copy.deepcopy(self.__wrapped__, memo)

    def __reduce_ex__(self, protocol: SupportsIndex) -> Any:
        return self.__wrapped__.__reduce_ex__(protocol)

    def close(self) -> None:
        """Closes the body, and then ends the call if it is the application that closes."""
        call = self._self_call
        with Closing(call, call.body_closing(reading=self._self_reading)):
            self.__wrapped__.close()

    async def aclose(self) -> None:
        """Closes the body, and then ends the call if it is the application that closes."""
        call = self._self_call
        with Closing(call, call.body_closing(reading=self._self_reading)):
            await self.__wrapped__.aclose()

    @property
    def _self_reading(self) -> bool:
        """Whether a read is under way, which is then on another thread or in another task."""
        reader = None if self._self_reader is None else self._self_reader()
        return reader is not None and reader.gi_running


def _chunks(body: Iterator[bytes], call: Call, clock: Callable[[], float]) -> Iterator[bytes]:
    watch = call.watch
    kept = call.kept
    asked = clock()
    try:
        for chunk in body:
            wait = clock() - asked
            if wait > watch.longest_wait:  # noqa: PLR1730 - for every read, and `max` is a call
                watch.longest_wait = wait
            watch.received += len(chunk)
            if kept is not None:
                keep(kept, chunk)
            yield chunk
            asked = clock()
    except GeneratorExit:
        raise
    except BaseException as error:
        watch.longest_wait = max(watch.longest_wait, clock() - asked)
        call.body_failed(error)
        raise
    call.body_read()


def _scanned(body: Iterator[bytes], call: Call, scan: Scan) -> Iterator[bytes]:
    try:
        for chunk in body:
            with call.guards.bodies:
                scan.feed(chunk)
            yield chunk
    except GeneratorExit:
        # The body cannot be read on, by nobody, and the connection is closed with its iterator.
        call.dropped()
        raise
    with call.guards.bodies:
        scan.end()


class _AsyncChunks:
    """The same for an async body: a class, for an async generator would need the event loop to be finalized.

    It has the methods of an async generator, as httpx2 closes the iterators of bodies that have them.
    """

    __slots__ = ("__weakref__", "_body", "_call", "_clock", "_kept", "_watch", "gi_running")

    def __init__(self, body: Any, call: Call) -> None:
        self._body = body
        self._call = call
        self._watch = call.watch
        self._kept = call.kept
        self._clock = call.clock
        self.gi_running = False

    def __aiter__(self) -> _AsyncChunks:
        return self

    async def __anext__(self) -> bytes:
        self.gi_running = True
        clock = self._clock
        asked = clock()
        try:
            chunk: bytes = await anext(self._body)
        except BaseException as error:
            self.gi_running = False
            self._ended(error, clock() - asked)
            raise
        wait = clock() - asked
        self.gi_running = False
        watch = self._watch
        if wait > watch.longest_wait:  # noqa: PLR1730 - for every read, and `max` is a call
            watch.longest_wait = wait
        watch.received += len(chunk)
        if self._kept is not None:
            keep(self._kept, chunk)
        return chunk

    async def asend(self, value: Any) -> bytes:
        chunk: bytes = await self._body.asend(value)
        return chunk

    async def athrow(self, *error: Any) -> bytes:
        chunk: bytes = await self._body.athrow(*error)
        return chunk

    async def aclose(self) -> None:
        close = getattr(self._body, "aclose", None)
        if close is not None:
            await close()

    def _ended(self, error: BaseException, wait: float) -> None:
        with self._call.guards.bodies:
            watch = self._call.watch
            if isinstance(error, StopAsyncIteration):
                self._call.body_read()
                return
            watch.longest_wait = max(watch.longest_wait, wait)
            self._call.body_failed(error)


class _ScannedChunks(_AsyncChunks):
    """The same, of a body that nobody decodes for us."""

    __slots__ = ("_scan",)

    def __init__(self, body: Any, call: Call, scan: Scan) -> None:
        super().__init__(body, call)
        self._scan = scan

    async def __anext__(self) -> bytes:
        chunk = await super().__anext__()
        with self._call.guards.bodies:
            self._scan.feed(chunk)
        return chunk

    def _ended(self, error: BaseException, wait: float) -> None:
        if isinstance(error, StopAsyncIteration):
            with self._call.guards.bodies:
                self._scan.end()
        super()._ended(error, wait)

    def __del__(self) -> None:
        """Ends the call as for a sync body, whose iterator is told when it is dropped."""
        self._call.dropped()
