"""Tables, as data, and as Grafana's classic JSON has them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar, Final

from source.links import behind, of_row
from source.panels import Panel

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from midstream._outcomes import Outcome
    from source.panels import Query, Thresholds

__all__ = ("Column", "Table")

_NO_VALUE: Final = {"type": "special", "options": {"match": "null+nan", "result": {"text": "-", "color": "text"}}}
"""For a cell whose colour is a judgement. A cell without a value has the colour of text."""


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
    counts: frozenset[Outcome] = frozenset()
    """The outcomes of the calls that it counts, if they are not those of its table."""

    @property
    def is_value(self) -> bool:
        """Whether it has what a query found, and not a label."""
        return self.source.startswith("Value")

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
    """Rows of labels and values. Queries that name the same labels share their rows.

    Each value leads to the traces and log events of the calls that it counts, in its row.
    """

    kind: ClassVar = "table"

    columns: tuple[Column, ...]
    """All that are shown, in their order."""
    sort_by: str
    """The title of the column whose largest values are on top."""
    unit: str = "none"

    def _target(self, ref: str, query: Query) -> dict[str, Any]:
        return {**super()._target(ref, query), "format": "table"}

    def _defaults(self) -> dict[str, Any]:
        defaults = super()._defaults()
        defaults.pop("links", None)
        return {
            **defaults,
            "color": {"mode": "fixed", "fixedColor": "text"},
            "custom": {"align": "auto", "cellOptions": {"type": "auto"}, "inspect": False, "filterable": False},
        }

    def _overrides(self) -> Iterable[dict[str, Any]]:
        columns = map(self._leading_on, self.columns) if self.leads_on else self.columns
        return (made for column in columns if (made := column.override())["properties"])

    def _leading_on(self, column: Column) -> Column:
        if not column.is_value:
            return column
        labels = {other.source: of_row(other.title) for other in self.columns if not other.is_value}
        link = behind(column.counts or self.moved_by or (), labels)
        return replace(column, links=(*column.links, (link["title"], link["url"])))

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
