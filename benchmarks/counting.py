"""Machine instructions, counted by valgrind: they do not depend on what else the machine does.

A program that is run under valgrind forks itself for every run, so that everything is loaded once. Each is run with
some items and with twice as many: in the difference there is nothing but items.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ("Counted", "Do", "Making", "count", "counted")

Do = Callable[[int], None]
"""Does something with so many items."""


class Making(NamedTuple):
    """Something that is counted."""

    items: int
    """How many of them are counted."""
    bare: Callable[[], Do]
    """Makes what does it. In a process of its own, from which the runs are forked."""
    observed: Callable[[], Do]
    """The same, observed."""


class Counted(NamedTuple):
    """The instructions per item of something."""

    bare: float
    observed: float

    @property
    def added(self) -> float:
        """What is added by being observed."""
        return self.observed - self.bare


def counted(program: Sequence[str], seed: int = 0) -> dict[str, Counted]:
    """What the Python program `program` counts, which is given a file for `count` as its last argument.

    With the same `seed` of hashes the same is counted again. With another one, objects lie elsewhere in memory.
    """
    valgrind = shutil.which("valgrind")
    if valgrind is None:
        sys.exit("it needs valgrind")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        command = (
            *(valgrind, "--tool=cachegrind", "--cache-sim=no", f"--cachegrind-out-file={folder}/%p", "--quiet"),
            *(sys.executable, *program, str(folder / "runs")),
        )
        fixed = {**os.environ, "PYTHONHASHSEED": str(seed)}
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=fixed)
        if done.returncode:
            sys.exit(f"valgrind failed: {done.stderr}")
        runs = json.loads((folder / "runs").read_text(encoding="utf-8"))
        return {
            key: Counted(*(_difference(folder, pids) / items for pids in by_observed))
            for key, (items, by_observed) in runs.items()
        }


def count(report: Path, kinds: Mapping[str, Making]) -> None:
    """Runs all of `kinds`, which have names, under valgrind, and writes to `report` which process did what."""
    runs = {
        key: (one.items, [_runs_of(report.with_name("part"), one.items, make) for make in (one.bare, one.observed)])
        for key, one in kinds.items()
    }
    report.write_text(json.dumps(runs), encoding="utf-8")


def _runs_of(part: Path, items: int, make: Callable[[], Do]) -> list[int]:
    def run() -> None:
        do = make()
        pids = [_forked(partial(do, number)) for number in (items, 2 * items)]
        part.write_text(json.dumps(pids), encoding="utf-8")

    _forked(run)
    pids: list[int] = json.loads(part.read_text(encoding="utf-8"))
    return pids


def _forked(run: Callable[[], None]) -> int:
    """Runs it in a fork of this process, and returns the fork's id."""
    pid = os.fork()
    if not pid:
        run()
        os._exit(0)
    if os.waitpid(pid, 0)[1]:
        message = "a run has failed"
        raise RuntimeError(message)
    return pid


def _difference(folder: Path, pids: Sequence[int]) -> int:
    once, twice = (_instructions(folder / str(pid)) for pid in pids)
    return twice - once


def _instructions(report: Path) -> int:
    found = re.search(r"^summary: (\d+)", report.read_text(encoding="utf-8"), re.MULTILINE)
    if found is None:
        message = f"valgrind wrote no summary: {report}"
        raise RuntimeError(message)
    return int(found[1])
