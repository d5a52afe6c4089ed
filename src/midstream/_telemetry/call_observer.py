"""An observer of calls beside the telemetry: the fixtures for tests. In production there is none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from midstream._telemetry.call_record import CallRecord, Request


class CallObserver(Protocol):
    """Is notified of every call that starts in this process while it is set. Must neither raise nor wait."""

    def started(self, request: Request) -> Callable[[CallRecord | None], object]:
        """A call has started. Returns what is called once with its record, even if the observer is no longer set.

        `None` in place of a record means that the call could not be observed to its end.
        """
        ...


_observer: CallObserver | None = None


def set_call_observer(observer: CallObserver | None) -> None:
    """Notifies `observer`, and no other, of the calls that start from now on; `None` stops that."""
    global _observer  # noqa: PLW0603 - calls are the process's, and tests in it come one after the other
    _observer = observer


def notify_started(request: Request) -> Callable[[CallRecord | None], object] | None:
    """Notifies the observer of a call. Returns what takes the record at its end; `None` without an observer."""
    return None if _observer is None else _observer.started(request)
