"""Machine instructions, counted by valgrind: they do not depend on what else the machine does.

The counted program runs under valgrind and forks for every run, so that everything is loaded once. Each run is done
with some items and with twice as many; the difference is the cost of the items alone.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

Do = Callable[[int], None]
"""Does something with that many items."""


class Countable(NamedTuple):
    """Work whose instructions can be counted."""

    items: int
    variants: Mapping[str, Callable[[], Do]]
    """By name, the function that prepares the work. Each runs in a separate process."""


def counted(program: Sequence[str]) -> dict[str, dict[str, float]]:
    """The instructions per item, by name and variant, of what a Python program counts.

    `program` is the command line, which gets one more argument: the file to pass to `count`.
    """
    valgrind = shutil.which("valgrind")
    if valgrind is None:
        sys.exit("valgrind is not installed")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        command = (
            *(valgrind, "--tool=cachegrind", "--cache-sim=no", f"--cachegrind-out-file={folder}/%p", "--quiet"),
            *(sys.executable, *program, str(folder / "runs")),
        )
        environment = {**os.environ, "PYTHONHASHSEED": "0"}
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
        if done.returncode:
            sys.exit(f"valgrind failed: {done.stderr}")
        runs = json.loads((folder / "runs").read_text(encoding="utf-8"))
        return {
            key: {
                variant: (_instructions(folder, twice) - _instructions(folder, once)) / items
                for variant, (once, twice) in variants.items()
            }
            for key, (items, variants) in runs.items()
        }


def count(report: Path, countables: Mapping[str, Countable]) -> None:
    """Runs every variant, and writes to `report` which process did what. For a program that runs under valgrind."""
    part = report.with_name("part")
    runs = {
        key: (items, {variant: _run_twice(part, items, prepare) for variant, prepare in variants.items()})
        for key, (items, variants) in countables.items()
    }
    report.write_text(json.dumps(runs), encoding="utf-8")


def _run_twice(part: Path, items: int, prepare: Callable[[], Do]) -> list[int]:
    """The processes that did the work with `items` items and with twice as many."""

    def run() -> None:
        do = prepare()
        pids = [_forked(partial(do, number)) for number in (items, 2 * items)]
        part.write_text(json.dumps(pids), encoding="utf-8")

    _forked(run)
    pids: list[int] = json.loads(part.read_text(encoding="utf-8"))
    return pids


def _forked(run: Callable[[], None]) -> int:
    pid = os.fork()
    if not pid:
        run()
        os._exit(0)
    if os.waitpid(pid, 0)[1]:
        message = "a run has failed"
        raise RuntimeError(message)
    return pid


def _instructions(folder: Path, pid: int) -> int:
    report = folder / str(pid)
    found = re.search(r"^summary: (\d+)", report.read_text(encoding="utf-8"), re.MULTILINE)
    if found is None:
        message = f"valgrind wrote no summary: {report}"
        raise RuntimeError(message)
    return int(found[1])
