"""A stack trace without quotations: files, lines and functions, no source lines and no messages.

A source line may hold a prompt as a literal, and the message of an exception may quote the body. The standard
formatting shows both.
"""

from __future__ import annotations

from collections import deque
from functools import lru_cache
from traceback import walk_tb
from typing import Final

from midstream._outcomes.error_classes import class_of
from midstream._outcomes.exceptions import causes
from midstream._outcomes.values import as_text

_MAX_FRAMES: Final = 64
_MAX_EXCEPTIONS: Final = 8
_MAX_PATH_LENGTH: Final = 1024
_CAUSE: Final = "\nThe above exception was the direct cause of the following exception:\n\n"


def stacktrace(error: BaseException) -> str:
    """The frames of `error` and of its causes, innermost cause first, as Python orders them."""
    return _CAUSE.join(map(_traceback, reversed(causes(error, _MAX_EXCEPTIONS))))


def _traceback(error: BaseException) -> str:
    # Not `StackSummary.extract`, which checks every file.
    frames = deque(walk_tb(error.__traceback__), maxlen=_MAX_FRAMES)
    lines = [_line(frame.f_code.co_filename, line, frame.f_code.co_name) for frame, line in frames]
    return "".join(("Traceback (most recent call last):\n", *lines, class_of(error).name, "\n"))


# Cached, because most exceptions come out of the same few places.
@lru_cache(maxsize=256)
def _line(file: str, line: int | None, function: str) -> str:
    return f'  File "{as_text(file, _MAX_PATH_LENGTH)}", line {line}, in {as_text(function)}\n'
