"""Handlers of signals that are in place for a while. For the main thread only, as signals are."""

from __future__ import annotations

import signal
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from threading import Event
from types import FrameType

_POLL_SECONDS = 0.5


@contextmanager
def signals_handled(
    handlers: Mapping[signal.Signals, Callable[[int, FrameType | None], object] | signal.Handlers],
) -> Generator[None]:
    """Installs `handlers` inside the `with` block. Afterwards the previous ones are back."""
    previous = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


@contextmanager
def until_stopped() -> Generator[Callable[[], None]]:
    """Inside the `with` block Ctrl-C and SIGTERM stop nothing. Yields a function that waits for one of them."""
    stopped = Event()

    def stop(*_: object) -> None:
        stopped.set()

    def wait() -> None:
        # Windows handles signals only between two waits.
        while not stopped.wait(_POLL_SECONDS):
            pass

    with signals_handled({signal.SIGINT: stop, signal.SIGTERM: stop}):
        yield wait
