"""What is marked in every panel over time: alerts that fire, new versions, restarts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from midstream._outcomes import Outcome
from source import names
from source.variables import CHOICES, DATASOURCE, chosen

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ("ANNOTATIONS", "Annotation", "every_mark")

_NEW: Final = "5m"
"""How long a version or a process is new."""
_STEP: Final = "60s"
_VERSION: Final = "service_version"


@dataclass(frozen=True)
class Annotation:
    """What a query finds is marked for as long as it finds it."""

    name: str
    expression: str
    colour: str
    title: str
    """With `{{label}}` for the labels of what was found."""
    text: str = ""

    def as_json(self) -> dict[str, Any]:
        """As Grafana has it."""
        return {
            "name": self.name,
            "datasource": DATASOURCE,
            "enable": True,
            "hide": False,
            "iconColor": self.colour,
            "expr": self.expression,
            "step": _STEP,
            "titleFormat": self.title,
            "textFormat": self.text,
            "tagKeys": "",
            "useValueForTime": False,
        }


def _matching(labels: Iterable[str]) -> str:
    """The matchers of those labels of a service that are among these."""
    return "".join(f', {choice.label}=~"${choice.name}"' for choice in CHOICES if choice.label in labels)


_JOB: Final = [label for label in names.TARGET if label == "job"]
"""All that `target_info` has of the labels of a service, beside attributes of the resource."""


def _targets(offset: str = "") -> str:
    return f'count by ({", ".join((*_JOB, _VERSION))}) (target_info{{{_VERSION}!=""{_matching(_JOB)}}}{offset})'


_ENDED: Final = chosen(names.OPERATIONS).ended(Outcome.COMPLETED)
_PROCESS: Final = f"{', '.join(names.TARGET)}, instance"
_SERVICE: Final = " ".join(f"{{{{{label}}}}}" for label in names.TARGET)


def _processes(offset: str = "") -> str:
    return f"count by ({_PROCESS}) ({_ENDED}{offset})"


ANNOTATIONS: Final = (
    Annotation(
        "Firing alerts",
        f'ALERTS{{alertname=~"Midstream.*", alertstate="firing"{_matching(names.TARGET)}}}',
        "red",
        "{{alertname}}",
        f"{{{{severity}}}}: {_SERVICE}",
    ),
    # Of a service that was there before: the first version of a new service is not a change.
    Annotation(
        "New versions",
        f"{_targets()} unless {_targets(f' offset {_NEW}')} and on ({', '.join(_JOB)}) {_targets(f' offset {_NEW}')}",
        "blue",
        f"{{{{{_JOB[0] if _JOB else _VERSION}}}}}: version {{{{{_VERSION}}}}}",
    ),
    Annotation(
        "Restarts",
        f"count by ({', '.join(names.TARGET)}) (\n"
        f"  {_processes()} unless {_processes(f' offset {_NEW}')}\n"
        f"  or max by ({_PROCESS}) (resets({_ENDED}[{_NEW}])) > 0\n)",
        "purple",
        f"{_SERVICE}: new processes",
    ),
)
"""What every board marks."""

_ALERTS_OF_GRAFANA: Final = {
    "builtIn": 1,
    "datasource": {"type": "grafana", "uid": "-- Grafana --"},
    "enable": True,
    "hide": True,
    "iconColor": "rgba(0, 211, 255, 1)",
    "name": "Annotations & Alerts",
    "type": "dashboard",
}


def every_mark() -> Sequence[dict[str, Any]]:
    """All annotations as Grafana has them, with its own."""
    return [_ALERTS_OF_GRAFANA, *(one.as_json() for one in ANNOTATIONS)]
