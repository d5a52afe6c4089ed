"""Runs a command against the fault server: any program that uses the SDK, without a change to it."""

from __future__ import annotations

import os
import signal
import subprocess
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final

from midstream._cli.console.problem import Problem, shown

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence


_KEYS: Final = ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN")
_KILLED: Final = 128


def run_command(command: Sequence[str], url: str, *, with_key: bool) -> int:
    """Run `command` with the SDK's base URL set to `url`, and return its exit status.

    `with_key` gives it an API key of no meaning if its environment has none. Raises `Problem` if it cannot be started.
    """
    environment = {**os.environ, "ANTHROPIC_BASE_URL": url}
    if with_key and not any(map(os.environ.get, _KEYS)):
        environment[_KEYS[0]] = "any"
    try:
        child = subprocess.Popen(command, env=environment)  # noqa: S603 - the command is the user's own
    except (OSError, ValueError) as error:
        message = f"COMMAND {shown(command[0])}: cannot be run: {getattr(error, 'strerror', None) or error}"
        raise Problem(message) from error
    with child, _signals_for(child):
        status = child.wait()
    return status if status >= 0 else _KILLED - status


@contextmanager
def _signals_for(child: subprocess.Popen[bytes]) -> Generator[None]:
    """SIGTERM goes to the child. Ctrl-C it gets from the terminal, and it decides what that means."""

    def terminate(_number: int, _frame: object) -> None:
        with suppress(OSError):
            child.terminate()

    def leave_it(_number: int, _frame: object) -> None:
        pass

    before = (signal.signal(signal.SIGTERM, terminate), signal.signal(signal.SIGINT, leave_it))
    try:
        yield
    finally:
        for number, handler in zip((signal.SIGTERM, signal.SIGINT), before, strict=True):
            signal.signal(number, handler)
