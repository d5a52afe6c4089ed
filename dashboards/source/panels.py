"""The panels of the boards, as data, and as Grafana's classic JSON has them. Tables are in `tables`."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from string import ascii_uppercase
from typing import TYPE_CHECKING, Any, ClassVar, Final

from source import names
from source.links import behind, of_series
from source.states import NO_SUCH_METRIC, OTHER_NAME, asked
from source.variables import DATASOURCE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from midstream._outcomes import Outcome

__all__ = ("Bars", "Lines", "Panel", "Query", "Thresholds", "Tile", "metrics_in")

_NAME: Final = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_LEGEND: Final = re.compile(r"{{(\w+)}}")
_RECORDED: Final = "midstream:"
_SHORTEST_STEP: Final = "1m"
"""Between two points. Below that, the windows of neighbouring points overlap so much that a failure counts in many."""
_POINTS: Final = 30
"""At most, of the line of a tile: enough for a trend, and a board has many tiles."""


def metrics_in(expression: str) -> frozenset[str]:
    """The series that `expression` counts: raw ones, and those that the rules record."""
    found = _NAME.findall(asked(expression))
    return frozenset(name for name in found if name in {*names.LABELS, *names.NATIVE} or name.startswith(_RECORDED))


@dataclass(frozen=True)
class Query:
    """One question to the store."""

    source: ClassVar[Mapping[str, str]] = DATASOURCE

    expression: str
    legend: str = ""
    """What its series are called, with `{{label}}` for their labels."""
    exemplar: bool = False
    over_time: bool = False
    """In a tile: the last value, above a line of those before it."""
    unit: str = ""
    """In a tile: its unit, if it is not that of the tile. Then it carries no judgement."""

    def as_json(self, ref: str, *, over_time: bool) -> dict[str, Any]:
        """As Grafana has it: for every point of the time, or for its end."""
        return {
            "refId": ref,
            "datasource": dict(self.source),
            "editorMode": "code",
            "expr": self.expression,
            "legendFormat": self.legend or "__auto",
            "exemplar": self.exemplar,
            "instant": not over_time,
            "range": over_time,
        }


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
    leads_on: bool = True
    """Whether a click leads to the traces and log events of the calls that it counts."""

    @property
    def source(self) -> Mapping[str, str]:
        """The data source of its queries."""
        return self.queries[0].source

    @property
    def expressions(self) -> Mapping[str, str]:
        """By refId, the expression of each query."""
        return dict(zip(ascii_uppercase, (query.expression for query in self.queries), strict=False))

    def as_json(self, number: int, place: Mapping[str, int]) -> dict[str, Any]:
        """As Grafana has it, with this id, at this place of the grid."""
        return {
            "id": number,
            "type": self.kind,
            "title": self.title,
            "description": self._described(),
            "datasource": dict(self.source),
            "gridPos": dict(place),
            "targets": [self._target(ref, query) for ref, query in zip(self.expressions, self.queries, strict=True)],
            "fieldConfig": {"defaults": self._defaults(), "overrides": list(self._overrides())},
            "options": self._options(),
            **self._more(),
        }

    def _described(self) -> str:
        metrics = sorted({name for query in self.queries for name in metrics_in(query.expression)})
        return f"{self.description} Metric: {', '.join(metrics)}" if metrics else self.description

    def _target(self, ref: str, query: Query) -> dict[str, Any]:
        return query.as_json(ref, over_time=query.over_time)

    def _defaults(self) -> dict[str, Any]:
        decimals = {} if self.decimals is None else {"decimals": self.decimals}
        links = {"links": [self._behind()]} if self.leads_on else {}
        return {"unit": self.unit, **decimals, "noValue": self.nothing, "mappings": [], **links}

    def _behind(self) -> dict[str, Any]:
        labels = {label: of_series(label) for query in self.queries for label in _LEGEND.findall(query.legend)}
        return behind(self.moved_by or (), labels)

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

    def _defaults(self) -> dict[str, Any]:
        idle = {"match": "null+nan", "result": {"text": self.nothing, "color": "text"}}
        renamed = {str(OTHER_NAME): {"text": "The metric has another name", "color": "orange"}}
        return {
            **super()._defaults(),
            "noValue": NO_SUCH_METRIC if self.source == DATASOURCE else self.nothing,
            "mappings": [{"type": "special", "options": idle}, {"type": "value", "options": renamed}],
            **self._coloured(),
        }

    def _coloured(self) -> dict[str, Any]:
        if self.thresholds is None:
            return {"color": {"mode": "fixed", "fixedColor": "text"}}
        return {"color": {"mode": "thresholds"}, "thresholds": self.thresholds.as_json()}

    def _overrides(self) -> Iterable[dict[str, Any]]:
        for ref, query in zip(self.expressions, self.queries, strict=True):
            if query.unit:
                plain = {"id": "color", "value": {"mode": "fixed", "fixedColor": "text"}}
                properties = [{"id": "unit", "value": query.unit}, {"id": "decimals", "value": 2}, plain]
                yield {"matcher": {"id": "byFrameRefID", "options": ref}, "properties": properties}

    def _options(self) -> dict[str, Any]:
        return {
            # Not the last one that is a number: NaN stands for an interval without traffic.
            "reduceOptions": {"calcs": ["last"], "fields": "", "values": False},
            "textMode": "value_and_name",
            "colorMode": "value",
            "graphMode": "area" if any(query.over_time for query in self.queries) else "none",
            "justifyMode": "center",
            "orientation": "auto",
        }

    def _more(self) -> dict[str, Any]:
        return {"interval": _SHORTEST_STEP, "maxDataPoints": _POINTS}


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
        return query.as_json(ref, over_time=True)

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
