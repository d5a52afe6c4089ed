"""Serving until somebody wants it to end."""

from __future__ import annotations

import signal
from contextlib import contextmanager
from threading import Event
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Generator


_LOOK_SECONDS = 0.5


@contextmanager
def until_stopped() -> Generator[Callable[[], None]]:
    """From its entry on, Ctrl-C and SIGTERM are a wish to stop. It gives a function that waits for that wish.

    To be used in the main thread. At its end the signals mean again what they meant before.
    """
    stopped = Event()
    signals = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, lambda _number, _frame: stopped.set()) for number in signals]

    def wait() -> None:
        # Windows looks at signals only between two waits.
        while not stopped.wait(_LOOK_SECONDS):
            pass

    try:
        yield wait
    finally:
        for number, handler in zip(signals, before, strict=True):
            signal.signal(number, handler)
