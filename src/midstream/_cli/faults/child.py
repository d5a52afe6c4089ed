"""Runs a command against the fault server: any program that uses the SDK, unchanged."""

from __future__ import annotations

import os
import signal
import subprocess
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from midstream._cli.console.problem import Problem, shown
from midstream._cli.console.signals import signals_handled

if TYPE_CHECKING:
    from collections.abc import Sequence


_KEYS: Final = ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN")
_KILLED: Final = 128


def run_command(command: Sequence[str], url: str, *, with_key: bool) -> int:
    """Runs `command` with the SDK's base URL set to `url`, and returns its exit status, as a shell would.

    `with_key` sets a meaningless API key if the environment has none. Raises `Problem` if it cannot be started.
    """
    environment = {**os.environ, "ANTHROPIC_BASE_URL": url}
    if with_key and not any(map(os.environ.get, _KEYS)):
        environment[_KEYS[0]] = "any"
    try:
        child = subprocess.Popen(command, env=environment)  # noqa: S603 - the command is the user's own
    except (OSError, ValueError) as error:
        message = f"COMMAND {shown(command[0])}: cannot be run: {getattr(error, 'strerror', None) or error}"
        raise Problem(message) from error

    def terminate(*_: object) -> None:
        with suppress(OSError):
            child.terminate()

    # The terminal sends Ctrl-C to the child as well, which decides what to do about it.
    with child, signals_handled({signal.SIGTERM: terminate, signal.SIGINT: signal.SIG_IGN}):
        status = child.wait()
    return status if status >= 0 else _KILLED - status
