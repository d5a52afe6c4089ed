"""Runs a command against the fault server: any program that uses the SDK, unchanged."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Final

from midstream._cli.console.programs import run_program

_KEYS: Final = ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN")


def run_command(command: Sequence[str], url: str, *, with_key: bool) -> int:
    """Runs `command` with the SDK's base URL set to `url`, and returns its exit status, as a shell would.

    `with_key` sets a meaningless API key if the environment has none. Raises `Problem` if it cannot be started.
    """
    environment = {**os.environ, "ANTHROPIC_BASE_URL": url}
    if with_key and not any(map(os.environ.get, _KEYS)):
        environment[_KEYS[0]] = "any"
    return run_program(command, environment)
