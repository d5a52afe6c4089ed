"""The benchmarks run, and tell every figure. What they say is of no interest here."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import anthropic
import pytest

pytestmark = pytest.mark.full

_BENCH = Path(__file__).parents[2] / "benchmarks" / "bench.py"

_ITERATORS = 2
_STREAMS = 24
"""Sync and async, two framings, two ways to iterate, three lengths."""
_CALLS = 12
_TRACED = hasattr(anthropic, "_tracing")


def test_a_quick_run_has_every_figure(tmp_path: Path) -> None:
    figures = _bench(tmp_path, "--quick", "--pairs", "1")
    assert Counter(figure["key"].partition(" ")[0].rstrip(":,") for figure in figures) == {
        "event": _ITERATORS + _STREAMS,
        "whole": _STREAMS,
        "call": _CALLS // 3 * (1 + _TRACED),
        "stream": _CALLS * 2 // 3 * (1 + _TRACED),
        "start": 3,
        "memory": 4 + 2 * _TRACED,
        "throughput": 2,
    }
    assert len({figure["key"] for figure in figures}) == len(figures)
    for figure in figures:
        for spread in (figure["comparison"][name] for name in ("bare", "added", "ratio", "control")):
            assert all(math.isfinite(value) for value in spread.values()), figure
    told = [figure["budget"] for figure in figures if figure["budget"] is not None]
    assert all(budget["records"] > 0 for budget in told)
    assert all(
        math.isfinite(value) for budget in told for name in ("by_hand", "own") for value in budget[name].values()
    )
    assert Counter(budget["spans"] for budget in told) == ({1: _CALLS, 0: _CALLS} if _TRACED else {1: _CALLS})


def _bench(folder: Path, *arguments: str) -> list[dict[str, Any]]:
    written = folder / "figures.json"
    command = [sys.executable, str(_BENCH), *arguments, "--json", str(written)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    document: dict[str, Any] = json.loads(written.read_text())
    figures: list[dict[str, Any]] = document["figures"]
    return figures
