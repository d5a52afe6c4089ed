"""The event iterators, sync and async. For most events they do one identity test: see `EventTypes`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Optional

from midstream._sdk.closing import Closing

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from midstream._outcomes.corrected import CorrectedError
    from midstream._sdk.call import ObservedCall


Find = Callable[[], Optional["ObservedCall"]]
"""Finds the call of a stream when its iteration begins: below SDK 1.14 the iterator is made before its call."""


def raise_corrected(corrected: CorrectedError | None, original: BaseException | None = None) -> None:
    """Raises `corrected` in place of `original`, if there is one.

    No frame but this one refers to it, and this one drops it: its traceback would form a cycle with a frame that does.
    """
    if corrected is None:
        return
    try:
        if original is None:
            raise corrected
        raise corrected from original
    finally:
        if isinstance(original, StopAsyncIteration):
            corrected.__cause__ = corrected.__context__ = None  # the end of an iterator caused nothing
        del corrected


def observed_events(events: Any, find: Find) -> Iterator[Any]:
    """`events`, the SDK's generator. Its events and its end are passed to the call that `find` finds."""
    call = find()
    del find  # it holds the response
    if call is None:
        yield from events
        return
    call.parsed_by(events)
    event = None
    ignored = call.ignored_event_type
    try:
        for event in events:
            if type(event) is not ignored:
                call.on_event(event)
                ignored = call.ignored_event_type
            yield event
    except GeneratorExit:
        with call.closing(event):
            # Immediately, as without midstream: the SDK's generator closes the response.
            events.close()
        raise
    except BaseException as error:
        raise_corrected(call.failed(error, event), error)
        raise
    raise_corrected(call.on_end(event))


class ObservedAsyncEvents:
    """The same for async: a class, because an async generator would use the loop's exception handler and finalizers."""

    __slots__ = ("__weakref__", "_call", "_events", "_find", "_ignored", "_last")

    def __init__(self, events: Any, find: Find) -> None:
        self._events = events
        self._find: Find | None = find
        self._call: ObservedCall | None = None
        self._ignored: type | None = None
        self._last: Any = None

    def __aiter__(self) -> AsyncIterator[Any]:
        return self

    async def __anext__(self) -> Any:
        if self._find is not None:
            self._begin(self._find)
        try:
            event = await anext(self._events)
        except BaseException as error:
            raise_corrected(self._ended(error), error)
            raise
        if type(event) is not self._ignored and self._call is not None:
            self._call.on_event(event)
            self._ignored = self._call.ignored_event_type
        self._last = event
        return event

    async def aclose(self) -> None:
        """Closes the SDK's generator, and then ends the call."""
        with Closing() if self._call is None else self._call.closing(self._last):
            await self._events.aclose()

    def _begin(self, find: Find) -> None:
        self._find = None  # it holds the response
        self._call = find()
        if self._call is not None:
            self._call.parsed_by(self._events)

    def _ended(self, error: BaseException) -> CorrectedError | None:
        call = self._call
        if call is None:
            return None
        with call.guards.streams:
            if _is_read_by_another(self._events, error):
                return None
            if isinstance(error, StopAsyncIteration):
                return call.on_end(self._last)
            return call.failed(error, self._last)
        return None


def observed_helper(events: Iterator[Any], find: Find) -> Iterator[Any]:
    """`events`, the generator of a helper around a stream. Its own exceptions are recorded for the stream's call.

    The stream does not see them: it waits for the helper to request the next event.
    """
    try:
        yield from events
    except GeneratorExit:
        raise
    except BaseException as error:
        raise_corrected(_helper_failed(find, error), error)
        raise


class ObservedAsyncHelper:
    """The same for an async helper: a class, because the event loop would have to finalize an async generator."""

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
                raise_corrected(_helper_failed(self._find, error), error)
            raise

    async def aclose(self) -> None:
        """Closes the helper's generator."""
        await self._events.aclose()


def _helper_failed(find: Find, error: BaseException) -> CorrectedError | None:
    call = find()
    return None if call is None else call.failed(error)


def _is_read_by_another(events: Any, error: BaseException) -> bool:
    """Whether `error` only says that another task is reading, which continues."""
    return isinstance(error, RuntimeError) and getattr(events, "ag_running", False) is True
