"""midstream adds few instructions to an event, a chunk of a body and a call, and as many to each."""

from __future__ import annotations

import json
import os
import platform
import runpy
import shutil
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from reliability.work import steps

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
EVENT_PATHS = runpy.run_path(str(BENCHMARKS / "event_paths.py"))


pytestmark = pytest.mark.newest


@pytest.mark.full  # `make check-instructions` has it, too
def test_no_more_machine_instructions_are_added_than_the_limits_allow() -> None:
    if platform.machine() != "x86_64":
        pytest.skip("the limits are for x86-64")
    if shutil.which("valgrind") is None and not os.environ.get("CI"):
        pytest.skip("valgrind is not installed")
    command = (sys.executable, str(BENCHMARKS / "instructions.py"), "--check")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


MAX_STEPS = {"events": 13, "async events": 29, "chunks": 44, "async chunks": 59, "attributes": 0}
"""The maximum of bytecode instructions added per item, by path: the highest of all versions of Python."""


def taken(path: str, items: int, *, observed: bool) -> int:
    # The clock stands still: a wait that is longer than those before takes another step.
    return steps(partial(EVENT_PATHS["drive"], path, items, observed=observed, clock=(0.0).conjugate))


def test_no_more_steps_are_added_to_an_item_than_the_limits_allow() -> None:
    added: dict[str, float] = {}
    for path in EVENT_PATHS["PATHS"]:
        per_item: list[float] = []
        for observed in (False, True):
            taken(path, 500, observed=observed)  # so that the interpreter has specialized the code
            few, many = (taken(path, items, observed=observed) for items in (500, 1_500))
            per_item.append((many - few) / 1_000)
        added[path] = per_item[1] - per_item[0]
    assert {path: steps for path, steps in added.items() if steps > MAX_STEPS[path]} == {}


MAX_STEPS_PER_CALL = {"call": 3470, "call refused": 4590, "stream": 6920, "stream failing after 4 events": 7550}
"""The maximum of midstream's bytecode instructions by kind of call, sync and async, with midstream's span and on the
SDK's: a tenth more than with Python 3.11."""

TAKEN = """
import json
from functools import partial
from in_memory import COUNTED_CALLS
from subjects import MIDSTREAM
from reliability.work import steps
taken = {}
for name, call in COUNTED_CALLS.items():
    do = call.prepared(MIDSTREAM)
    once, twice = (steps(partial(do, times), within="src/midstream/") for times in (10, 20))
    taken[name] = (twice - once) / 10
print(json.dumps(taken))
"""


def test_a_call_takes_at_most_the_steps_of_the_limits() -> None:
    found = (str(BENCHMARKS), str(Path(__file__).parents[1]))
    done = subprocess.run(
        (sys.executable, "-c", TAKEN),
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(found)},
    )
    assert done.returncode == 0, done.stderr
    taken: dict[str, float] = json.loads(done.stdout)
    assert {name.partition(",")[0] for name in taken} == set(MAX_STEPS_PER_CALL)
    assert {name: n for name, n in taken.items() if n > MAX_STEPS_PER_CALL[name.partition(",")[0]]} == {}


@pytest.mark.parametrize("observed", [False, True], ids=["bare", "observed"])
@pytest.mark.parametrize("path", EVENT_PATHS["PATHS"])
def test_an_item_of_a_long_stream_takes_as_many_steps_as_one_of_a_short_stream(path: str, observed: bool) -> None:
    taken(path, 500, observed=observed)  # so that the interpreter has specialized the code
    few, many, most = (taken(path, items, observed=observed) for items in (500, 2_000, 50_000))
    per_item = (many - few) / 1_500
    assert per_item > 0
    assert (most - many) / 48_000 == per_item
