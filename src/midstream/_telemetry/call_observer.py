"""An observer of calls alongside the telemetry: the test fixtures. There is none in production."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from midstream._telemetry.call_record import CallRecord, CallRequest


class CallObserver(Protocol):
    """Is notified of every call that starts in this process while it is set. Must not raise or wait."""

    def started(self, request: CallRequest) -> Callable[[CallRecord | None], object]:
        """A call has started. Returns a callback for its end, which is called once, even after the observer is unset.

        It gets the record of the call, or `None` if the call could not be observed to its end.
        """
        ...


_observer: CallObserver | None = None


def set_call_observer(observer: CallObserver | None) -> None:
    """Notifies only `observer` of the calls that start from now on; `None` stops that."""
    global _observer  # noqa: PLW0603 - calls belong to the process, in which tests run one after the other
    _observer = observer


def notify_started(request: CallRequest) -> Callable[[CallRecord | None], object] | None:
    """Notifies the observer of a call. Returns its callback for the end of the call; `None` without an observer."""
    return None if _observer is None else _observer.started(request)
