"""Programs that `midstream watch` starts, and what it reports of them."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

from support.commands import midstream

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from midstream.faults import FaultServer
    from support.commands import Finished

__all__ = ("ended", "environment_for", "program", "watched")

_CALLS = """
import os, signal, subprocess, sys, time
import anthropic

def call(*models):
    client = anthropic.Anthropic(max_retries=0)
    for model in models:
        try:
            with client.messages.stream(
                model=model, max_tokens=64, messages=[{"role": "user", "content": "hello"}]
            ) as stream:
                stream.get_final_text()
        except Exception as error:
            if isinstance(error, TypeError | NameError):
                raise

def opened(model):
    stream = anthropic.Anthropic(max_retries=0).messages.create(
        model=model, max_tokens=64, messages=[{"role": "user", "content": "hello"}], stream=True
    )
    next(iter(stream))
    return stream
"""


def program(folder: Path, code: str, *, calls: bool = True) -> tuple[str, str]:
    """The command of a program that runs `code`, which may use `call(*models)` and `opened(model)` if it `calls`."""
    file = folder / "program.py"
    file.write_text(f"{_CALLS if calls else ''}{code}\n", encoding="utf-8")
    return sys.executable, str(file)


def environment_for(server: FaultServer) -> dict[str, str]:
    """The environment that points the SDK to `server`."""
    return {"ANTHROPIC_BASE_URL": server.url, "ANTHROPIC_API_KEY": "none"}


def watched(server: FaultServer, *command: str, **environment: str) -> tuple[Finished, Mapping[str, Any]]:
    """Watches `command` to its end. Returns what `midstream watch --json` did, and what it printed."""
    done = midstream("watch", "--json", "--", *command, **environment_for(server), **environment)
    assert done.stdout, done.stderr
    return done, json.loads(done.stdout)


def ended(summary: Mapping[str, Any]) -> Mapping[str, int]:
    """By outcome, the calls of a summary; without those that no call has."""
    return {outcome: number for outcome, number in summary["outcomes"].items() if number}
