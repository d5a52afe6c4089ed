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
_of_hidden_calls: tuple[CallObserver, ...] = ()
"""Those of them that are notified of calls under `suppress_instrumentation()`, too."""


def add_call_observer(observer: CallObserver, *, hidden: bool = False) -> None:
    """Notifies `observer` of the calls that start from now on.

    `hidden`: also of those under `suppress_instrumentation()`, which are not recorded.
    """
    global _observers, _of_hidden_calls  # noqa: PLW0603 - calls belong to the process
    _observers = (*_observers, observer)
    if hidden:
        _of_hidden_calls = (*_of_hidden_calls, observer)


def remove_call_observer(observer: CallObserver) -> None:
    """Ends that. Nothing happens if it is not notified."""
    global _observers, _of_hidden_calls  # noqa: PLW0603 - calls belong to the process
    _observers = tuple(known for known in _observers if known is not observer)
    _of_hidden_calls = tuple(known for known in _of_hidden_calls if known is not observer)


def hidden_calls_are_seen() -> bool:
    """Whether an observer is notified of calls under `suppress_instrumentation()`."""
    return bool(_of_hidden_calls)


def notify_started(request: CallRequest, *, hidden: bool = False) -> Callable[[CallRecord | None], object] | None:
    """Notifies the observers of a call. Returns the callback for its end; `None` if there is none to notify."""
    observers = _of_hidden_calls if hidden else _observers
    if not observers:
        return None
    callbacks = [observer.started(request) for observer in observers]
    return lambda record: [callback(record) for callback in callbacks]
