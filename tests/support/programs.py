"""Programs of the distribution that tests start."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, TypeVar

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence
    from pathlib import Path

__all__ = ("eventually", "needed", "running", "serving")

_PATIENCE_SECONDS: Final = 120.0
_PAUSE_SECONDS: Final = 0.5
_LAST_WORDS: Final = 2000

Result = TypeVar("Result")


def needed(program: str, package: str) -> str:
    """Where `program` is. Without it the test is skipped, but fails where `CI` is set in the environment."""
    found = shutil.which(program)
    if found is not None:
        return found
    reason = f"there is no {program}: Debian's package {package} has it"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


@contextmanager
def running(command: Sequence[str | Path], log: Path) -> Generator[subprocess.Popen[bytes]]:
    """Runs `command` until the end of the `with` block. Its output goes into `log`."""
    with log.open("wb") as output, subprocess.Popen(command, stdout=output, stderr=output) as process:
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(_PATIENCE_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()


@contextmanager
def serving(command: Sequence[str | Path], log: Path, says: str) -> Generator[str]:
    """Runs `command`, which takes a free port by itself and logs it: the group of the regular expression `says`.

    Gives the URL.
    """
    with running(command, log) as process:

        def address() -> str:
            text = log.read_text(errors="replace")
            found = re.search(says, text)
            if process.poll() is not None:
                message = f"{command[0]} has ended: {text[-_LAST_WORDS:]}"
                raise RuntimeError(message)
            assert found, f"{command[0]} does not listen: {text[-_LAST_WORDS:]}"
            return found[1]

        yield f"http://{eventually(address)}"


def eventually(told: Callable[[], Result], until: float | None = None) -> Result:
    """What `told` returns once its assertions hold. Those that do not, when `time.monotonic()` says `until`, fail.

    It is called once at least. By default it has two minutes.
    """
    deadline = time.monotonic() + _PATIENCE_SECONDS if until is None else until
    while True:
        try:
            return told()
        except AssertionError:
            if time.monotonic() > deadline:
                raise
        time.sleep(_PAUSE_SECONDS)
