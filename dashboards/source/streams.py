"""Panels of single calls: their traces in Tempo, and their log events in Loki.

The attributes are midstream's, in TraceQL as they are, in LogQL as Loki names what arrives over OTLP.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Final

from source.names import DIMENSIONS, label
from source.panels import Panel, Query
from source.tables import Table

__all__ = (
    "LOGS",
    "SELECTED",
    "TRACES",
    "LogEvents",
    "LogQuery",
    "Spans",
    "Trace",
    "TraceQuery",
    "log_events",
    "spans",
    "variable_of",
)

TRACES: Final = "tempo"
LOGS: Final = "loki"
"""Grafana's names for the kinds of data sources."""

_MOST: Final = 100
"""The latest calls that are shown."""

_RESOURCE: Final = {
    attribute: one.variable
    for attribute in ("service.name", "deployment.environment.name", "k8s.namespace.name")
    for one in DIMENSIONS
    if one.label == label(attribute)
}
"""By attribute of the resource, the variable that chooses it. No trace and no log event has a job."""

SELECTED: Final = (
    "midstream.outcome",
    "error.type",
    "midstream.status_code",
    "midstream.phase",
    "gen_ai.request.model",
    "anthropic.request.id",
)
"""The attributes of a span that its row has."""


def variable_of(kind: str) -> str:
    """The variable that chooses a data source of this kind."""
    return f"{kind}_datasource"


@dataclass(frozen=True)
class TraceQuery(Query):
    """A question to Tempo, in TraceQL, or the id of a trace."""

    source: ClassVar = {"type": TRACES, "uid": f"${{{variable_of(TRACES)}}}"}

    def as_json(self, ref: str, *, over_time: bool) -> dict[str, Any]:
        """As Grafana has it. `over_time` has no meaning."""
        del over_time
        return {
            "refId": ref,
            "datasource": dict(self.source),
            "queryType": "traceql",
            "query": self.expression,
            "limit": _MOST,
            "tableType": "spans",
        }


@dataclass(frozen=True)
class LogQuery(Query):
    """A question to Loki, in LogQL."""

    source: ClassVar = {"type": LOGS, "uid": f"${{{variable_of(LOGS)}}}"}

    def as_json(self, ref: str, *, over_time: bool) -> dict[str, Any]:
        """As Grafana has it: log events, or a number over time or for the whole of it."""
        return {
            "refId": ref,
            "datasource": dict(self.source),
            "editorMode": "code",
            "expr": self.expression,
            "queryType": "range" if over_time else "instant",
            "legendFormat": self.legend,
            "maxLines": _MOST,
        }


def spans() -> str:
    """In TraceQL, the calls that the variables choose."""
    conditions = (
        *(
            _unless(f"${{{variable}:pipe}}", ".*", f'resource.{attribute} =~ "${{{variable}:pipe}}"')
            for attribute, variable in _RESOURCE.items()
        ),
        'span.midstream.outcome =~ "${outcome:pipe}"',
        # A call that did not fail has no error type, and some operations have no model: then only All finds them.
        _unless("${error_type:pipe}", ".*", 'span.error.type =~ "${error_type:pipe}"'),
        _unless("${model:pipe}", ".*", 'span.gen_ai.request.model =~ "${model:pipe}"'),
        'span.gen_ai.provider.name =~ "${provider:pipe}"',
        'span.gen_ai.operation.name =~ "${operation:pipe}"',
        _unless("${request_id}", "", 'span.anthropic.request.id =~ ".*${request_id}.*"'),
    )
    selected = ", ".join(("statusMessage", *(f"span.{name}" for name in SELECTED)))
    return f"{{ {' && '.join(conditions)} }} | select({selected})"


def _unless(chosen: str, everything: str, condition: str) -> str:
    return f'("{chosen}" = "{everything}" || {condition})'


def log_events() -> str:
    """In LogQL, the events of the failed calls that the variables choose. No other event has an outcome."""
    request = (label(name) for name in ("anthropic.request.id", "midstream.in_band.request_id"))
    conditions = (
        *(
            f'{label(name)}=~"${variable}"'
            for name, variable in (
                *((attribute, one) for attribute, one in _RESOURCE.items() if attribute != "service.name"),
                ("midstream.outcome", "outcome"),
                ("error.type", "error_type"),
                ("gen_ai.request.model", "model"),
                ("gen_ai.provider.name", "provider"),
                ("gen_ai.operation.name", "operation"),
            )
        ),
        " or ".join(f'{name}=~".*${{request_id}}.*"' for name in request),
    )
    # Loki takes no selector that an empty label meets, as All does.
    service = "".join(f', service_name=~"${one.variable}"' for one in DIMENSIONS if one.label == "service_name")
    return f'{{service_name=~".+"{service}}}' + "".join(f" | {one}" for one in conditions)


@dataclass(frozen=True, kw_only=True)
class Spans(Table):
    """The spans of calls, a row for each. Tempo names the columns."""

    leads_on: bool = False

    def _target(self, ref: str, query: Query) -> dict[str, Any]:
        return query.as_json(ref, over_time=False)

    def _more(self) -> dict[str, Any]:
        organize = {
            "excludeByName": dict.fromkeys(("traceName", "name", "status"), True),
            "indexByName": {column.source: place for place, column in enumerate(self.columns)},
            "renameByName": {column.source: column.title for column in self.columns},
        }
        return {"transformations": [{"id": "organize", "options": organize}]}


@dataclass(frozen=True, kw_only=True)
class Trace(Panel):
    """One trace, as a waterfall."""

    kind: ClassVar = "traces"
    leads_on: bool = False


@dataclass(frozen=True, kw_only=True)
class LogEvents(Panel):
    """Log events, the latest first. A click opens one, with all its attributes."""

    kind: ClassVar = "logs"
    leads_on: bool = False

    def _target(self, ref: str, query: Query) -> dict[str, Any]:
        return query.as_json(ref, over_time=True)

    def _options(self) -> dict[str, Any]:
        return {
            "showTime": True,
            "showLabels": False,
            "showCommonLabels": False,
            "wrapLogMessage": True,
            "prettifyLogMessage": False,
            "enableLogDetails": True,
            "dedupStrategy": "none",
            "sortOrder": "Descending",
        }
