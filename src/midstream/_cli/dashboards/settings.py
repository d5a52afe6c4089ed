"""What users decide about boards and rules: the labels that identify a service, and the objective.

The programs that make boards and rules read their settings from here, too. They get them in the environment.
"""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Final

from midstream._cli.console.problem import refuse

__all__ = ("FASTEST", "VARIABLE", "BoardSettings")

VARIABLE: Final = "MIDSTREAM_DASHBOARDS"
"""The environment variable with the settings of the program that makes boards and rules, as JSON."""

FASTEST: Final = 0.02
"""The share of the error budget that the fastest alert on it lets an hour use."""

_OBJECTIVE: Final = re.compile(r"\d{1,2}(\.\d{1,6})?")
_WINDOW: Final = re.compile(r"([1-9]\d?)d")
_DAYS: Final = range(7, 91)
_LABEL: Final = re.compile(r"(?!__)[a-zA-Z_][a-zA-Z0-9_]*")

_TAKEN: Final = re.compile(
    "le|instance|alertname|alertstate|severity|long|short|datasource|provider|model|operation"
    "|error_type|server_address|http_response_status_code|(gen_ai|midstream)_.*"
)
"""The labels that mean something else in rules and alerts, and the names of other variables of the boards."""


@dataclass(frozen=True)
class BoardSettings:
    """What users decide. The defaults are those of the boards and rules that come with midstream."""

    by: tuple[str, ...] = ()
    """The labels that identify a service. Empty: those of `source.names`."""
    objective: float = 0.99
    """The share of calls that must not fail."""
    days: int = 30
    """The time for which the error budget is given."""

    @classmethod
    def from_options(cls, by: str | None, objective: str | None, window: str | None) -> BoardSettings:
        """Raises `Problem` for a value that cannot be used. `None` takes the default."""
        days = cls.days if window is None else _days(window)
        return cls(
            () if by is None else _labels(by),
            cls.objective if objective is None else _share(objective, days),
            days,
        )

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> BoardSettings:
        """What `in_environment` wrote; the defaults if it did not."""
        found = json.loads(environment.get(VARIABLE, "{}"))
        found["by"] = tuple(found.get("by", ()))
        return cls(**found)

    def in_environment(self) -> Mapping[str, str]:
        """The variable that gives these settings to another process."""
        return {VARIABLE: json.dumps(asdict(self))}


def _labels(by: str) -> tuple[str, ...]:
    labels = tuple(label.strip() for label in by.split(","))
    for label, times in Counter(labels).items():
        if not _LABEL.fullmatch(label):
            refuse("--by", by, "must be the names of labels, separated by commas: cluster,namespace,job")
        if times > 1:
            refuse("--by", by, f"{label} is there more than once")
        if _TAKEN.fullmatch(label):
            refuse("--by", by, f"{label} cannot identify a service, because it has another meaning in the rules")
    return labels


def _share(objective: str, days: int) -> float:
    least = 100 - 100 / (FASTEST * days * 24)
    percent = Decimal(objective) if _OBJECTIVE.fullmatch(objective) else Decimal(0)
    if percent <= least:
        # With less, the fastest alert would need more failures than there are calls.
        allowed = f"must be a percentage below 100 and, for a window of {days}d, above {least:.2f}, such as 99.5"
        refuse("--objective", objective, allowed)
    return float(percent / 100)


def _days(window: str) -> int:
    found = _WINDOW.fullmatch(window)
    if not (found and int(found[1]) in _DAYS):
        refuse("--window", window, f"must be a number of days from {_DAYS[0]}d to {_DAYS[-1]}d, such as 28d")
    return int(found[1])
