"""The boards, and what a test asks of their panels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from source.boards import budget, calls, leaked, misreported, outcomes
from source.variables import DATASOURCE, interpolate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from source.board import Board
    from source.panels import Panel

__all__ = ("BOARDS", "every_panel", "interpolate")

BOARDS: Final[tuple[Board, ...]] = (outcomes.BOARD, misreported.BOARD, leaked.BOARD, budget.BOARD, calls.BOARD)


def every_panel() -> Iterator[tuple[Board, Panel]]:
    """Every panel of every board that asks Prometheus."""
    return ((board, panel) for board in BOARDS for panel in board.panels if panel.source == DATASOURCE)
