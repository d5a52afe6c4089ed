"""How much work something is, in steps of the interpreter: a number that does not depend on the machine's load."""

from __future__ import annotations

import gc
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

__all__ = ("steps",)


def steps(work: Callable[[], object], within: str = "") -> int:
    """The bytecode instructions that `work` executes on this thread. What C code does inside one is not seen.

    Only those of code in files whose names have `within` in them.
    """
    count = 0

    def trace(frame: FrameType, event: str, _argument: Any) -> Any:
        nonlocal count
        if within not in frame.f_code.co_filename:
            return None
        frame.f_trace_opcodes = True
        frame.f_trace_lines = False
        count += event == "opcode"
        return trace

    # Finalizers of objects that others have left behind are not our work.
    collects, before = gc.isenabled(), sys.gettrace()
    gc.disable()
    # Python 3.12 traces no instruction before some frame has asked for that, and sees it only here.
    sys._getframe().f_trace_opcodes = True
    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(before)
        if collects:
            gc.enable()
    return count
