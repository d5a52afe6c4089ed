"""The runbooks: one for each alert, the same headings in each, queries that answer, and code that really catches it."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from dashboards.boards_promql import parsed, unknown_labels, unknown_metrics
from dashboards.promtool import promtool
from dashboards.rule_scenes import FIRES
from dashboards.rule_scenes_kinds import ALONE, FIRING
from source.alerts import ALERTS
from source.boards import BOARDS
from source.objective import ABSENT, ANY, BURNS, CALLER, DENIAL, FLEET, LIMITS, OUTAGE, PAIRS, STALL

if TYPE_CHECKING:
    from dashboards.promtool import Scene

FOLDER = Path(__file__).parents[2] / "dashboards" / "runbooks"
NAMES = sorted({alert.name for alert in ALERTS})
TEXTS = {path.stem: path.read_text(encoding="utf-8") for path in sorted(FOLDER.iterdir())}
HEADINGS = ["What it means", "Check first", "What to do", "When it can wait"]

each_runbook = pytest.mark.parametrize("name", TEXTS)


def blocks(name: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", TEXTS[name], re.DOTALL)


def test_every_alert_has_a_runbook_and_every_runbook_an_alert() -> None:
    assert [path.name for path in sorted(FOLDER.iterdir())] == [f"{name}.md" for name in NAMES]


@each_runbook
def test_a_runbook_has_the_headings_that_all_have_and_says_something_below_each(name: str) -> None:
    text = TEXTS[name]
    assert text.startswith(f"# {name}\n")
    assert re.findall(r"^## (.*)$", text, re.MULTILINE) == [*HEADINGS, *(["Code"] if blocks(name, "python") else [])]
    assert all(part.strip() for part in re.split(r"^#.*$", text, flags=re.MULTILINE)[1:])
    # About a page.
    assert len(text.splitlines()) < 65


@each_runbook
def test_a_runbook_says_how_bad_it_is_and_from_where_on(name: str) -> None:
    intro = " ".join(TEXTS[name].split("\n## ")[0].lower().split())
    for severity in {alert.severity for alert in ALERTS if alert.name == name}:
        assert {"critical": "critical", "warning": "warning", "info": "information"}[severity] in intro
    for most in [one for alert, one in PAGES.items() if alert == name]:
        assert f"more than {most.share * 100:g} % of at least {most.calls} calls in the last 5 minutes" in intro
        assert f"all of at least {most.all_of} calls in a window of up to 6 hours" in intro
    if name in PAIRS:
        for limit in (PAIRS[name].fast, PAIRS[name].slow):
            assert f"more than {limit.share * 100:g} % of at least {limit.calls} calls" in intro
            assert f"in the last {in_words(limit.window)}, and in the last {in_words(str(limit.short))}" in intro
    elif name in LIMITS:
        limit = LIMITS[name]
        assert f"more than {limit.share * 100:g} %" in intro
        assert f"at least {limit.calls}" in intro
        assert in_words(limit.window) in intro
    elif name in ANY:
        assert f"it ends {in_words(ANY[name], 'an hour')} after the last one" in intro
    elif name == "MidstreamTelemetryAbsent":
        assert f"at least {ABSENT.calls} calls in the last {in_words(ABSENT.window)}" in intro
        assert f"without a break for at least an {in_words(ABSENT.lasting)}" in intro
        assert in_words(ABSENT.hold) in intro
    elif name == "MidstreamFleetFailure":
        assert all(f"{severity} when more than {share * 100:g} %" in intro for severity, share in FLEET.shares.items())
        assert f"at least {FLEET.services} services" in intro
        assert f"at least {FLEET.failures} failed calls each" in intro
    elif name == "MidstreamErrorBudgetBurn":
        assert all(f"{burn.long}/{burn.short}" in intro for burn in BURNS)
    assert (name == "MidstreamStalls") == (f"{STALL} s" in intro)


@pytest.mark.parametrize("name", sorted(PAIRS.keys() - {"MidstreamCallerErrors"}))
def test_a_runbook_says_when_the_alert_for_days_is_over(name: str) -> None:
    end = " ".join(TEXTS[name].split("## When it can wait")[1].split())
    (recorded,) = re.findall(r"`(midstream:\w+:ratio)_rate\w+` is below ", end)
    (expression,) = {alert.expression for alert in ALERTS if alert.name == name and alert.labels.get("long") == "1d"}
    assert recorded in expression
    assert f"is below {PAIRS[name].slow.share}" in end
    assert f"for up to {in_words(str(PAIRS[name].slow.short))}" in end


PAGES = {"MidstreamOutage": OUTAGE, "MidstreamAccessDenied": DENIAL, "MidstreamCallerErrors": CALLER}


def in_words(window: str, hour: str = "hour") -> str:
    units = {"m": "minutes", "h": "hours", "d": "days"}
    return {"1h": hour, "1d": "day"}.get(window, f"{window[:-1]} {units[window[-1]]}")


@each_runbook
def test_links_lead_to_files(name: str) -> None:
    for target in re.findall(r"\]\(([^)]+)\)", TEXTS[name]):
        page, _, heading = target.partition("#")
        assert (FOLDER / page).is_file(), target
        assert not heading or f"\n## {heading.capitalize()}\n" in TEXTS[page.removesuffix(".md")], target


@each_runbook
def test_the_boards_and_panels_that_a_runbook_names_exist(name: str) -> None:
    panels = {board.as_json()["title"].removeprefix("midstream / "): titles(board.as_json()) for board in BOARDS}
    # Outside code: **Board**: *Panel*, *Panel*
    prose = " ".join(re.sub(r"```.*?```", "", TEXTS[name], flags=re.DOTALL).split())
    named = re.findall(r"[Bb]oard \*\*([^*]+)\*\*:?((?:,? \*[^*]+\*)+)", prose)
    assert named
    for board, listed in named:
        assert board in panels
        assert set(re.findall(r"\*([^*]+)\*", listed)) <= panels[board], board
    (uid,) = {alert.text.board for alert in ALERTS if alert.name == name}
    assert uid in {board.as_json()["uid"] for board in BOARDS if board_title(board) in {board for board, _ in named}}


def board_title(board: Any) -> str:
    title: str = board.as_json()["title"]
    return title.removeprefix("midstream / ")


def titles(board: Any) -> set[str]:
    return {panel["title"] for panel in board["panels"]}


@each_runbook
def test_the_queries_ask_for_what_there_is_and_see_the_first_failure_of_a_series(name: str) -> None:
    queries = blocks(name, "promql")
    assert queries
    for query in queries:
        tree = parsed(query)
        assert unknown_metrics(tree) <= {"up"}, query
        assert "up ==" in query or not unknown_labels(tree), query
        assert ("errors_total" in query) <= ("unless (\n      last_over_time" in query), query


def scene_of(name: str) -> Scene:
    told: dict[str, Scene] = {alert: scene for scene in FIRES for alert in scene.fired}
    alone = {alert.split('"')[1]: scene for scene in reversed(ALONE) for alert in scene.samples[FIRING] if "=" in alert}
    return {**told, **alone}[name]


@each_runbook
def test_the_first_query_shows_something_when_the_alert_fires(name: str, tmp_path: Path) -> None:
    query = blocks(name, "promql")[0]
    scene = replace(scene_of(name), fired={}, samples={f"count(({query}) > 0) > bool 0": {"{}": 1}})
    wrong = promtool(scene, tmp_path)
    assert not wrong, wrong
