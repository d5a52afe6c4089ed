"""docs/benchmarks.md: the page that is written from the results of the benchmarks."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from figures import Budget, Figure, Goal, to_json
from hypothesis import given
from hypothesis import strategies as st
from measuring import Comparison, Spread
from others import ENTRANTS
from page import page, standing
from results import Result, read

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).parents[2]
KEY = "call, not streamed, sync"
OTHERS = [name for name in ENTRANTS if name != "midstream"]


def figure(added: tuple[float, float, float], key: str = KEY, goal: float | None = None) -> Figure:
    low, median, high = added
    spread = Spread(median, low, high)
    budget = Budget(8, 1, 0, 20, 90.0, 110.0, Spread(14, 12, 15), Spread(6, 5, 7), 120.0)
    comparison = Comparison(Spread(800, 790, 810), spread, Spread(1.5, 1.25, 1.75), Spread(-3, -9, 7), 10)
    return Figure(key, "midstream", "us", comparison, None if goal is None else Goal(added=goal), budget)


def result(*figures: Figure, quick: bool = False) -> Result:
    versions = {entrant.subject.distribution: "7.8.9" for entrant in ENTRANTS.values()}
    environment = {**versions, "python": "CPython 3.11.0", "opentelemetry-sdk": "1.45.1"}
    return Result("2026-01-31", "a machine", 60.0, quick, environment, {one.key: one for one in figures})


def against(theirs: Mapping[str, tuple[float, float, float]], ours: tuple[float, float, float]) -> dict[str, Result]:
    return {"midstream": result(figure(ours)), **{name: result(figure(added)) for name, added in theirs.items()}}


def test_everybody_is_named_and_who_was_not_run_is_said() -> None:
    written = page({}, None)
    for entrant in ENTRANTS.values():
        assert f"| {entrant.subject.name} | `{entrant.subject.distribution}` | not run |" in written
        assert f"- **{entrant.subject.name}**: {entrant.records}" in written
        assert all(f"`{name}={value}`" in written for name, value in entrant.settings.items())


def test_everybody_with_an_environment_of_its_own_has_pins() -> None:
    pins = (ROOT / "requirements" / "others.txt").read_text(encoding="utf-8")
    for entrant in ENTRANTS.values():
        assert not entrant.alone or f"\n{entrant.subject.distribution}==" in pins


@pytest.mark.parametrize(
    ("theirs", "said"),
    [
        ({"logfire": (21, 22, 23), "sentry": (30, 40, 50)}, "**leads**"),
        ({"logfire": (15, 22, 23), "sentry": (30, 40, 50)}, "level with logfire"),
        ({"logfire": (1, 2, 3), "sentry": (15, 22, 23)}, "behind logfire"),
        ({"logfire": (1, 2, 3), "sentry": (2, 2, 9)}, "behind logfire, sentry-sdk"),
        ({}, ""),
    ],
)
def test_where_midstream_stands(theirs: dict[str, tuple[float, float, float]], said: str) -> None:
    results = against(theirs, (10, 11, 20))
    assert standing(KEY, results) == said
    assert f"| {said} |" in page(results, None)


spreads = st.tuples(*(st.floats(-1e6, 1e6),) * 3).map(lambda three: (min(three), sorted(three)[1], max(three)))


@given(spreads, st.dictionaries(st.sampled_from(OTHERS), spreads, min_size=1))
def test_midstream_leads_only_where_everybody_else_is_above_it(
    ours: tuple[float, float, float], theirs: dict[str, tuple[float, float, float]]
) -> None:
    said = standing(KEY, against(theirs, ours))
    assert (said == "**leads**") == all(ours[2] < low for low, _, _ in theirs.values())
    assert said.startswith("behind") == any(high < ours[0] for _, _, high in theirs.values())


def test_a_figure_that_only_somebody_else_has_is_shown() -> None:
    results = {"midstream": result(), "sentry": result(figure((1, 2, 3), "memory: something"))}
    assert "| memory: something |  | 2.00 us |  |" in page(results, None)


def test_instructions_stand_beside_the_times() -> None:
    counted = figure((1_000, 1_000, 1_000), "instructions of an event: sync")
    written = page({"midstream": result(counted), "sdk": result(figure((2_000, 2_000, 2_000), counted.key))}, None)
    assert "### Machine instructions per event\n" in written
    assert f"| {counted.key} | 1,000 us | 2,000 us | **leads** |" in written


def test_a_goal_for_instructions_stands_with_the_others() -> None:
    counted = replace(figure((1, 1, 1), "instructions of an event: sync"), goal=Goal(ratio=1.2), budget=None)
    written = page({"midstream": result(counted)}, result(figure((99, 99, 99), goal=100)))
    _, _, goals = written.partition("## Goals and what was measured")
    assert f"| {KEY} | " in goals
    assert f"| {counted.key} | 800 us | 1.00 us | 1.00 to 1.00 | 1.5000 | " in goals
    assert "| ratio 1.2 | **not reached** |" in goals


def test_a_figure_has_its_spread_its_control_and_what_was_told() -> None:
    row = "800 us | 20 us | 19 to 21 | 1.5000 | 1.2500 to 1.7500 | -3.00 us | 10 | 8 records, 1 span | 14 us |"
    assert f"| {KEY} | midstream | {row}" in page({"midstream": result(figure((19, 20, 21)))}, None)


@pytest.mark.parametrize(
    ("added", "said"),
    [
        (109, "reached"),
        (111, "**not reached** by the floor, reached by hand"),
        (121, "**not reached**"),
    ],
)
def test_a_goal_is_told_with_the_floor_and_with_what_is_said_by_hand(added: float, said: str) -> None:
    written = page({}, result(figure((added, added, added), goal=100)))
    costs = "90 us | 14 us | 6.00 us (5.00 to 7.00)"
    assert (
        f"| 8 records, 1 span | {costs} | 100 us (110 us here by the floor, 120 us here by hand) | {said} |" in written
    )


def test_where_nothing_was_said_by_hand_the_floor_is_the_measure() -> None:
    floored = replace(figure((111, 111, 111), goal=100), budget=Budget(8, 1, 0, 20, 90.0, 110.0))
    row = "| 8 records, 1 span | 90 us |  |  | 100 us (110 us here by the floor) | **not reached** |"
    assert row in page({}, result(floored))


def test_what_a_quick_run_says_is_marked() -> None:
    assert "--quick" in page({"midstream": result(), "sdk": result(quick=True)}, None)
    assert "--quick" in page({"midstream": result()}, result(quick=True))
    assert "--quick" not in page({"midstream": result()}, result())


def kept(folder: Path, bench: Mapping[str, Any]) -> Result:
    run = {"date": "2026-01-31", "machine": "a machine", "seconds": 60.0, "quick": False}
    file = folder / "midstream.json"
    file.write_text(json.dumps({"run": run, "bench": bench}), encoding="utf-8")
    return read(file)


def test_what_is_kept_is_read_back(tmp_path: Path) -> None:
    figures = [figure((19, 20, 21), goal=100), figure((1, 2, 3), "memory: something")]
    told = kept(tmp_path, json.loads(to_json(figures, [ENTRANTS["midstream"].subject])))
    assert list(told.figures.values()) == figures
    assert told.seconds == 60


def test_what_was_kept_before_anything_was_said_by_hand_is_read_as_not_measured(tmp_path: Path) -> None:
    one = figure((19, 20, 21), goal=100)
    bench = json.loads(to_json([one], [ENTRANTS["midstream"].subject]))
    for later in ("by_hand", "own", "goal_by_hand"):
        del bench["figures"][0]["budget"][later]
    assert kept(tmp_path, bench).figures[KEY] == replace(one, budget=Budget(8, 1, 0, 20, 90.0, 110.0))
