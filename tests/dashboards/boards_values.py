"""What panels show, computed by promtool from known series."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dashboards.promtool import Scene, promtool
from source.boards import every_panel, interpolate

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from source.panels import Panel

__all__ = ("BORN", "MINUTES", "WINDOW", "complaints", "expression", "trend")

WINDOW: Final = "10m"
MINUTES: Final = 60
BORN: Final = "_x55 1x5"
"""A series that begins with 1, within the window."""


def expression(board: str, title: str) -> str:
    """What the first query of a panel asks."""
    return interpolate(_panel(board, title).queries[0].expression, WINDOW)


def trend(board: str, title: str) -> str:
    """What the line of a tile is made of."""
    (query,) = [query for query in _panel(board, title).queries if query.over_time]
    return interpolate(query.expression, WINDOW)


def _panel(board: str, title: str) -> Panel:
    (panel,) = [panel for one, panel in every_panel() if (one.uid, panel.title) == (board, title)]
    return panel


def complaints(series: Mapping[str, str], samples: Mapping[str, Mapping[str, float]], folder: Path) -> str:
    """The message of promtool if `series` do not give `samples`."""
    return promtool(Scene("boards", dict(series), f"{MINUTES}m", samples=samples), folder)
