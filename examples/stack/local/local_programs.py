"""Programs that run until they are stopped, each with a log, and ports that are free or not."""

from __future__ import annotations

import socket
import subprocess
import time
from contextlib import AbstractContextManager
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPException
from threading import Event
from typing import TYPE_CHECKING, Final
from urllib.error import HTTPError
from urllib.request import ProxyHandler, build_opener

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

__all__ = ("Program", "Programs", "StackError", "is_taken")

_START_SECONDS: Final = 120.0
_STOP_SECONDS: Final = 15.0
_PAUSE_SECONDS: Final = 0.2
_LAST_LINES: Final = 5

_opener: Final = build_opener(ProxyHandler({}))


class StackError(Exception):
    """A program does not start or has ended, or a port cannot be used. The message is for users."""


@dataclass(frozen=True)
class Program:
    """A program to run: its name, its command, and a URL that does not answer, or answers 5xx, before it is ready."""

    name: str
    command: tuple[str, ...]
    ready: str | None = None
    environment: tuple[tuple[str, str], ...] | None = None
    """All of it. `None` for that of this process."""


class Programs(AbstractContextManager["Programs"]):
    """Runs programs, and stops those that still run at the end of the `with` block, the last one first.

    What each prints is in `NAME.log` in `folder`. Each has a session, so that Ctrl-C in a terminal does not reach it: a
    program that sends telemetry ends before the one that receives it.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, program: Program, stopped: Event | None = None) -> None:
        """Starts `program`, and returns once it is ready, or `stopped` is set. Raises `StackError` if it fails."""
        with self._log(program.name).open("ab") as log:
            self._running[program.name] = subprocess.Popen(
                program.command,
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=None if program.environment is None else dict(program.environment),
                start_new_session=True,
            )
        deadline = time.monotonic() + _START_SECONDS
        wait = (stopped or Event()).wait
        while program.ready is not None and not _answers(program.ready):
            self.check()
            if time.monotonic() > deadline:
                message = f"{program.name} is not ready after {_START_SECONDS:.0f} s: {self._last_lines(program.name)}"
                raise StackError(message)
            if wait(_PAUSE_SECONDS):
                return

    def check(self) -> None:
        """Raises `StackError` if a program has ended by itself."""
        for name, process in self._running.items():
            if process.poll() is not None:
                message = f"{name} has ended with status {process.returncode}: {self._last_lines(name)}"
                raise StackError(message)

    def stop(self, name: str) -> None:
        """Ends a program: with SIGTERM, and after some seconds with SIGKILL."""
        process = self._running.pop(name)
        process.terminate()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for name in reversed(list(self._running)):
            self.stop(name)

    def _log(self, name: str) -> Path:
        return self._folder / f"{name}.log"

    def _last_lines(self, name: str) -> str:
        lines = self._log(name).read_text(errors="replace").splitlines()
        return "\n".join(lines[-_LAST_LINES:]) or "it printed nothing"


def is_taken(port: int) -> bool:
    """Whether something listens on `port` of loopback, or of all addresses."""
    with socket.socket() as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


def _answers(url: str) -> bool:
    try:
        with _opener.open(url, timeout=_START_SECONDS):
            return True
    except HTTPError as error:
        error.close()
        return error.code < HTTPStatus.INTERNAL_SERVER_ERROR  # an OTLP receiver has no page
    except (OSError, HTTPException):
        return False
