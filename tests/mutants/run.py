"""Does `make test` find what `make test-full` finds? Puts small defects into the code, one at a time, and looks.

Each mutant is a copy of `src` with one change, and meets the tests of the quick set until one fails, the likely killers
first. The survivors together then meet the tests that only the full set has: if one fails, the halves do, until it is
known which of them the full set kills. These are gaps of the quick set. The other survivors are equivalent to the
original, or gaps of both sets.

Both sets are without the tests of commands, boards, pages and examples: those examine what is installed, which no
mutant is.
"""

from __future__ import annotations

import argparse
import importlib
import os
import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from mutants.mutations import Mutation, apply, chosen

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

ROOT: Final = Path(__file__).resolve().parents[2]
SOURCE: Final = ROOT / "src" / "midstream"
PACKAGES: Final = ("_outcomes", "_sdk", "_telemetry")

_TOOLS: Final = ("benchmarks", "cli", "doctor", "faults", "testing_plugin")
_OF_TOOLS: Final = tuple(f"--ignore-glob=*/test_{tool}*.py" for tool in _TOOLS)
_PRODUCTS: Final = ("every_style_and_fault", "other_streams", "readers_of_bytes")
_CORE: Final = (
    *("credentials", "genai_metrics", "helper_failures", "instrumentor", "log_events", "metrics", "middleware"),
    *("open_streams", "other_ways_to_call", "platforms_bedrock", "readers_of_documents", "sessions", "spans"),
    *("testing_fixtures", "threads", "wires"),
)


def _integration(names: Iterable[str]) -> list[str]:
    return [f"tests/integration/test_{name}.py" for name in names]


STAGES: Final = {
    "first": ("tests/unit", "tests/contract", *_integration(_PRODUCTS), *_OF_TOOLS),
    "core": _integration(_CORE),
    "rest": ("tests/integration", "tests/reliability", *_OF_TOOLS),
}
"""The tests that `make test` runs with the newest SDK, the likely killers first."""
FULL: Final = ("tests/unit", "tests/contract", "tests/integration", "tests/reliability", *_OF_TOOLS, "--only-full")

_PRELOADED: Final = ("anthropic", "anthropic.types", "hypothesis", "opentelemetry.sdk.trace")
"""Slow to import. Each run of pytest is forked from a process that has them, and imports midstream itself."""


class LikelyFirst:
    """A plugin of pytest: the tests named like the module that was changed come first."""

    def __init__(self, mutations: Iterable[Mutation]) -> None:
        self.names = [mutation.file.stem for mutation in mutations]

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Keeps the order otherwise."""
        items.sort(key=lambda item: not any(name in item.path.stem for name in self.names))


def start(mutations: Sequence[Mutation], tests: Sequence[str], folder: Path) -> int:
    """Starts pytest on a copy of the source with these mutations, in a process of which it returns the number."""
    shutil.rmtree(folder, ignore_errors=True)
    source = folder / "src"
    shutil.copytree(SOURCE, source / "midstream", ignore=shutil.ignore_patterns("__pycache__"))
    for read_from_a_checkout in ("dashboards", "docs"):
        (folder / read_from_a_checkout).symlink_to(ROOT / read_from_a_checkout)
    apply(mutations, source / "midstream")
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        with (folder / "log").open("wb") as log:
            os.dup2(log.fileno(), 1)
            os.dup2(log.fileno(), 2)
        os.chdir(ROOT)
        sys.path.insert(0, str(source))
        os.environ.update(PYTHONPATH=str(source), PYTHONDONTWRITEBYTECODE="1")
        sys.dont_write_bytecode = True
        # Plugins among what is imported already are not rewritten: their assertions are not of interest.
        options = ("-x", "-q", "--tb=no", "-pno:cacheprovider", "-Wignore::pytest.PytestAssertRewriteWarning")
        status = int(pytest.main([*options, *tests], plugins=[LikelyFirst(mutations)]))
        sys.stdout.flush()
    finally:
        os._exit(status)


def killer(folder: Path, status: int) -> str:
    """The test that failed, once the process has ended. Empty if all passed."""
    if os.waitstatus_to_exitcode(status) == 0:
        return ""
    lines = (folder / "log").read_text(errors="replace").splitlines()
    failed = (line.split(" ", 1)[1] for line in lines if line.startswith(("FAILED", "ERROR")))
    return next(failed, f"status {status}: {lines[-1] if lines else ''}")


def killer_of(mutations: Sequence[Mutation], tests: Sequence[str], work: Path) -> str:
    """The first of these tests that fails with all these mutations. Empty if all pass."""
    _, status = os.waitpid(start(mutations, tests, work / "together"), 0)
    return killer(work / "together", status)


def killed_one_by_one(mutations: Sequence[Mutation], jobs: int, work: Path) -> dict[Mutation, str]:
    """By mutant, the stage that kills it; empty for a survivor."""
    began = time.monotonic()
    waiting = [(mutation, list(STAGES)) for mutation in reversed(mutations)]
    running: dict[int, tuple[Mutation, list[str]]] = {}
    killed: dict[Mutation, str] = {}
    while waiting or running:
        while waiting and len(running) < jobs:
            mutation, left = waiting.pop()
            place = work / str(mutations.index(mutation))
            running[start([mutation], STAGES[left[0]], place)] = mutation, left
        pid, status = os.wait()
        mutation, (stage, *left) = running.pop(pid)
        test = killer(work / str(mutations.index(mutation)), status)
        if left and not test:
            waiting.append((mutation, left))
            continue
        killed[mutation] = stage if test else ""
        minutes = (time.monotonic() - began) / 60
        print(f"{minutes:5.1f} min  {killed[mutation] or 'SURVIVED':12} {mutation}   {test}", flush=True)
    return killed


def killed_together(mutations: Sequence[Mutation], tests: Sequence[str], work: Path) -> dict[Mutation, str]:
    """By mutant that these tests kill, the test that does."""
    test = killer_of(mutations, tests, work) if mutations else ""
    if not test:
        return {}
    if len(mutations) == 1:
        return {mutations[0]: test}
    half = len(mutations) // 2
    return killed_together(mutations[:half], tests, work) | killed_together(mutations[half:], tests, work)


def main() -> None:
    """The command. Its status says whether the full set kills a mutant that the quick set does not."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=100, help="about how many mutants")
    parser.add_argument("--seed", type=int, default=1, help="another choice of mutants")
    parser.add_argument("--only", nargs="*", default=[""], help="those whose line in the report contains such a text")
    parser.add_argument("--no-full", action="store_true", help="without the tests that only the full set has")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--list", action="store_true", help="only say which mutants there are")
    arguments = parser.parse_args()
    found = chosen(SOURCE, PACKAGES, arguments.count, arguments.seed)
    found = [mutation for mutation in found if any(text in str(mutation) for text in arguments.only)]
    if arguments.list:
        print(*found, sep="\n")
        return
    for name in _PRELOADED:
        importlib.import_module(name)
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        sets = STAGES if arguments.no_full else {**STAGES, "full": FULL}
        for stage, tests in sets.items():
            if test := killer_of((), tests, Path(folder)):
                sys.exit(f"This test of the stage {stage!r} fails without a mutant: {test}")
        killed = killed_one_by_one(found, arguments.jobs, Path(folder))
        survivors = [mutation for mutation, stage in killed.items() if not stage]
        gaps = {} if arguments.no_full else killed_together(survivors, FULL, Path(folder))
    print(f"\n{len(found)} mutants: {dict(Counter(killed.values()))}")
    print("Not killed by any test:", *(mutation for mutation in survivors if mutation not in gaps), sep="\n  ")
    print("Killed by the full set only:", *(f"{mutation}   {test}" for mutation, test in gaps.items()), sep="\n  ")
    sys.exit(bool(gaps))


if __name__ == "__main__":
    main()
