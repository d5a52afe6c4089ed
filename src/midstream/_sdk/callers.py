"""The call stack: every walk over the frames of the running code.

Three facts are available nowhere else:

- whether the SDK's parser closes a stream, as it does at its end, or the application does;
- whether OpenTelemetry is beneath. The garbage collector finalizes streams wherever it runs, also inside an exporter or
  a metric reader that holds a lock, and recording a call there would wait for that lock forever;
- which method of the SDK reads a body.

The relevant frames are near the innermost one; beneath them is the application's stack, of any depth. So each walk
starts at the innermost frame and has a limit, and its cost does not depend on that depth. Upwards from the innermost
frame of OpenTelemetry, an export over OTLP/HTTP has at most 23 frames, a scrape by Prometheus 6, and the imports of a
first export 66 (Python 3.11, OpenTelemetry SDK 1.45, every Python and C call counted). `_MAX_FRAMES` is twice that.

Beyond the limit the answer is unknown: `called_by` says no, and the caller of `inside_telemetry` chooses.

The tracebacks of exceptions are another matter: the modules that classify exceptions read them, in the pure layer.
"""

from __future__ import annotations

import inspect
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from midstream._outcomes.error_classes import HTTP_CLIENTS
from midstream._outcomes.values import package_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType


_MAX_FRAMES: Final = 128

_MAX_READERS: Final = 32
"""More frames than the SDK and its HTTP client have between the method that reads an answer and the body."""

_LOCKING: Final = ("opentelemetry.sdk.", "opentelemetry.exporter.", "opentelemetry.metrics.")
"""The parts of OpenTelemetry that hold locks. Its instrumentations and decorators call the application."""

_READING: Final = HTTP_CLIENTS | {"anthropic"}
"""The packages whose methods read a body."""


def is_running(generator: Any) -> bool:
    """Whether `generator`, sync or async, runs now, in any thread. `True` for other iterators: it is unknown."""
    return bool(getattr(generator, "gi_running", getattr(generator, "ag_running", True)))


def called_by(generator: Any) -> bool:
    """Whether `generator`, sync or async, called the running code, directly or through others. Never raises."""
    frame: FrameType | None = getattr(generator, "gi_frame", getattr(generator, "ag_frame", None))
    # Between two events the generator does not run, and that is when an application closes a stream: no walk then.
    return frame is not None and is_running(generator) and runs_within(frame)


def runs_within(frame: FrameType) -> bool:
    """Whether `frame` called the running code, directly or through others. Never raises."""
    return any(running is frame for running in islice(_frames(), _MAX_FRAMES))


def inside_telemetry(*, if_unknown: bool) -> bool:
    """Whether this thread is inside OpenTelemetry, which may hold a lock. Never raises.

    `if_unknown` is the answer for a stack that is deeper than the limit.
    """
    frames = _frames()
    if any(_module(frame).startswith(_LOCKING) for frame in islice(frames, _MAX_FRAMES)):
        return True
    return if_unknown and next(frames, None) is not None


def readers() -> set[str]:
    """The names of the functions of the SDK and its HTTP client that run here. Never raises."""
    frames = islice(_frames(), _MAX_READERS)
    return {frame.f_code.co_name for frame in frames if package_of(_module(frame)) in _READING}


def _module(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__"))


def _frames() -> Iterator[FrameType]:
    frame = inspect.currentframe()
    while frame is not None:
        yield frame
        frame = frame.f_back
