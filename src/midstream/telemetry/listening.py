"""Who hears of calls beside the telemetry: the fixtures for tests. In production nobody does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from midstream.telemetry.ended import Ended, Request

__all__ = ("Listener", "listen_with", "started")


class Listener(Protocol):
    """Hears of every call that starts in this process while it listens. Must neither raise nor wait."""

    def started(self, request: Request) -> Callable[[Ended | None], object]:
        """A call has started. What is returned hears how it ended, once, even if nobody listens any more then.

        `None` means that the call could not be observed to its end.
        """
        ...


_listener: Listener | None = None


def listen_with(listener: Listener | None) -> None:
    """Has `listener`, and no other, hear of the calls that start from now on; `None` stops that."""
    global _listener  # noqa: PLW0603 - calls are the process's, and tests in it come one after the other
    _listener = listener


def started(request: Request) -> Callable[[Ended | None], object] | None:
    """Tells the listener of a call. What is returned is to hear how it ends; `None` if nobody listens."""
    return None if _listener is None else _listener.started(request)
