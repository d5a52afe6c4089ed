"""Exceptions out of the application's signal handlers. Standard library only, as `guard` stands on this module.

A handler runs wherever the main thread happens to be: in the SDK, in its HTTP client, or in midstream. What it raises
is meant for the application, whatever wraps it on its way.
"""

from __future__ import annotations

import inspect
from itertools import islice
from traceback import walk_tb
from types import FrameType, TracebackType
from typing import Final, cast

_MAX_FRAMES: Final = 256
"""Frames of a traceback that are looked at, from the outermost on."""

_ARGUMENTS: Final = 2


def raised_by_signal_handler(traceback: object) -> bool:
    """Whether an exception with this `traceback` came out of a signal handler.

    Not by `signal.getsignal()`: a handler that sets a limit is often taken away with it. A handler in C is not seen.
    """
    # No other class can be one, and only the real one is sure to end.
    frames = walk_tb(traceback if type(traceback) is TracebackType else None)
    # Not the outermost frame: it may still run, and a look at its arguments would keep its variables.
    return any(_is_signal_handler(frame) for frame, _ in islice(frames, 1, _MAX_FRAMES))


def _is_signal_handler(frame: FrameType) -> bool:
    """Whether `frame` runs a function that was called as the interpreter calls a handler: with a number and a frame."""
    code = frame.f_code
    if code.co_argcount < _ARGUMENTS and not code.co_flags & inspect.CO_VARARGS:
        return False
    values = _arguments(frame)
    return len(values) >= _ARGUMENTS and issubclass(type(values[-2]), int) and type(values[-1]) is FrameType


def _arguments(frame: FrameType) -> list[object]:
    """The values of the positional arguments that `frame` was called with, as far as they are still bound."""
    found = inspect.getargvalues(frame)
    positional = [found.locals.get(name) for name in found.args]
    return [*positional, *cast("tuple[object, ...]", found.locals.get(found.varargs or "", ()))]
