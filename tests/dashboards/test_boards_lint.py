"""The shipped boards follow the rules of Grafana's dashboard-linter and our own; each rule finds what breaks it."""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest
import yaml

from dashboards.boards_faults import FAULTS
from dashboards.boards_json import panels_of
from dashboards.boards_linter import LINTER_RULES
from dashboards.boards_rules import OWN_RULES

if TYPE_CHECKING:
    from dashboards.boards_faults import Seed
    from dashboards.boards_json import Board

GRAFANA: Final = Path(__file__).parents[2] / "dashboards" / "grafana"

BOARDS: Final[dict[str, Board]] = {
    path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(GRAFANA.glob("*.json"))
}
RULES: Final = {**LINTER_RULES, **OWN_RULES}

EXCLUSIONS: Final[dict[str, dict[str, Any]]] = yaml.safe_load((GRAFANA / ".lint").read_text(encoding="utf-8"))[
    "exclusions"
]
"""The linter's own file of exceptions. Each of ours is for a whole rule."""

each_board = pytest.mark.parametrize("board", BOARDS.values(), ids=BOARDS)


def test_there_are_the_five_boards() -> None:
    assert {board["uid"]: board["title"] for board in BOARDS.values()} == {
        "midstream-outcomes": "midstream / What really happened",
        "midstream-misreported": "midstream / Misreported 200s",
        "midstream-leaked": "midstream / Leaked exceptions",
        "midstream-budget": "midstream / Error budget",
        "midstream-calls": "midstream / Failed calls",
    }
    assert all(board["uid"] == name for name, board in BOARDS.items())


@each_board
@pytest.mark.parametrize("rule", [rule for rule in RULES if rule not in EXCLUSIONS])
def test_the_board_keeps_the_rule(rule: str, board: Board) -> None:
    assert list(RULES[rule](board)) == []


@pytest.mark.parametrize("rule", EXCLUSIONS)
def test_an_exclusion_has_a_reason_and_is_still_needed(rule: str) -> None:
    assert EXCLUSIONS[rule].keys() == {"reason"}
    assert len(EXCLUSIONS[rule]["reason"].split()) > 5
    assert any(list(LINTER_RULES[rule](board)) for board in BOARDS.values())


def test_of_the_rule_for_the_job_only_the_value_of_all_is_excluded() -> None:
    for board in BOARDS.values():
        assert list(LINTER_RULES["template-job-rule"](board)) == ["All of job is .*"]


@each_board
def test_a_board_can_be_taken_in(board: Board) -> None:
    assert len(panels_of(board)) <= 25
    assert [panel["type"] for panel in board["panels"][:3]] == ["stat"] * 3


def test_there_is_a_fault_for_each_rule() -> None:
    assert {rule for rule, _, _ in FAULTS} == RULES.keys()


@pytest.mark.parametrize(
    ("rule", "seed", "message"), FAULTS, ids=[f"{number}-{rule}" for number, (rule, _, _) in enumerate(FAULTS)]
)
def test_the_rule_sees_the_fault(rule: str, seed: Seed, message: str) -> None:
    board = BOARDS["midstream-outcomes"]
    broken = deepcopy(board)
    seed(broken)
    before = set(RULES[rule](board))
    assert [finding for finding in RULES[rule](broken) if message in finding and finding not in before]
