"""The error message of a command that fails."""

from __future__ import annotations

import errno
from typing import Final, NoReturn

import click

_REASONS: Final = {
    errno.EADDRINUSE: "the port is taken; give one that is free, or 0 for any",
    errno.EACCES: "the port may not be used; give one above 1023, or 0 for any",
}


class Problem(click.ClickException):
    """One line on stderr, and exit status 2. It names the option, its value and what is allowed."""

    exit_code = 2


def refuse(option: str, value: str, reason: str) -> NoReturn:
    """Raises the `Problem` with this value of an option."""
    message = f"{option} {shown(value)}: {reason}"
    raise Problem(message)


def cannot_listen(port: int, error: OSError, otherwise: str) -> Problem:
    """The problem with `--port` if `error` is about the port, and the message `otherwise` if not."""
    reason = _REASONS.get(error.errno or 0)
    return Problem(otherwise if reason is None else f"--port {port}: {reason}")


def shown(value: str) -> str:
    """`value` for a message of one line: quoted if it would not be visible as it is."""
    return value if value and value.isprintable() and value == value.strip() else repr(value)
