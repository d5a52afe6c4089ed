"""The body of a live response: its bytes, the waits for them, its close, and the scan of a body without a parser."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, Final

import wrapt

from midstream._guard import attempt
from midstream._outcomes.frames import FrameScan
from midstream._outcomes.remains import keep
from midstream._outcomes.scan import ByteScan, DocumentScan, EventScan, Unpacked, can_unpack
from midstream._outcomes.unexpected import is_json
from midstream._sdk import callers
from midstream._sdk.results import decoding_error_with, encodings_in, media_type_in

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from typing import SupportsIndex

    from midstream._outcomes.scan import Scan
    from midstream._sdk.call import ObservedCall

    _Proxy = wrapt.ObjectProxy[Any]
else:
    # wrapt 1 has no types, and its proxies take no parameter.
    _Proxy = wrapt.ObjectProxy

_UNPACKS: Final = frozenset({"iter_bytes", "aiter_bytes"})
"""The methods of the HTTP client's response that undo the content encoding. Only readers of raw bytes bypass them."""


def observe_body(response: Any, call: ObservedCall) -> bool:
    """Opens `call` and puts an `ObservedBody` in place of the body of `response`. `False` if `response` refuses it."""
    call.opened(response)
    # Also where it was read before it was returned, by an event hook for instance: the body keeps the call alive.
    observed = ObservedBody(attempt(getattr, response, "stream", None), call)
    return attempt(_put_in, response, observed) is True


def _put_in(response: Any, body: ObservedBody) -> bool:
    response.stream = body
    return response.stream is body


def call_in(response: Any) -> ObservedCall | None:
    """The call whose body `response` has. `None` if it has another one. Never raises.

    A Stream can be made later than its call, of another response, and can be a copy.
    """
    body = attempt(getattr, response, "stream", None)
    if type(body) is not ObservedBody:
        return None
    return body._self_call  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] - wrapt requires the prefix


class ObservedBody(_Proxy):
    """Stands for the body of a response of httpx or httpx2, sync, async or both, and is of its class for `isinstance`.

    Its other attributes (`elapsed`, the SDK's `stream_observer`) are those of the body itself.
    """

    # SDK 1.14 and later reads `stream_observer` of its response's body with every event. This finds what is here in
    # half the time, and Python still calls wrapt's `__getattr__` for the rest.
    __getattribute__ = object.__getattribute__

    def __init__(self, body: Any, call: ObservedCall) -> None:
        super().__init__(body)
        self._self_call = call
        # Also where it is None: a lookup of what the proxied body lacks takes microseconds.
        attempt(lambda: self.__self_setattr__("stream_observer", getattr(body, "stream_observer", None)))

    def __iter__(self) -> Iterator[bytes]:
        call = self._self_call
        scan = scan_of(call)
        body = iter(self.__wrapped__)
        return _chunks(body if scan is None else _scanned(body, call, scan), call)

    def __aiter__(self) -> AsyncIterator[bytes]:
        scan = scan_of(self._self_call)
        body = self.__wrapped__.__aiter__()
        return _AsyncChunks(body, self._self_call) if scan is None else _ScannedChunks(body, self._self_call, scan)

    # Copied and pickled as without midstream. The result is not observed: it is another body.
    def __copy__(self) -> Any:
        return copy.copy(self.__wrapped__)

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        return copy.deepcopy(self.__wrapped__, memo)

    def __reduce_ex__(self, protocol: SupportsIndex) -> Any:
        return self.__wrapped__.__reduce_ex__(protocol)

    def close(self) -> None:
        """Closes the body, and then ends the call if it is the application that closes."""
        with self._self_call.closing_body():
            self.__wrapped__.close()

    async def aclose(self) -> None:
        """Closes the body, and then ends the call if it is the application that closes."""
        with self._self_call.closing_body():
            await self.__wrapped__.aclose()


def _chunks(body: Iterator[bytes], call: ObservedCall) -> Iterator[bytes]:
    # Few local variables: an open stream holds them.
    watch = call.watch
    clock = watch.clock
    time = clock()
    call.is_reading = True
    try:
        for chunk in body:
            call.is_reading = False
            time = clock() - time
            if time > watch.longest_wait:  # noqa: PLR1730 - for every read, and `max` is a call
                watch.longest_wait = time
            watch.received += len(chunk)
            if call.kept is not None:
                keep(call.kept, chunk)
            yield chunk
            call.is_reading = True
            time = clock()
    except GeneratorExit:
        raise
    except BaseException as error:
        call.is_reading = False
        watch.longest_wait = max(watch.longest_wait, clock() - time)
        call.body_failed(error)
        raise
    call.is_reading = False
    call.body_read()


def _scanned(body: Iterator[bytes], call: ObservedCall, scan: Scan) -> Iterator[bytes]:
    try:
        for chunk in body:
            with call.guards.bodies:
                scan.feed(chunk)
            yield chunk
    except GeneratorExit:
        # Nothing can continue to read the body, and the connection is closed with its iterator.
        call.dropped()
        raise
    with call.guards.bodies:
        scan.end()


class _AsyncChunks:
    """The same for an async body: a class, because the event loop would have to finalize an async generator.

    It has the methods of an async generator because httpx2 closes the iterators of bodies that have them.
    """

    __slots__ = ("__weakref__", "_body", "_call", "_clock", "_kept", "_watch")

    def __init__(self, body: Any, call: ObservedCall) -> None:
        self._body = body
        self._call = call
        self._watch = call.watch
        self._kept = call.kept
        self._clock = call.watch.clock

    def __aiter__(self) -> _AsyncChunks:
        return self

    async def __anext__(self) -> bytes:
        self._call.is_reading = True
        clock = self._clock
        asked = clock()
        try:
            chunk: bytes = await anext(self._body)
        except BaseException as error:
            self._call.is_reading = False
            self._ended(error, clock() - asked)
            raise
        wait = clock() - asked
        self._call.is_reading = False
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
    """The same for a body without a parser."""

    __slots__ = ("_scan",)

    def __init__(self, body: Any, call: ObservedCall, scan: Scan) -> None:
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
        """Ends the call as for a sync body, whose generator notices that it is dropped."""
        self._call.dropped()


def scan_of(call: ObservedCall) -> Scan | None:
    """The scan of a body of `call` that is about to be read. `None` if it has a parser, or there is nothing to find.

    Never raises. The iterator of the body must call it: the stack shows which method reads.
    """
    scan: Scan | None = None
    if call.headers is not None and not call.is_parsed:
        with call.guards.bodies:
            scan = _scan_of(call, call.headers)
    return scan


def _scan_of(call: ObservedCall, headers: Any) -> Scan | None:
    readers = callers.readers()
    media_type, encodings = media_type_in(headers), encodings_in(headers)
    scan: Scan
    if media_type == "application/vnd.amazon.eventstream":
        scan = FrameScan(call)
    elif call.wants_events:
        scan = EventScan(call, call.watch.kind)  # whatever the media type, and also if it has no events
    elif call.watch.kind.proof is None:
        scan = ByteScan(call)
    else:
        # The SDK decodes every body that is called JSON, and takes any other that it cannot decode for a text.
        decodes = "json" in readers or ("parse" in readers and is_json(media_type))
        scan = DocumentScan(call, media_type, raises=decodes)
    if not can_unpack(encodings):
        return None
    for encoding in encodings:
        raises = not _UNPACKS.isdisjoint(readers)
        scan = Unpacked(scan, call, encoding, decoding_error_with(headers), raises=raises)
    return scan
