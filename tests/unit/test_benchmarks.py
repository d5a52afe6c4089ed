"""What the benchmarks make of their readings."""

from __future__ import annotations

import gc
import json
from dataclasses import replace

import pytest
from figures import Budget, Figure, Goal, to_json
from measuring import Comparison, Round, Spread, Yardstick, by_yardstick, compared, rounds
from table import HEADER, row

# Of a machine that gets slower and slower: 5 more in every run. What is measured adds 10, and what it is measured by 4.
_DRIFTING = [
    Round(bare, bare + 5 + 10, bare + 10, Round(bare + 10, bare + 15 + 4, bare + 20)) for bare in range(100, 225, 25)
]


def test_a_spread_is_a_median_between_quartiles() -> None:
    assert Spread.of([5, 1, 4, 2, 3]) == Spread(median=3, low=2, high=4)


def test_the_spread_of_one_value_is_that_value() -> None:
    assert Spread.of([7]) == Spread(7, 7, 7)


def test_one_reading_far_off_moves_nothing() -> None:
    assert Spread.of([1, 2, 3, 4, 5_000]).median == 3


def test_a_drift_of_the_machine_cancels_out() -> None:
    assert compared(_DRIFTING).added == Spread(10, 10, 10)


def test_it_cancels_out_of_what_is_measured_by_a_yardstick() -> None:
    assert by_yardstick(_DRIFTING) == Yardstick(added=Spread(4, 4, 4), beyond=Spread(6, 6, 6))


def test_what_is_beyond_a_yardstick_is_of_one_round() -> None:
    far_apart = [Round(1, 4, 1, Round(1, 2, 1)), Round(100, 203, 100, Round(100, 201, 100))]
    assert by_yardstick(far_apart) == Yardstick(added=Spread(51, 26, 76), beyond=Spread(2, 2, 2))


def test_rounds_without_a_yardstick_say_nothing_by_one() -> None:
    assert by_yardstick([Round(1, 2, 1)]) is None


def test_the_control_tells_the_drift() -> None:
    assert compared(_DRIFTING).control == Spread(10, 10, 10)


def test_a_ratio_is_of_one_round() -> None:
    far_apart = [Round(1, 2, 1), Round(100, 200, 100)]
    assert compared(far_apart).ratio == Spread(2, 2, 2)


def test_a_unit_changes_times_and_no_ratio() -> None:
    seconds = compared([Round(1, 3, 2)])
    milliseconds = seconds.in_units(1e3)
    assert (milliseconds.bare.median, milliseconds.added.median, milliseconds.control.median) == (1500, 1500, 1000)
    assert milliseconds.ratio == seconds.ratio


@pytest.mark.parametrize(("warm", "runs"), [(True, 9), (False, 6)])
def test_runs_come_in_turn_and_the_first_round_may_warm_up(
    warm: bool, runs: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gc, "collect", int)  # takes long beside all that the tests have loaded
    read: list[str] = []

    def bare() -> list[float]:
        read.append("bare")
        return [float(len(read)), 0.0]

    def observed() -> list[float]:
        read.append("observed")
        return [float(len(read)), 1.0]

    told = rounds(bare, observed, 2, warm=warm)
    assert read == ["bare", "observed", "bare"] * (runs // 3)
    assert told == [(Round(n, n + 1, n + 2), Round(0, 1, 0)) for n in (float(runs - 5), float(runs - 2))]


def test_a_yardstick_has_a_bare_run_before_it_and_one_after_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gc, "collect", int)
    read: list[str] = []

    def run(name: str) -> list[float]:
        read.append(name)
        return [float(len(read))]

    told = rounds(lambda: run("bare"), lambda: run("observed"), 2, warm=True, yardstick=lambda: run("yardstick"))
    assert read == ["bare", "observed", "bare", "yardstick", "bare"] * 3
    assert told == [(Round(n, n + 1, n + 2, Round(n + 2, n + 3, n + 4)),) for n in (6, 11)]


_COSTS = Comparison(Spread(1000, 900, 1100), Spread(90, 80, 95), Spread(1.09, 1, 2), Spread(0, 0, 0), pairs=40)
_FIGURE = Figure("call", "midstream", "us", _COSTS)
_BUDGET = Budget(records=4, spans=1, logs=0, attributes=16, floor=57, goal=80)
_BY_HAND = replace(_BUDGET, by_hand=Spread(75, 70, 85), own=Spread(15, 5, 20), goal_by_hand=120)


@pytest.mark.parametrize(
    ("goal", "reached"),
    [
        (None, None),
        (Goal(added=100), True),
        (Goal(added=89), False),
        (Goal(ratio=1.1), True),
        (Goal(ratio=1.05), False),
        (Goal(added=100, ratio=1.05), False),
    ],
)
def test_a_goal_is_reached_when_all_of_it_is(goal: Goal | None, reached: bool | None) -> None:
    assert replace(_FIGURE, goal=goal).reached is reached


def test_the_goal_of_a_call_is_that_of_this_machine() -> None:
    assert replace(_FIGURE, goal=Goal(added=100), budget=_BUDGET).reached is False


@pytest.mark.parametrize(
    ("most", "clear"), [(0.99, True), (1.0, False), (1.1, False), (1.99, False), (2.0, True), (2.1, True), (None, True)]
)
def test_a_ratio_with_quartiles_on_both_sides_of_its_goal_is_unclear(most: float | None, clear: bool) -> None:
    figure = replace(_FIGURE, goal=Goal(added=100, ratio=most))
    assert figure.is_clear is clear
    assert row(figure).endswith(": unclear") is not clear


@pytest.mark.parametrize(
    ("by_floor", "by_hand", "reached"),
    [(91, 91, True), (91, 89, False), (89, 91, False), (89, 89, False), (91, None, True), (89, None, False)],
)
def test_a_goal_is_reached_when_it_is_by_the_stricter_measure(
    by_floor: float, by_hand: float | None, reached: bool
) -> None:
    budget = replace(_BUDGET, goal=by_floor, goal_by_hand=by_hand)
    figure = replace(_FIGURE, goal=Goal(added=100), budget=budget)
    told = (figure.reached, figure.reached_by_floor, figure.reached_by_hand)
    assert told == (reached, by_floor > 90, None if by_hand is None else by_hand > 90)


def test_json_has_every_figure_and_the_versions() -> None:
    document = json.loads(to_json([replace(_FIGURE, goal=Goal(added=100), budget=_BUDGET)], ()))
    (figure,) = document["figures"]
    assert figure["comparison"]["added"] == {"median": 90, "low": 80, "high": 95}
    assert (figure["key"], figure["unit"], figure["reached"]) == ("call", "us", False)
    assert figure["budget"]["floor"] == 57
    assert {"python", "anthropic", "opentelemetry-sdk"} <= set(document["environment"])


def test_a_row_tells_the_floor_of_a_call_and_its_goal_here() -> None:
    text = row(replace(_FIGURE, goal=Goal(added=100), budget=_BUDGET))
    assert "100 us: not reached" in text
    assert "4 records + 1 spans: the floor 57 us; the goal here, by the floor: 80 us, not reached" in text
    assert "by hand" not in text


def test_a_row_without_a_goal_tells_none_of_this_machine() -> None:
    assert "goal" not in row(replace(_FIGURE, budget=_BY_HAND))


def test_a_row_tells_what_a_call_costs_by_hand_and_both_goals() -> None:
    heading, costs = row(replace(_FIGURE, goal=Goal(added=100), budget=_BY_HAND)).splitlines()
    assert heading[HEADER.index("by hand") :].split()[0] == "75"
    assert "the floor 57 us, by hand 75 us (70 .. 85), its own 15 us (5 .. 20); " in costs
    assert costs.endswith("by the floor: 80 us, not reached; the goal here, by what is said by hand: 120 us, reached")
