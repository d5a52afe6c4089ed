"""The panels of the boards, as data, and as Grafana's classic JSON has them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from string import ascii_uppercase
from typing import TYPE_CHECKING, Any, ClassVar, Final

from source import names
from source.variables import DATASOURCE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from midstream._outcomes import Outcome

__all__ = ("Bars", "Column", "Lines", "Panel", "Query", "Table", "Thresholds", "Tile", "metrics_in")

_NAME: Final = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_RECORDED: Final = "midstream:"
_NO_VALUE: Final = {"type": "special", "options": {"match": "null+nan", "result": {"text": "-", "color": "text"}}}
"""For a cell whose colour is a judgement: there is none to be made where there is no value."""
_SHORTEST_STEP: Final = "1m"
"""Between two points. Below that, the windows of neighbouring points overlap so much that a failure counts in many."""


def metrics_in(expression: str) -> frozenset[str]:
    """The series that `expression` reads: raw ones, and those that the rules record."""
    return frozenset(name for name in _NAME.findall(expression) if name in names.LABELS or name.startswith(_RECORDED))


@dataclass(frozen=True)
class Query:
    """One question to the store."""

    expression: str
    legend: str = ""
    """What its series are called, with `{{label}}` for their labels."""
    exemplar: bool = False


@dataclass(frozen=True)
class Thresholds:
    """`base` is the colour of what is below the first step; a step is a value, and the colour from there on."""

    base: str
    steps: tuple[tuple[float, str], ...] = ()

    def as_json(self) -> dict[str, Any]:
        """As Grafana has them."""
        steps = [{"color": colour, "value": value} for value, colour in ((None, self.base), *self.steps)]
        return {"mode": "absolute", "steps": steps}


@dataclass(frozen=True, kw_only=True)
class Panel:
    """What all panels have. `description` says what it shows; the metrics that it reads are added to it."""

    kind: ClassVar = ""
    """Grafana's name for this type of panel."""

    title: str
    description: str
    queries: tuple[Query, ...]
    moved_by: frozenset[Outcome] | None
    """The outcomes whose calls move this panel. `None` if every call does. Empty if no outcome does, as such.

    Calls of one of them, and of nothing else, make it show something that it does not show at rest; calls of all
    others leave it at rest. This is so for calls with the flags that their outcome normally has
    (`contract.NORMAL_FLAGS`), and for in-band errors that are worth a retry.
    """
    at_rest: float = 0
    """All that it shows at rest. It may also show nothing, or NaN."""
    unit: str = "short"
    decimals: int | None = None
    nothing: str = "No data"
    """What is there if there is no data, or no value in a cell."""

    @property
    def expressions(self) -> Mapping[str, str]:
        """By refId, the expression of each query."""
        return dict(zip(ascii_uppercase, (query.expression for query in self.queries), strict=False))

    def as_json(self, number: int, place: Mapping[str, int]) -> dict[str, Any]:
        """As Grafana has it, with this id, at this place of the grid."""
        metrics = sorted({name for query in self.queries for name in metrics_in(query.expression)})
        return {
            "id": number,
            "type": self.kind,
            "title": self.title,
            "description": f"{self.description} Metric: {', '.join(metrics)}",
            "datasource": DATASOURCE,
            "gridPos": dict(place),
            "targets": [self._target(ref, query) for ref, query in zip(self.expressions, self.queries, strict=True)],
            "fieldConfig": {"defaults": self._defaults(), "overrides": list(self._overrides())},
            "options": self._options(),
            **self._more(),
        }

    def _target(self, ref: str, query: Query) -> dict[str, Any]:
        return {
            "refId": ref,
            "datasource": DATASOURCE,
            "editorMode": "code",
            "expr": query.expression,
            "legendFormat": query.legend or "__auto",
            "exemplar": query.exemplar,
            "instant": True,
            "range": False,
        }

    def _defaults(self) -> dict[str, Any]:
        decimals = {} if self.decimals is None else {"decimals": self.decimals}
        return {"unit": self.unit, **decimals, "noValue": self.nothing, "mappings": []}

    def _overrides(self) -> Iterable[dict[str, Any]]:
        return ()

    def _options(self) -> dict[str, Any]:
        return {}

    def _more(self) -> dict[str, Any]:
        return {}


@dataclass(frozen=True, kw_only=True)
class Tile(Panel):
    """A number, or a few, each with a sentence: the legend of its query."""

    kind: ClassVar = "stat"

    thresholds: Thresholds | None = None
    """Only where the number carries a judgement."""
    colour: str = "text"
    """Where it carries none."""

    def _defaults(self) -> dict[str, Any]:
        if self.thresholds is None:
            return {**super()._defaults(), "color": {"mode": "fixed", "fixedColor": self.colour}}
        return {**super()._defaults(), "color": {"mode": "thresholds"}, "thresholds": self.thresholds.as_json()}

    def _options(self) -> dict[str, Any]:
        return {
            "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
            "textMode": "value_and_name",
            "colorMode": "value",
            "graphMode": "none",
            "justifyMode": "center",
            "orientation": "auto",
        }


@dataclass(frozen=True, kw_only=True)
class Lines(Panel):
    """Values over time."""

    kind: ClassVar = "timeseries"
    _style: ClassVar = "line"

    colours: Mapping[str, str] = field(default_factory=dict[str, str])
    """By the name of a series. One that is not there gets a colour by its name, the same on all boards."""
    stacked: bool = False
    limits: Thresholds | None = None
    """Lines across the panel."""
    least: float | None = 0
    most: float | None = None
    """The ends of the axis. `None` is: what fits."""

    def _target(self, ref: str, query: Query) -> dict[str, Any]:
        return {**super()._target(ref, query), "instant": False, "range": True}

    def _defaults(self) -> dict[str, Any]:
        ends = {"min": self.least, "max": self.most}
        limits = {} if self.limits is None else {"thresholds": self.limits.as_json()}
        return {
            **super()._defaults(),
            **{name: end for name, end in ends.items() if end is not None},
            "color": {"mode": "palette-classic-by-name"},
            **limits,
            "custom": {
                "drawStyle": self._style,
                "lineInterpolation": "linear",
                "lineWidth": 1 if self.stacked else 2,
                "fillOpacity": 70 if self.stacked else 0,
                "gradientMode": "none",
                "showPoints": "auto",
                "pointSize": 4,
                "spanNulls": False,
                "axisPlacement": "auto",
                "axisLabel": "",
                "stacking": {"mode": "normal" if self.stacked else "none", "group": "A"},
                "thresholdsStyle": {"mode": "dashed" if limits else "off"},
            },
        }

    def _overrides(self) -> Iterable[dict[str, Any]]:
        for name, colour in self.colours.items():
            fixed = {"id": "color", "value": {"mode": "fixed", "fixedColor": colour}}
            yield {"matcher": {"id": "byName", "options": name}, "properties": [fixed]}

    def _options(self) -> dict[str, Any]:
        return {
            "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True, "calcs": []},
            "tooltip": {"mode": "multi", "sort": "desc"},
        }

    def _more(self) -> dict[str, Any]:
        return {"interval": _SHORTEST_STEP}


@dataclass(frozen=True, kw_only=True)
class Bars(Lines):
    """Counts over time, one on top of the other."""

    _style: ClassVar = "bars"

    stacked: bool = True
    unit: str = "none"
    """Whole numbers in full: as `short` without decimals, an axis says 1 K, 1 K, 2 K."""


@dataclass(frozen=True)
class Column:
    """A column of a table. `source` is a label, `Value`, or of several queries `Value #A`."""

    source: str
    title: str
    width: int | None = None
    unit: str | None = None
    decimals: int | None = None
    thresholds: Thresholds | None = None
    words: Mapping[str, tuple[str, str]] = field(default_factory=dict[str, tuple[str, str]])
    """By value, the word that stands for it, and its colour."""
    links: tuple[tuple[str, str], ...] = ()
    """Titles and addresses."""

    def override(self) -> dict[str, Any]:
        """What is special about it, as Grafana has it."""
        return {
            "matcher": {"id": "byName", "options": self.title},
            "properties": [{"id": name, "value": value} for name, value in self._properties()],
        }

    def _properties(self) -> Iterable[tuple[str, Any]]:
        if self.width is not None:
            yield "custom.width", self.width
        if self.unit is not None:
            yield "unit", self.unit
        if self.decimals is not None:
            yield "decimals", self.decimals
        if self.thresholds is not None:
            yield "thresholds", self.thresholds.as_json()
            yield "color", {"mode": "thresholds"}
            yield "mappings", [_NO_VALUE]
        if self.words:
            words = {value: {"text": text, "color": colour} for value, (text, colour) in self.words.items()}
            yield "mappings", [{"type": "value", "options": words}]
        if self.words or self.thresholds:
            yield "custom.cellOptions", {"type": "color-text"}
        if self.links:
            yield "links", [{"title": title, "url": url} for title, url in self.links]


@dataclass(frozen=True, kw_only=True)
class Table(Panel):
    """Rows of labels and values. Queries that name the same labels share their rows."""

    kind: ClassVar = "table"

    columns: tuple[Column, ...]
    """All that are shown, in their order."""
    sort_by: str
    """The title of the column whose largest values are on top."""
    unit: str = "none"

    def _target(self, ref: str, query: Query) -> dict[str, Any]:
        return {**super()._target(ref, query), "format": "table"}

    def _defaults(self) -> dict[str, Any]:
        return {
            **super()._defaults(),
            "color": {"mode": "fixed", "fixedColor": "text"},
            "custom": {"align": "auto", "cellOptions": {"type": "auto"}, "inspect": False, "filterable": False},
        }

    def _overrides(self) -> Iterable[dict[str, Any]]:
        return (made for column in self.columns if (made := column.override())["properties"])

    def _options(self) -> dict[str, Any]:
        return {
            "showHeader": True,
            "cellHeight": "sm",
            "footer": {"show": False, "reducer": ["sum"], "countRows": False, "fields": ""},
            "sortBy": [{"displayName": self.sort_by, "desc": True}],
        }

    def _more(self) -> dict[str, Any]:
        organize = {
            "excludeByName": {"Time": True},
            "indexByName": {column.source: place for place, column in enumerate(self.columns)},
            "renameByName": {column.source: column.title for column in self.columns},
        }
        return {"transformations": [{"id": "merge", "options": {}}, {"id": "organize", "options": organize}]}
