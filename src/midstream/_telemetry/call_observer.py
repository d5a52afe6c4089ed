"""Observers of calls alongside the telemetry: the test fixtures, and `midstream watch`. Production has none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from midstream._telemetry.call_record import CallRecord, CallRequest


class CallObserver(Protocol):
    """Is notified of every call that starts in this process. Must not raise or wait."""

    def started(self, request: CallRequest) -> Callable[[CallRecord | None], object]:
        """A call has started. Returns a callback for its end, which is called once, even after the observer is removed.

        It gets the record of the call, or `None` if the call could not be observed to its end.
        """
        ...


_observers: tuple[CallObserver, ...] = ()


def add_call_observer(observer: CallObserver) -> None:
    """Notifies `observer` of the calls that start from now on."""
    global _observers  # noqa: PLW0603 - calls belong to the process
    _observers = (*_observers, observer)


def remove_call_observer(observer: CallObserver) -> None:
    """Ends that. Nothing happens if it is not notified."""
    global _observers  # noqa: PLW0603 - calls belong to the process
    _observers = tuple(known for known in _observers if known is not observer)


def notify_started(request: CallRequest) -> Callable[[CallRecord | None], object] | None:
    """Notifies the observers of a call. Returns the callback for the end of the call; `None` without an observer."""
    if not _observers:
        return None
    callbacks = [observer.started(request) for observer in _observers]
    return lambda record: [callback(record) for callback in callbacks]
