"""dashboards/README.md lists the boards, panels and variables that there are."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from source.boards import BOARDS
from source.variables import CHOICES

if TYPE_CHECKING:
    from source.board import Board

README: Final = (Path(__file__).parents[2] / "dashboards" / "README.md").read_text(encoding="utf-8")


def first_cells(heading: str) -> list[str]:
    """The first column of the table below a heading, without its head."""
    section = README.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    return [row.split("|")[1].strip() for row in section.splitlines() if row.startswith("|")][2:]


@pytest.mark.parametrize("board", BOARDS, ids=[board.uid for board in BOARDS])
def test_the_panels_of_a_board_are_listed_in_their_order(board: Board) -> None:
    assert first_cells(board.name) == [panel.title for panel in board.panels]


def test_the_variables_are_listed() -> None:
    assert first_cells("Variables") == ["Data source", *(choice.title for choice in CHOICES)]
    assert all(f"| {choice.title} | `{choice.label}` |" in README for choice in CHOICES)


def test_every_file_that_is_named_is_there() -> None:
    named = re.findall(r"`((?:source|grafana)/[\w./-]+)`", README) + re.findall(r"\]\((?!#)([^)#]+)[^)]*\)", README)
    assert len(named) > 15
    assert [name for name in named if not (Path(__file__).parents[2] / "dashboards" / name).exists()] == []
