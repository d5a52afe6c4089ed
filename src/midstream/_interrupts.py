"""Exceptions from the application's signal handlers. Standard library only, because `_guard` imports this.

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
"""Frames of a traceback that are examined, from the outermost one."""

_HANDLER_ARGUMENTS: Final = 2


def raised_by_signal_handler(traceback: object) -> bool:
    """Whether an exception with this `traceback` came out of a signal handler written in Python.

    `signal.getsignal()` does not show it: a handler that sets a time limit is often removed with the limit.
    """
    # Only a real traceback is sure to end.
    frames = walk_tb(traceback if type(traceback) is TracebackType else None)
    # Without the outermost frame: it may still run, and reading its arguments would keep its variables alive.
    return any(_is_signal_handler(frame) for frame, _ in islice(frames, 1, _MAX_FRAMES))


def _is_signal_handler(frame: FrameType) -> bool:
    """Whether the function of `frame` was called as the interpreter calls a handler: with a number and a frame."""
    code = frame.f_code
    if code.co_argcount < _HANDLER_ARGUMENTS and not code.co_flags & inspect.CO_VARARGS:
        return False
    values = _arguments(frame)
    return len(values) >= _HANDLER_ARGUMENTS and issubclass(type(values[-2]), int) and type(values[-1]) is FrameType


def _arguments(frame: FrameType) -> list[object]:
    """The values of the positional arguments of `frame`, where they are still bound."""
    found = inspect.getargvalues(frame)
    positional = [found.locals.get(name) for name in found.args]
    return [*positional, *cast("tuple[object, ...]", found.locals.get(found.varargs or "", ()))]
