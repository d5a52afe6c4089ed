"""Ends the processes that a run of the tests leaves behind, however the run itself ends.

Processes inherit the environment, and with it the name of the run. The reaper is a process beside pytest: when pytest
is gone, even by SIGKILL, it kills every process that carries the name.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import uuid
from contextlib import suppress
from pathlib import Path
from typing import Final

RUN: Final = "PYTEST_RUN_OF_MIDSTREAM"
"""The environment variable that names the run."""

_PROCESSES: Final = Path("/proc")
_PAUSE_SECONDS: Final = 0.2
_started: Final = list[subprocess.Popen[bytes]]()


def start_reaper() -> None:
    """Names this run and starts its reaper. No effect in a worker or a nested run, and where there is no `/proc`."""
    if RUN in os.environ or not _PROCESSES.exists():
        return
    run = uuid.uuid4().hex
    # In a new session, so that Ctrl-C does not end it before the others.
    command = (sys.executable, "-S", "-E", __file__, run, str(os.getpid()))
    quiet = subprocess.DEVNULL
    _started.append(subprocess.Popen(command, stdin=quiet, stdout=quiet, stderr=quiet, start_new_session=True))
    os.environ[RUN] = run


def processes_of(run: str) -> list[int]:
    """The numbers of the live processes with this name in their environment, in `RUN` or a variable that begins so."""
    return [int(folder.name) for folder in _PROCESSES.glob("[0-9]*") if _carries(folder, run)]


def _carries(folder: Path, run: str) -> bool:
    try:
        variables = (folder / "environ").read_text(errors="replace").split("\0")
        return any(variable.startswith(RUN) and variable.endswith(f"={run}") for variable in variables)
    except OSError:  # it has just ended, or belongs to another user
        return False


def _reap(run: str, parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_PAUSE_SECONDS)
    while left := processes_of(run):
        for pid in left:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(_PAUSE_SECONDS)


if __name__ == "__main__":
    _reap(sys.argv[1], int(sys.argv[2]))
