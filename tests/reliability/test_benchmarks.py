"""Every benchmark runs. The figures of a quick run mean nothing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import anthropic
import pytest

pytestmark = pytest.mark.full

BENCH = Path(__file__).parents[2] / "benchmarks" / "bench.py"
TRACED = hasattr(anthropic, "_tracing")
ROWS = {"calls": 8 * (1 + TRACED), "memory": 2 * (1 + TRACED), "start": 3, "throughput": 2}


@pytest.mark.parametrize("part", ROWS)
def test_a_quick_run_prints_a_row_for_every_case(part: str) -> None:
    command = [sys.executable, str(BENCH), "--quick", "--only", part]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    rows = [line.split(" | ") for line in done.stdout.splitlines() if line.startswith("| ")][2:]
    assert len(rows) == len({row[0] for row in rows}) == ROWS[part]
    assert all(len(row) == 8 for row in rows)
