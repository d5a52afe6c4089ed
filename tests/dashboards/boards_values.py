"""What panels show, computed by promtool from known series."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dashboards.promtool import Scene, promtool
from source.boards import every_panel, interpolate

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ("BORN", "MINUTES", "WINDOW", "complaints", "expression")

WINDOW: Final = "10m"
MINUTES: Final = 60
BORN: Final = "_x55 1x5"
"""A series that begins with 1, within the window."""


def expression(board: str, title: str) -> str:
    (panel,) = [panel for one, panel in every_panel() if (one.uid, panel.title) == (board, title)]
    return interpolate(panel.queries[0].expression, WINDOW)


def complaints(series: Mapping[str, str], samples: Mapping[str, Mapping[str, float]], folder: Path) -> str:
    """The message of promtool if `series` do not give `samples`."""
    return promtool(Scene("boards", dict(series), f"{MINUTES}m", samples=samples), folder)
