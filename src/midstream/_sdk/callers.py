"""What is running here: every walk over the frames of the stack.

Three things are nowhere but on the stack:

- whether the SDK's parser closes a stream, as it does at its own end, or the application does;
- whether OpenTelemetry runs beneath. The garbage collector finalizes streams wherever it runs, also inside an exporter
  or a metric reader that holds a lock, and to record a call there would wait for that lock forever;
- which method of the SDK reads a body.

All of them are near the innermost frame: a deep stack of the application's is beneath them. So each walk begins at the
innermost frame and has a limit, and costs the same however deep the stack is. From the innermost frame of OpenTelemetry
upwards, an export over OTLP/HTTP has 23 frames at most, a scrape by Prometheus 6, and the imports that a first export
causes 66 (Python 3.11, OpenTelemetry SDK 1.45, every call and every C call looked at). `_MAX_FRAMES` is twice that.

Beyond the limit nothing is known. `runs_within` then takes the application for the one that closes, and the caller of
`inside_telemetry` says what to assume: that OpenTelemetry runs there, where the garbage collector may have come to.
"""

from __future__ import annotations

import inspect
from itertools import islice
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType


_MAX_FRAMES: Final = 128
"""Frames that are looked at, from the innermost one."""

_MAX_READERS: Final = 32
"""Frames between the code that reads an answer and the body: more than the SDK and its HTTP client have."""

_LOCKING: Final = ("opentelemetry.sdk.", "opentelemetry.exporter.", "opentelemetry.metrics.")
"""The parts of OpenTelemetry that hold locks. Its instrumentations and its decorators run the application inside."""

_READING: Final = frozenset({"anthropic", "httpx", "httpx2"})
"""The packages whose methods read a body."""


def runs_within(frame: FrameType) -> bool:
    """Whether `frame` is running here: it called, perhaps through others, what asks. Never raises."""
    return any(one is frame for one in islice(_frames(), _MAX_FRAMES))


def inside_telemetry(*, if_unknown: bool) -> bool:
    """Whether this thread is inside OpenTelemetry, where the garbage collector can run with a lock held. Never raises.

    `if_unknown` is the answer where the stack is deeper than the limit, and the frames within it do not tell.
    """
    frames = _frames()
    if any(_module(frame).startswith(_LOCKING) for frame in islice(frames, _MAX_FRAMES)):
        return True
    return if_unknown and next(frames, None) is not None


def readers() -> set[str]:
    """The names of the functions of the SDK and its HTTP client that are running here. Never raises."""
    frames = islice(_frames(), _MAX_READERS)
    return {frame.f_code.co_name for frame in frames if _module(frame).partition(".")[0] in _READING}


def _module(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__"))


def _frames() -> Iterator[FrameType]:
    """The frames that are running here, innermost first."""
    frame = inspect.currentframe()
    while frame is not None:
        yield frame
        frame = frame.f_back
