"""What midstream adds to an event or to a chunk of a body: few instructions, and the same for every one of them."""

from __future__ import annotations

import os
import platform
import runpy
import shutil
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from support.work import steps

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
EVENT_PATHS = runpy.run_path(str(BENCHMARKS / "event_paths.py"))


@pytest.fixture(autouse=True)
def _with_the_newest_sdk(request: pytest.FixtureRequest) -> None:
    if request.config.getoption("--examples") == "few":
        pytest.skip("it is the same with every SDK, and counted with the newest")


def test_no_more_machine_instructions_are_added_than_the_limits_allow() -> None:
    if platform.machine() != "x86_64":
        pytest.skip("the limits are those of x86-64")
    if shutil.which("valgrind") is None and not os.environ.get("CI"):
        pytest.skip("it needs valgrind")
    command = (sys.executable, str(BENCHMARKS / "instructions.py"), "--check")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("observed", [False, True], ids=["bare", "observed"])
@pytest.mark.parametrize("path", EVENT_PATHS["PATHS"])
def test_an_item_of_a_long_stream_takes_as_many_steps_as_one_of_a_short_stream(path: str, observed: bool) -> None:
    def taken(items: int) -> int:
        # A clock that stands still, for a wait that is longer than those before it takes a step more.
        return steps(partial(EVENT_PATHS["drive"], path, items, observed=observed, clock=(0.0).conjugate))

    taken(500)  # the interpreter takes other steps before it has adapted to being watched
    few, many, most = taken(500), taken(2_000), taken(50_000)
    per_item = (many - few) / 1_500
    assert per_item > 0
    assert (most - many) / 48_000 == per_item
