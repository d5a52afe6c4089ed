"""The template variables of the boards, and what they choose.

"All" is `.*` everywhere: a store may have no `job` label, or no `service_name`, and `.+` would find nothing there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from source import names
from source.queries import Selection

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = (
    "CHOICES",
    "DATASOURCE",
    "EVERYTHING",
    "NAMES",
    "Choice",
    "chosen",
    "datasource_variable",
    "interpolate",
    "list_variable",
    "query_variable",
    "templating",
    "text_variable",
)

EVERYTHING: Final = ".*"

DATASOURCE: Final = {"type": "prometheus", "uid": "${datasource}"}


@dataclass(frozen=True)
class Choice:
    """A variable: what is chosen by one label."""

    name: str
    label: str
    title: str
    shown: bool = True


CHOICES: Final = (
    *(Choice(one.variable, one.label, one.title, not one.same_as) for one in names.DIMENSIONS),
    Choice("provider", names.PROVIDER, "Provider"),
    Choice("model", names.MODEL, "Model"),
    Choice("operation", names.OPERATION, "Operation"),
)
"""In the order of the bar. The values of each are those that the ones before it leave."""


NAMES: Final = ("datasource", *(choice.name for choice in CHOICES))
"""Of the variables that every board has."""


def chosen(metric: str) -> Selection:
    """The series of `metric` that the variables choose."""
    return _matching(metric, CHOICES)


def templating(more: Iterable[dict[str, Any]] = ()) -> dict[str, Any]:
    """The variables as a board has them, with `more` that only it has."""
    return {"list": [datasource_variable("datasource", "Data source", "prometheus"), *_choices(), *more]}


def interpolate(expression: str, window: str = "5m", interval: str = "15s") -> str:
    """`expression` as Grafana asks it, with All in each variable and `window` for each range."""
    values = {
        "$__rate_interval": window,
        "$__range": window,
        "$__interval": interval,
        **{f"${choice.name}": EVERYTHING for choice in CHOICES},
        **dict.fromkeys(("$outcome", "$error_type"), EVERYTHING),
    }
    for name, value in values.items():
        expression = expression.replace(name, value)
    return expression


_SHOWN: Final = 0
_HIDDEN: Final = 2
_LABEL_VALUES: Final = 1
"""Grafana's number for a query of the values of a label."""

_VISIBLE: Final[dict[str, Any]] = {"hide": _SHOWN, "options": []}
_SEVERAL: Final[dict[str, Any]] = {**_VISIBLE, "multi": True, "includeAll": True}


def _matching(metric: str, choices: Iterable[Choice]) -> Selection:
    return Selection(metric, tuple(f'{choice.label}=~"${choice.name}"' for choice in choices))


def datasource_variable(name: str, title: str, kind: str) -> dict[str, Any]:
    """A choice among the data sources of this kind."""
    return {
        "type": "datasource",
        "name": name,
        "label": title,
        "query": kind,
        "refresh": 1,
        "regex": "",
        **_VISIBLE,
        "multi": False,
        "includeAll": False,
        "current": {},
    }


def query_variable(choice: Choice, selection: Selection) -> dict[str, Any]:
    """A choice among the values that a label has in some series."""
    query = f"label_values({selection}, {choice.label})"
    return {
        "type": "query",
        "name": choice.name,
        "label": choice.title,
        "datasource": DATASOURCE,
        "definition": query,
        "query": {"qryType": _LABEL_VALUES, "query": query, "refId": f"{choice.name}-values"},
        "refresh": 2,
        "regex": "",
        "sort": 1,
        **_SEVERAL,
        "hide": _SHOWN if choice.shown else _HIDDEN,
        "allValue": EVERYTHING,
        "current": {"selected": True, "text": ["All"], "value": ["$__all"]},
    }


def list_variable(name: str, title: str, values: Iterable[str], first: Iterable[str]) -> dict[str, Any]:
    """A choice among `values`. `first` are chosen to begin with. All is any value, but there must be one."""
    selected = list(first)
    return {
        "type": "custom",
        "name": name,
        "label": title,
        "query": ",".join(values),
        **_SEVERAL,
        "allValue": ".+",
        "current": {"selected": True, "text": selected, "value": selected},
    }


def text_variable(name: str, title: str) -> dict[str, Any]:
    """A text that the reader types or pastes; empty to begin with."""
    return {"type": "textbox", "name": name, "label": title, "query": "", **_VISIBLE, "current": {}}


def _choices() -> Iterable[dict[str, Any]]:
    for place, choice in enumerate(CHOICES):
        yield query_variable(choice, _matching(names.OPERATIONS, CHOICES[:place]))
