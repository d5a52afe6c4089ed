"""The template variables of all boards, and what they choose.

"All" is `.*` everywhere: a store may have no `job` label, or no `service_name`, and `.+` would find nothing there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from source import names
from source.queries import Selection

__all__ = ("CHOICES", "DATASOURCE", "EVERYTHING", "NAMES", "Choice", "chosen", "interpolate", "templating")

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
"""Of all variables."""


def chosen(metric: str) -> Selection:
    """The series of `metric` that the variables choose."""
    return _matching(metric, CHOICES)


def templating() -> dict[str, Any]:
    """The variables as a board has them."""
    return {"list": [_DATASOURCE_VARIABLE, *(_variable(place) for place in range(len(CHOICES)))]}


def interpolate(expression: str, window: str = "5m", interval: str = "15s") -> str:
    """`expression` as Grafana asks it, with All in each variable and `window` for each range."""
    values = {
        "$__rate_interval": window,
        "$__range": window,
        "$__interval": interval,
        **{f"${choice.name}": EVERYTHING for choice in CHOICES},
    }
    for name, value in values.items():
        expression = expression.replace(name, value)
    return expression


_SHOWN: Final = 0
_HIDDEN: Final = 2
_LABEL_VALUES: Final = 1
"""Grafana's number for a query of the values of a label."""


def _matching(metric: str, choices: tuple[Choice, ...]) -> Selection:
    return Selection(metric, tuple(f'{choice.label}=~"${choice.name}"' for choice in choices))


_DATASOURCE_VARIABLE: Final[dict[str, Any]] = {
    "type": "datasource",
    "name": "datasource",
    "label": "Data source",
    "query": "prometheus",
    "refresh": 1,
    "regex": "",
    "hide": 0,
    "multi": False,
    "includeAll": False,
    "current": {},
    "options": [],
}


def _variable(place: int) -> dict[str, Any]:
    choice = CHOICES[place]
    query = f"label_values({_matching(names.OPERATIONS, CHOICES[:place])}, {choice.label})"
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
        "hide": _SHOWN if choice.shown else _HIDDEN,
        "multi": True,
        "includeAll": True,
        "allValue": EVERYTHING,
        "current": {"selected": True, "text": ["All"], "value": ["$__all"]},
        "options": [],
    }
