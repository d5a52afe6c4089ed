"""The one place with the service level objective, its windows, and what is too little traffic to judge."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

__all__ = ("BURNS", "OBJECTIVE", "PERIOD", "WINDOWS", "Burn")

OBJECTIVE: Final = 0.99
"""The share of calls that must not fail, of those that the application did not end itself."""

PERIOD: Final = "30d"
"""The time for which the error budget is given."""

WINDOWS: Final = ("5m", "30m", "1h", "2h", "6h", "1d", "3d")
"""What ratios are recorded for."""


@dataclass(frozen=True)
class Burn:
    """An alert on the error budget: it fires when both windows burn it `factor` times as fast as it lasts."""

    severity: str
    long: str
    short: str
    factor: float
    hold: str
    """How long it must be so before the alert fires."""
    calls: int
    """With fewer calls than this in the long window nothing is judged."""


# The windows and factors of the kubernetes-mixin, from the Site Reliability Workbook, chapter 5.
BURNS: Final = (
    Burn("critical", "1h", "5m", 14.4, "2m", 20),
    Burn("critical", "6h", "30m", 6, "15m", 50),
    Burn("warning", "1d", "2h", 3, "1h", 100),
    Burn("warning", "3d", "6h", 1, "3h", 200),
)
