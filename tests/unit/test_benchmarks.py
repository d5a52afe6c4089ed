"""The arithmetic of the benchmarks."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

from in_memory import COUNTED_STREAMS, per_event
from rounds import Round, measured, row, table

if TYPE_CHECKING:
    import pytest

# A machine that slows down by 5 in every run. The observed run adds 10.
DRIFTING = [Round(bare, bare + 5 + 10, bare + 10) for bare in range(100, 225, 25)]


def test_a_drift_of_the_machine_cancels_out() -> None:
    assert row("a call", "us", 1, DRIFTING)[2:4] == ["10.00 us", "10.00 to 10.00"]


def test_the_drift_is_in_the_noise() -> None:
    assert row("a call", "us", 1, DRIFTING)[6] == "10.00 us"


def test_what_is_below_the_noise_says_so() -> None:
    assert row("a call", "us", 1, [Round(100, 105, 108)])[2] == "1.00 us (noise)"


def test_an_outlier_does_not_move_the_median() -> None:
    rounds = [Round(1, 1 + added, 1) for added in (1, 2, 3, 4, 5_000)]
    assert row("a call", "us", 1, rounds)[2:4] == ["3.00 us", "2.00 to 4.00"]


def test_a_ratio_compares_the_runs_of_one_round() -> None:
    assert row("a call", "us", 1, [Round(1, 2, 1), Round(100, 200, 100)])[4:6] == ["2.0000", "2.0000 to 2.0000"]


def test_a_unit_scales_times_but_not_ratios() -> None:
    assert row("a call", "ms", 1e3, [Round(1, 3, 2)]) == [
        *("a call", "1,500.00 ms", "1,500.00 ms", "1,500.00 to 1,500.00", "2.0000", "2.0000 to 2.0000"),
        *("1,000.00 ms", "1"),
    ]


def test_every_observed_run_is_between_two_bare_runs_and_the_first_round_warms_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(gc, "collect", int)  # takes long in a process that has loaded all tests
    runs: list[str] = []

    def run(name: str) -> float:
        runs.append(name)
        return float(len(runs))

    rounds = measured(lambda: run("bare"), lambda: run("observed"), 2)
    assert runs == ["bare", "observed", "bare"] * 3
    assert rounds == [Round(4, 5, 6), Round(7, 8, 9)]


def test_a_table_is_markdown() -> None:
    assert table(["", "bare"], [["call", "1"]]) == "|  | bare |\n| --- | ---: |\n| call | 1 |"


def test_the_cost_of_an_event_is_the_difference_of_a_long_and_a_short_stream() -> None:
    counts = {
        name: {"bare": 500.0, "midstream": 700.0} if name.endswith(", 9") else {"bare": 1_500.0, "midstream": 2_200.0}
        for name in COUNTED_STREAMS
    }
    found = per_event(counts)
    assert set(found) == {
        f"{flavor}, {how}" for flavor in ("sync", "async") for how in ("large chunks", "a chunk each")
    }
    assert all(event == {"bare": 10, "midstream": 15} for event in found.values())
