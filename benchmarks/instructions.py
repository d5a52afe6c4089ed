"""The machine instructions that midstream adds per event, per chunk and per question to the body; `make instructions`.

They do not depend on what else the machine does. Every path is run by a fork of one process that has loaded
everything, once with some items and once with twice as many: in the difference there is nothing but the items.
`--check` fails if more is added than `LIMITS` allows. `--calls` counts whole calls instead, with OpenTelemetry's SDK.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from call_paths import Kind

_ITEMS: Final = 2_000
_CALLS: Final = 10

LIMITS: Final[Mapping[str, Mapping[str, int]]] = {
    "3.10": {"events": 796, "async events": 2764, "chunks": 2563, "async chunks": 5317, "questions": 260},
    "3.11": {"events": 515, "async events": 2233, "chunks": 1873, "async chunks": 4108, "questions": 238},
    "3.12": {"events": 529, "async events": 2501, "chunks": 1984, "async chunks": 3991, "questions": 265},
    "3.13": {"events": 417, "async events": 2387, "chunks": 1838, "async chunks": 3847, "questions": 297},
}
"""By version of Python and path, the instructions that may be added per item on x86-64: as measured, a tenth, and 60.

Measured with CPython as its makefile builds it by default; a build that is optimized further is within the tenth. The
60 are what one bytecode instruction costs more where the interpreter does not specialize it, which can depend on code
that has nothing to do with it. What is added in bytecode is held exactly, by tests/reliability/test_instructions.py.
"""


class Counted(NamedTuple):
    """The instructions per item of one path."""

    bare: float
    observed: float

    @property
    def added(self) -> float:
        """What midstream adds."""
        return self.observed - self.bare


def main() -> None:
    """Counts, prints, and with `--check` judges."""
    parser = argparse.ArgumentParser(
        description="The machine instructions that midstream adds per event, per chunk and per question to the body."
    )
    parser.add_argument("--check", action="store_true", help="fail if more is added than the limits allow")
    parser.add_argument("--calls", action="store_true", help="count calls, of every kind")
    parser.add_argument("--paths", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.paths is not None:
        (_run_all_calls if arguments.calls else _run_all_paths)(arguments.paths)
        return
    if arguments.calls:
        print(f"Instructions per call, CPython {platform.python_version()}, {platform.machine()}")
        print(f"{'':36}{'bare':>12}{'observed':>12}{'added':>12}")
        for call, one in counted("--calls", _CALLS).items():
            print(f"{call:36}{one.bare:12,.0f}{one.observed:12,.0f}{one.added:12,.0f}")
        return
    limits = LIMITS.get(".".join(platform.python_version_tuple()[:2]), {})
    if arguments.check and not limits:
        sys.exit("there are no limits for this version of Python")
    found = counted("", _ITEMS)
    print(f"Instructions per item, CPython {platform.python_version()}, {platform.machine()}")
    print(f"{'':14}{'bare':>8}{'observed':>10}{'added':>8}{'limit':>8}")
    for path, one in found.items():
        print(f"{path:14}{one.bare:8.0f}{one.observed:10.0f}{one.added:8.0f}{limits.get(path, '-'):>8}")
    if arguments.check:
        over = [path for path, one in found.items() if one.added > limits[path]]
        if over:
            sys.exit(f"more instructions than allowed: {', '.join(over)}")


def counted(option: str, items: int) -> dict[str, Counted]:
    """By path, its instructions per item, of so many. `option` says which paths."""
    valgrind = shutil.which("valgrind")
    if valgrind is None:
        sys.exit("it needs valgrind")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        command = [
            *(valgrind, "--tool=cachegrind", "--cache-sim=no", f"--cachegrind-out-file={folder}/%p", "--quiet"),
            *(sys.executable, __file__, *filter(None, [option]), "--paths", str(folder / "paths")),
        ]
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, env={**os.environ, "PYTHONHASHSEED": "0"}
        )
        if done.returncode:
            sys.exit(f"valgrind failed: {done.stderr}")
        runs = json.loads((folder / "paths").read_text())
        return {
            path: Counted(
                *(_difference([_instructions(folder / str(pid)) for pid in pids]) / items for pids in by_observed)
            )
            for path, by_observed in runs.items()
        }


def _instructions(report: Path) -> int:
    found = re.search(r"^summary: (\d+)", report.read_text(), re.MULTILINE)
    if found is None:
        message = f"valgrind wrote no summary: {report}"
        raise RuntimeError(message)
    return int(found[1])


def _difference(counts: list[int]) -> int:
    once, twice = counts
    return twice - once


def _run_all_paths(report: Path) -> None:
    """Runs every path, and writes which process did which: bare and observed, with the items once and twice."""
    import event_paths  # noqa: PLC0415 - only here, under valgrind, for it is what takes time

    runs = {
        path: [
            [_forked(partial(event_paths.drive, path, items, observed=observed)) for items in (_ITEMS, 2 * _ITEMS)]
            for observed in (False, True)
        ]
        for path in event_paths.PATHS
    }
    report.write_text(json.dumps(runs))


def _run_all_calls(report: Path) -> None:
    """The same with calls. Each kind has a process of its own, observed or not, which forks off the runs."""
    import call_paths  # noqa: PLC0415 - only here, under valgrind

    folder = report.parent
    runs: dict[str, list[list[int]]] = {}
    for name, kind in call_paths.KINDS.items():
        runs[name] = []
        for observed in (False, True):
            part = folder / "part"
            _forked(partial(_run_calls, kind, part, observed=observed))
            runs[name].append(json.loads(part.read_text()))
    report.write_text(json.dumps(runs))


def _run_calls(kind: Kind, report: Path, *, observed: bool) -> None:
    calling = kind.calling(observed=observed)
    report.write_text(json.dumps([_forked(partial(calling, times)) for times in (_CALLS, 2 * _CALLS)]))


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


if __name__ == "__main__":
    main()
