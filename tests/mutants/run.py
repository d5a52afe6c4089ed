"""Does `make test` find what `make test-full` finds? Puts small defects into the code, one at a time, and looks.

Each mutant is a copy of `src` with one change. It runs the stages below until a test fails; the last one has only the
tests that `make test` leaves out, so that a mutant that dies there names a gap of the quick set. One that survives all
of them is either equivalent to the original or a gap of both.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mutants.mutations import Mutation, chosen, enum_members, mutations

if TYPE_CHECKING:
    from collections.abc import Iterable

ROOT: Final = Path(__file__).resolve().parents[2]
SOURCE: Final = ROOT / "src"
PACKAGES: Final = ("_outcomes", "_sdk", "_telemetry")

_OF_TOOLS: Final = tuple(f"--ignore-glob=*/test_{tool}*.py" for tool in ("benchmarks", "cli", "doctor", "faults"))

STAGES: Final = {
    "unit": ("tests/unit", "tests/contract", *_OF_TOOLS),
    "products": tuple(
        f"tests/integration/test_{name}.py" for name in ("every_style_and_fault", "other_streams", "readers_of_bytes")
    ),
    "integration": ("tests/integration", *_OF_TOOLS),
    "quick": ("tests",),
    "full": ("tests", "--only-full"),
}
"""The likely killers first; all but the last are part of what `make test` runs with the newest SDK."""

_FAILED: Final = 1
_MINUTES: Final = 30


@dataclass(frozen=True)
class Mutant:
    """One mutation of one file, relative to `src`."""

    file: Path
    mutation: Mutation

    def __str__(self) -> str:
        return f"{self.file.relative_to('midstream')}:{self.mutation}"


@dataclass(frozen=True)
class Result:
    """The stage and the test that killed a mutant; neither if it survived."""

    mutant: Mutant
    stage: str = ""
    test: str = ""


def mutants(count: int, seed: int, only: str) -> list[Mutant]:
    """About `count` mutants, spread over all modules: to each as many as the root of what it could have."""
    sources = {
        file: file.read_text() for package in PACKAGES for file in (SOURCE / "midstream" / package).rglob("*.py")
    }
    enums = enum_members(sources.values())
    roots = {file: sum(1 for _ in mutations(source, enums)) ** 0.5 for file, source in sorted(sources.items())}
    share = count / sum(roots.values())
    found = [
        Mutant(file.relative_to(SOURCE), mutation)
        for file, root in roots.items()
        if root
        for mutation in chosen(sources[file], enums, max(1, round(share * root)), f"{seed} {file.name}")
    ]
    return [mutant for mutant in found if only in str(mutant)]


def tried(mutant: Mutant, stages: Iterable[str]) -> Result:
    """Runs the stages until one kills the mutant."""
    with tempfile.TemporaryDirectory(prefix="mutant-") as folder:
        copy = Path(folder) / "src"
        shutil.copytree(SOURCE, copy, ignore=shutil.ignore_patterns("__pycache__"))
        (copy / mutant.file).write_text(mutant.mutation.source)
        for stage in stages:
            test = _killer(copy, Path(folder) / "log", STAGES[stage])
            if test:
                return Result(mutant, stage, test)
    return Result(mutant)


def _killer(source: Path, log: Path, tests: tuple[str, ...]) -> str:
    """The first test that fails; empty if all pass."""
    command = (sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "--tb=no", *tests)
    environment = {**os.environ, "PYTHONPATH": str(source), "PYTHONDONTWRITEBYTECODE": "1"}
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
        try:
            status = process.wait(_MINUTES * 60)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            return f"no end after {_MINUTES} min"
    if status == 0:
        return ""
    lines = log.read_text(errors="replace").splitlines()
    failed = (line.split(" ", 1)[1] for line in lines if line.startswith(("FAILED", "ERROR")))
    return next(failed, f"status {status}: {lines[-1] if lines else ''}")


def report(results: Iterable[Result]) -> int:
    """Prints who survived and who was killed where. The number of mutants that only the full set kills."""
    ordered = sorted(results, key=lambda result: str(result.mutant))
    print()
    for title, stages in (("killed by the full set only", {"full"}), ("survived", {""})):
        listed = [result for result in ordered if result.stage in stages]
        print(f"{title}: {len(listed)}")
        for result in listed:
            print(f"  {result.mutant}   {result.test}")
    killed = Counter(result.stage for result in ordered if result.stage)
    print(f"{len(ordered)} mutants, killed: {dict(killed)}")
    return killed["full"]


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=100, help="about how many mutants")
    parser.add_argument("--seed", type=int, default=1, help="another choice of mutants")
    parser.add_argument("--only", default="", help="those whose line in the report contains this text")
    parser.add_argument("--stages", nargs="+", choices=STAGES, default=list(STAGES))
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--list", action="store_true", help="only say which mutants there are")
    arguments = parser.parse_args()
    found = mutants(arguments.count, arguments.seed, arguments.only)
    if arguments.list:
        print(*found, sep="\n")
        return
    started, results = time.monotonic(), list[Result]()
    with ThreadPoolExecutor(arguments.jobs) as pool:
        for future in as_completed([pool.submit(tried, mutant, arguments.stages) for mutant in found]):
            result = future.result()
            results.append(result)
            minutes = (time.monotonic() - started) / 60
            print(f"{minutes:5.1f} min  {result.stage or 'SURVIVED':12} {result.mutant}   {result.test}", flush=True)
    sys.exit(bool(report(results)))


if __name__ == "__main__":
    main()
