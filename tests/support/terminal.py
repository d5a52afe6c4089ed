"""A program in a pseudo-terminal."""

from __future__ import annotations

import os
import re
import select
import signal
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

__all__ = ("Terminal", "in_terminal")

_PATIENCE_SECONDS: Final = 120.0
_COLUMNS, _LINES = 80, 40
_ESCAPES: Final = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")
_REDRAW: Final = re.compile(r"(?:\r?(?:\x1b\[2K|\x1b\[1A))+")


@dataclass
class Terminal:
    """What a program writes onto its terminal."""

    pid: int
    _file: int
    written: str = field(default="", init=False)
    """Everything so far."""

    def read_until(self, text: str) -> None:
        """Waits until `text` is written."""
        while text not in self.written:
            assert self._read(), f"it ended without {text!r}: {self.text()}"

    def end(self) -> int:
        """Waits for the end of the program. Returns its exit status."""
        while self._read():
            pass
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])

    def press(self, keys: str) -> None:
        """Presses keys."""
        os.write(self._file, keys.encode())

    def text(self) -> str:
        """Everything so far, without colours and without what moves the cursor."""
        return _ESCAPES.sub("", self.written).replace("\r\n", "\n")

    def wait_for_screen(self, *texts: str) -> list[str]:
        """Waits until `texts` are on one screen, and returns its lines."""
        drawn = self.wait_for_drawn(lambda shown: all(text in shown for text in texts))
        return [line.rstrip() for line in _ESCAPES.sub("", drawn).splitlines()]

    def wait_for_drawn(self, wanted: Callable[[str], bool]) -> str:
        """Waits for a screen whose text is `wanted`, and returns it with its colours.

        A display that goes back to its first line, to draw itself again, makes several.
        """
        while True:
            for drawn in _REDRAW.split(self.written)[:-1]:  # the last one may not be complete
                if wanted(_ESCAPES.sub("", drawn)):
                    return drawn
            assert self._read(), f"it ended: {self.text()}"

    def _read(self) -> bool:
        """Reads what there is. Returns whether there may be more."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        ready, _, _ = select.select([self._file], [], [], deadline - time.monotonic())
        assert ready, f"it wrote nothing for {_PATIENCE_SECONDS:g} seconds: {self.text()}"
        try:
            read = os.read(self._file, 65536)
        except OSError:  # Linux says so when the program has closed the terminal
            return False
        self.written += read.decode(errors="replace")
        return bool(read)


@contextmanager
def in_terminal(*command: str, **environment: str) -> Generator[Terminal]:
    """Runs `command` in a terminal until the end of the `with` block at the latest."""
    import pty  # only where there are pseudo-terminals

    kept = {name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "MIDSTREAM_"))}
    sized = {"COLUMNS": str(_COLUMNS), "LINES": str(_LINES), "TERM": "xterm-256color"}
    pid, file = pty.fork()
    if pid == 0:
        os.execve(command[0], command, {**kept, **sized, **environment})  # noqa: S606 - a program of the tests
    try:
        yield Terminal(pid, file)
    finally:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        with suppress(ChildProcessError):
            os.waitpid(pid, 0)
        os.close(file)
