"""Keeps the output of the program out of the display."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

from midstream._cli.console.values import log_file
from midstream._outcomes.failure import shortened

_LAST_LINES: Final = 15
_LAST_BYTES: Final = 16_384


@dataclass(frozen=True)
class Output:
    """The output of the program. `None` leaves a stream where this process has it."""

    stdout: IO[Any] | int | None = None
    stderr: IO[Any] | int | None = None
    log: Path | None = None

    def last_lines(self) -> list[str]:
        """The end of the log. Empty without one."""
        if self.log is None or not self.log.is_file():
            return []
        with self.log.open("rb") as file:
            file.seek(max(file.seek(0, os.SEEK_END) - _LAST_BYTES, 0))
            lines = file.read().decode(errors="replace").splitlines()
        # With the indentation of a traceback, and without what steers a terminal.
        return [line[: len(line) - len(line.lstrip())] + shortened(line) for line in lines[-_LAST_LINES:]]


@contextmanager
def program_output(log: str | None, *, quiet: bool, on_screen: bool, stdout_is_taken: bool) -> Generator[Output]:
    """Yields where the output goes: into the file `log`, or nowhere if `quiet`.

    Otherwise what would be written onto the screen goes into a temporary file, which stays unless it is empty, and
    stdout to stderr if it is taken. Raises `Problem` if the file cannot be written.
    """
    if quiet:
        yield Output(subprocess.DEVNULL, subprocess.DEVNULL)
    elif log is not None:
        with log_file(log, "wb") as file:
            yield Output(file, file, Path(log))
    elif on_screen and (sys.stdout.isatty() or sys.stderr.isatty()):
        number, name = tempfile.mkstemp(prefix="midstream-watch-", suffix=".log")
        with open(number, "wb") as file:  # noqa: PTH123 - it is open already
            yield Output(file if sys.stdout.isatty() else None, file if sys.stderr.isatty() else None, Path(name))
        if not Path(name).stat().st_size:
            Path(name).unlink()
    else:
        yield Output(sys.stderr if stdout_is_taken else None)
