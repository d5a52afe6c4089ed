"""Runs a program of the user's: its exit status and its signals pass through."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, Final

from midstream._cli.console.problem import refuse
from midstream._cli.console.signals import signals_handled

_KILLED: Final = 128

_FROM_TERMINAL: Final = ("SIGINT", "SIGQUIT")
"""The signals that a terminal sends to every process in its foreground, so also to the program."""
_PASSED_ON: Final = (*_FROM_TERMINAL, "SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2")


def run_program(
    command: Sequence[str],
    environment: Mapping[str, str],
    stdout: IO[Any] | int | None = None,
    stderr: IO[Any] | int | None = None,
) -> int:
    """Runs `command` to its end, and returns its exit status, as a shell would.

    Raises `Problem` if it cannot be started. For the main thread only.
    """
    pending: list[int] = []
    child: subprocess.Popen[bytes] | None = None

    def pass_on(number: int, _frame: object) -> None:
        if child is None:
            pending.append(number)
        elif number not in _numbers(_FROM_TERMINAL) or not _is_in_foreground():
            _send(child, number)

    # What this process ignores, as under nohup, the program ignores, too.
    handled = [number for number in _numbers(_PASSED_ON) if signal.getsignal(number) is not signal.SIG_IGN]
    with signals_handled(dict.fromkeys(handled, pass_on)):
        try:
            child = subprocess.Popen(command, env=environment, stdout=stdout, stderr=stderr)  # noqa: S603 - the user's
        except (OSError, ValueError) as error:
            refuse("COMMAND", command[0], f"cannot be run: {getattr(error, 'strerror', None) or error}")
        for number in pending:
            _send(child, number)
        with child:
            status = child.wait()
    return status if status >= 0 else _KILLED - status


def _send(child: subprocess.Popen[bytes], number: int) -> None:
    with suppress(OSError, ValueError):  # it has ended, or the system has no way to send this one
        child.send_signal(number)


def _numbers(names: Sequence[str]) -> list[signal.Signals]:
    return [signal.Signals[name] for name in names if name in signal.Signals.__members__]


def _is_in_foreground() -> bool:
    try:
        with Path("/dev/tty").open("rb", buffering=0) as terminal:
            return os.tcgetpgrp(terminal.fileno()) == os.getpgrp()
    except (OSError, AttributeError):  # it has no terminal, or is on a system without them
        return False
