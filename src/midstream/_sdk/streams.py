"""The event iterators, sync and async. Per event they do one identity test."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Optional

from midstream._sdk.closing import Closing

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from midstream._sdk.calls import Call


Find = Callable[[], Optional["Call"]]
"""Finds the call of a stream when its iteration begins: below SDK 1.14 the iterator is made before its call."""


def observed_events(events: Any, find: Find) -> Iterator[Any]:
    """`events`, the SDK's own generator, with its end told to the call that `find` finds."""
    call = find()
    del find  # which has more to hold than is needed from now on
    if call is None:
        yield from events
        return
    call.parsed_by(events)
    event = None
    skipped = call.skipped
    try:
        for event in events:
            if type(event) is not skipped:
                call.on_event(event)
                skipped = call.skipped
            yield event
    except GeneratorExit:
        with Closing(call, call.closing(event)):
            # At once, as without us: the SDK's generator closes the response.
            events.close()
        raise
    except BaseException as error:
        call.failed(error, event)
        raise
    call.on_end(event)


class ObservedAsyncEvents:
    """The same for async. A class, for an async generator would leave messages in the loop's exception handler."""

    __slots__ = ("__weakref__", "_call", "_events", "_find", "_last", "_skipped")

    def __init__(self, events: Any, find: Find) -> None:
        self._events = events
        self._find: Find | None = find
        self._call: Call | None = None
        self._skipped: type | None = None
        self._last: Any = None

    def __aiter__(self) -> AsyncIterator[Any]:
        return self

    async def __anext__(self) -> Any:
        if self._find is not None:
            self._begin(self._find)
        try:
            event = await anext(self._events)
        except BaseException as error:
            self._ended(error)
            raise
        if type(event) is not self._skipped:
            self._look(event)
        self._last = event
        return event

    async def aclose(self) -> None:
        """Closes the SDK's generator, and then ends the call."""
        call = self._call
        with Closing(call, None if call is None else call.closing(self._last)):
            await self._events.aclose()

    def _begin(self, find: Find) -> None:
        self._find = None  # which has more to hold than is needed from now on
        self._call = find()
        if self._call is not None:
            self._call.parsed_by(self._events)

    def _look(self, event: Any) -> None:
        if self._call is not None:
            self._call.on_event(event)
            self._skipped = self._call.skipped

    def _ended(self, error: BaseException) -> None:
        call = self._call
        if call is None:
            return
        with call.guards.streams:
            if _is_read_by_another(self._events, error):
                return
            if isinstance(error, StopAsyncIteration):
                call.on_end(self._last)
            else:
                call.failed(error, self._last)


def observed_helper(events: Iterator[Any], find: Find) -> Iterator[Any]:
    """`events`, the generator of a helper around a stream, whose own exceptions are recorded for the stream's call.

    The stream does not see them: it waits for the helper to ask for its next event.
    """
    try:
        yield from events
    except GeneratorExit:
        raise
    except BaseException as error:
        _helper_failed(find, error)
        raise


class ObservedAsyncHelper:
    """The same for an async helper: a class, for an async generator would need the event loop to be finalized."""

    __slots__ = ("__weakref__", "_events", "_find")

    def __init__(self, events: Any, find: Find) -> None:
        self._events = events
        self._find = find

    def __aiter__(self) -> AsyncIterator[Any]:
        return self

    async def __anext__(self) -> Any:
        try:
            return await anext(self._events)
        except StopAsyncIteration:
            raise
        except BaseException as error:
            if not _is_read_by_another(self._events, error):
                _helper_failed(self._find, error)
            raise

    async def aclose(self) -> None:
        """Closes the helper's generator."""
        await self._events.aclose()


def _helper_failed(find: Find, error: BaseException) -> None:
    call = find()
    if call is not None:
        call.failed(error)


def _is_read_by_another(events: Any, error: BaseException) -> bool:
    """Whether `error` only says that another task is reading, which goes on."""
    return isinstance(error, RuntimeError) and getattr(events, "ag_running", False) is True
