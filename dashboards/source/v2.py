"""A board as a v2 resource, `dashboard.grafana.app`: made from its classic JSON, and laid out in rows.

A row whose data source is not there is hidden, which the classic JSON cannot do.
"""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from source.board import Board, Section

__all__ = ("resource",)

_VERSION: Final = "dashboard.grafana.app/v2"
_GRAFANA: Final = "13.0.0"
"""The version whose settings of panels these are."""

_HIDE: Final = {0: "dontHide", 1: "hideLabel", 2: "hideVariable"}
_REFRESH: Final = {1: "onDashboardLoad", 2: "onTimeRangeChanged"}
_SORT: Final = {0: "disabled", 1: "alphabeticalAsc"}
_CURSOR: Final = {0: "Off", 1: "Crosshair", 2: "Tooltip"}

_OF_QUERY: Final = ("datasource", "refId", "hide")
"""What a classic query has beside what is the data source's own."""


def resource(board: Board) -> dict[str, Any]:
    """What `kubectl`, Git Sync and Grafana's API take."""
    classic = board.as_json()
    return {
        "apiVersion": _VERSION,
        "kind": "Dashboard",
        "metadata": {"name": board.uid},
        "spec": {
            "title": classic["title"],
            "description": classic["description"],
            "tags": classic["tags"],
            "editable": classic["editable"],
            "liveNow": classic["liveNow"],
            "preload": False,
            "cursorSync": _CURSOR[classic["graphTooltip"]],
            "annotations": [_annotation(one) for one in classic["annotations"]["list"]],
            "links": [dict(link) for link in classic["links"]],
            "variables": [_variable(one) for one in classic["templating"]["list"]],
            "timeSettings": {
                "timezone": classic["timezone"],
                **classic["time"],
                "autoRefresh": classic["refresh"],
                "autoRefreshIntervals": [],
                "hideTimepicker": False,
                "fiscalYearStartMonth": classic["fiscalYearStartMonth"],
            },
            "elements": {_name(panel["id"]): _element(panel) for panel in classic["panels"] if panel["type"] != "row"},
            "layout": {"kind": "RowsLayout", "spec": {"rows": list(_rows(board))}},
        },
    }


def _query(group: str, source: str, spec: dict[str, Any]) -> dict[str, Any]:
    return {"kind": "DataQuery", "group": group, "version": "v0", "datasource": {"name": source}, "spec": spec}


def _annotation(classic: dict[str, Any]) -> dict[str, Any]:
    source, is_built_in = classic["datasource"], bool(classic.get("builtIn"))
    own = {name: value for name, value in classic.items() if name in {"expr", "step"}}
    legacy = {name: value for name, value in classic.items() if name.endswith("Format") and value}
    return {
        "kind": "AnnotationQuery",
        "spec": {
            "name": classic["name"],
            "query": _query(source["type"], source["uid"], own),
            "enable": classic["enable"],
            "hide": classic["hide"],
            "iconColor": classic["iconColor"],
            "builtIn": is_built_in,
            **({"legacyOptions": legacy} if legacy else {}),
        },
    }


def _variable(classic: dict[str, Any]) -> dict[str, Any]:
    kind, more = _KINDS[classic["type"]]
    shared = {
        "name": classic["name"],
        "label": classic["label"],
        "hide": _HIDE[classic["hide"]],
        "skipUrlSync": False,
        "current": _current(classic["current"]),
    }
    return {"kind": kind, "spec": {**shared, **more(classic)}}


def _current(classic: dict[str, Any]) -> dict[str, Any]:
    return {"text": classic.get("text", ""), "value": classic.get("value", "")}


def _choice(classic: dict[str, Any]) -> dict[str, Any]:
    all_value = {"allValue": classic["allValue"]} if "allValue" in classic else {}
    return {
        "multi": classic["multi"],
        "includeAll": classic["includeAll"],
        **all_value,
        "options": [],
        "allowCustomValue": True,
    }


def _of_query(classic: dict[str, Any]) -> dict[str, Any]:
    source = classic["datasource"]
    return {
        **_choice(classic),
        "query": _query(source["type"], source["uid"], dict(classic["query"])),
        "definition": classic["definition"],
        "refresh": _REFRESH[classic["refresh"]],
        "regex": classic["regex"],
        "sort": _SORT[classic["sort"]],
    }


def _of_source(classic: dict[str, Any]) -> dict[str, Any]:
    refresh = _REFRESH[classic["refresh"]]
    return {**_choice(classic), "pluginId": classic["query"], "refresh": refresh, "regex": classic["regex"]}


def _of_list(classic: dict[str, Any]) -> dict[str, Any]:
    return {**_choice(classic), "query": classic["query"]}


def _of_text(classic: dict[str, Any]) -> dict[str, Any]:
    return {"query": classic["query"]}


_KINDS: Final = {
    "query": ("QueryVariable", _of_query),
    "datasource": ("DatasourceVariable", _of_source),
    "custom": ("CustomVariable", _of_list),
    "textbox": ("TextVariable", _of_text),
}


def _name(number: int) -> str:
    return f"panel-{number}"


def _element(classic: dict[str, Any]) -> dict[str, Any]:
    return {
        "kind": "Panel",
        "spec": {
            "id": classic["id"],
            "title": classic["title"],
            "description": classic["description"],
            "links": [],
            "data": {
                "kind": "QueryGroup",
                "spec": {
                    "queries": [_panel_query(target) for target in classic["targets"]],
                    "transformations": [
                        {"kind": "Transformation", "group": one["id"], "spec": {"options": one["options"]}}
                        for one in classic.get("transformations", ())
                    ],
                    "queryOptions": {name: classic[name] for name in ("interval", "maxDataPoints") if name in classic},
                },
            },
            "vizConfig": {
                "kind": "VizConfig",
                "group": classic["type"],
                "version": _GRAFANA,
                "spec": {"options": classic["options"], "fieldConfig": classic["fieldConfig"]},
            },
        },
    }


def _panel_query(classic: dict[str, Any]) -> dict[str, Any]:
    source = classic["datasource"]
    own = {name: value for name, value in classic.items() if name not in _OF_QUERY}
    query = _query(source["type"], source["uid"], own)
    return {"kind": "PanelQuery", "spec": {"refId": classic["refId"], "hidden": False, "query": query}}


def _rows(board: Board) -> Iterator[dict[str, Any]]:
    numbers = count(1)
    for section in board.sections:
        if section.heading:
            next(numbers)  # the classic heading has it
        grid = {"kind": "GridLayout", "spec": {"items": list(_items(section, numbers))}}
        spec: dict[str, Any] = {"title": section.heading, "collapse": False, "hideHeader": not section.heading}
        if section.needs:
            spec["conditionalRendering"] = _if_there(section.needs)
        yield {"kind": "RowsLayoutRow", "spec": {**spec, "layout": grid}}


def _items(section: Section, numbers: Iterator[int]) -> Iterator[dict[str, Any]]:
    top = 0
    for row in section.rows:
        left = 0
        for width, _ in row.panels:
            place = {"x": left, "y": top, "width": width, "height": row.height}
            element = {"kind": "ElementReference", "name": _name(next(numbers))}
            yield {"kind": "GridLayoutItem", "spec": {**place, "element": element}}
            left += width
        top += row.height


def _if_there(variable: str) -> dict[str, Any]:
    item = {"variable": variable, "operator": "notEquals", "value": ""}
    return {
        "kind": "ConditionalRenderingGroup",
        "spec": {
            "visibility": "show",
            "condition": "and",
            "items": [{"kind": "ConditionalRenderingVariable", "spec": item}],
        },
    }
