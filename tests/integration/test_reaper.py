"""No process outlives a run of the tests, however the run ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from support.reaper import RUN

pytestmark = [
    pytest.mark.newest,
    pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="processes are found in /proc"),
]

_CONFTEST: Final = """
from support.reaper import start_reaper

def pytest_configure():
    start_reaper()
"""

_TEST: Final = """
import subprocess, sys

INNER = "import signal, sys; print('started', file=sys.stderr, flush=True); signal.pause()"

def test_never_ends():
    # A new session, as servers of tests have: it gets no signal that pytest gets.
    with subprocess.Popen([sys.executable, "-c", INNER], start_new_session=True) as process:
        process.wait()
"""


@pytest.mark.parametrize(
    ("number", "workers"),
    [(signal.SIGINT, "0"), (signal.SIGKILL, "0"), (signal.SIGKILL, "1")],
    ids=["SIGINT", "SIGKILL", "SIGKILL, with a worker"],
)
def test_no_process_outlives_a_run_that_is_cut_short(tmp_path: Path, number: signal.Signals, workers: str) -> None:
    (tmp_path / "conftest.py").write_text(_CONFTEST)
    (tmp_path / "test_never_ends.py").write_text(_TEST)
    kept = {name: value for name, value in os.environ.items() if not name.startswith((RUN, "PYTEST"))}
    command = (sys.executable, "-m", "pytest", "-s", "-p", "no:cacheprovider", "-n", workers, "--rootdir", ".", ".")
    with subprocess.Popen(
        command,
        cwd=tmp_path,
        # A run with its own reaper, and with the name of this one for the reaper of this one.
        env={**kept, f"{RUN}_OUTER": os.environ.get(RUN, ""), "PYTHONPATH": str(Path(__file__).parents[1])},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,  # which every process of the run inherits: it ends with the last of them
        text=True,
    ) as run:
        assert run.stderr is not None
        assert "started\n" in run.stderr
        run.send_signal(number)
        run.stderr.read()
