"""A board: panels in rows, with the variables, links and annotations that all boards have."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from source.annotations import every_mark
from source.variables import templating

if TYPE_CHECKING:
    from collections.abc import Iterator

    from source.panels import Panel

__all__ = ("GRID", "TAG", "Board", "Row", "Section")

TAG: Final = "midstream"
"""What boards find each other by."""

GRID: Final = 24
"""The columns of Grafana's grid."""

_SCHEMA: Final = 39
"""The schema of Grafana 10.4. Later ones read it too."""


@dataclass(frozen=True)
class Row:
    """Panels side by side, all as high as this. Each with its width; all of them together have that of the grid."""

    height: int
    panels: tuple[tuple[int, Panel], ...]


@dataclass(frozen=True)
class Section:
    """Rows below one heading. An empty one has no line."""

    heading: str = ""
    rows: tuple[Row, ...] = ()
    needs: str = ""
    """The variable of the data source without which there is nothing in it. Only v2 resources can hide it then."""


@dataclass(frozen=True)
class Board:
    """One board. `uid` is stable: links, bookmarks and alerts have it."""

    uid: str
    name: str
    description: str
    sections: tuple[Section, ...]
    variables: tuple[dict[str, Any], ...] = ()
    """In addition to those of all boards, as Grafana has them."""

    @property
    def title(self) -> str:
        """Its title in Grafana."""
        return f"midstream / {self.name}"

    @property
    def panels(self) -> tuple[Panel, ...]:
        """Its panels, from the top, from the left."""
        return tuple(panel for section in self.sections for row in section.rows for _, panel in row.panels)

    def as_json(self) -> dict[str, Any]:
        """As Grafana imports and provisions it."""
        return {
            "id": None,
            "uid": self.uid,
            "title": self.title,
            "description": self.description,
            "tags": [TAG],
            "schemaVersion": _SCHEMA,
            "version": 1,
            "editable": False,
            "graphTooltip": 1,
            "timezone": "browser",
            "time": {"from": "now-1h", "to": "now"},
            "refresh": "1m",
            "timepicker": {},
            "fiscalYearStartMonth": 0,
            "weekStart": "",
            "liveNow": False,
            "annotations": {"list": every_mark()},
            "links": [_OTHER_BOARDS],
            "templating": templating(self.variables),
            "panels": list(self._placed()),
        }

    def _placed(self) -> Iterator[dict[str, Any]]:
        number, top = 1, 0
        for section in self.sections:
            if section.heading:
                yield _heading(number, section.heading, top)
                number, top = number + 1, top + 1
            for row in section.rows:
                left = 0
                for width, panel in row.panels:
                    yield panel.as_json(number, {"h": row.height, "w": width, "x": left, "y": top})
                    number, left = number + 1, left + width
                top += row.height


def _heading(number: int, title: str, top: int) -> dict[str, Any]:
    return {
        "id": number,
        "type": "row",
        "title": title,
        "collapsed": False,
        "gridPos": {"h": 1, "w": GRID, "x": 0, "y": top},
        "panels": [],
    }


_OTHER_BOARDS: Final = {
    "type": "dashboards",
    "title": "midstream",
    "tags": [TAG],
    "asDropdown": False,
    "includeVars": True,
    "keepTime": True,
    "targetBlank": False,
    "icon": "external link",
    "tooltip": "",
    "url": "",
}
