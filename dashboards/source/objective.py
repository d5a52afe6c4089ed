"""The one place with the service level objective, its windows, and what is too little traffic to judge."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ("ABSENT", "ANY", "BURNS", "LIMITS", "OBJECTIVE", "PERIOD", "STALL", "WINDOWS", "Absence", "Burn", "Limit")

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


@dataclass(frozen=True)
class Limit:
    """From where on one kind of failure is worth an alert: more than `share` of at least `calls` calls in `window`."""

    share: float
    window: str
    hold: str
    calls: int
    short: str | None = None
    """A second, shorter window in which it must be so too: then the alert ends soon after the failures do."""


LIMITS: Final[Mapping[str, Limit]] = {
    "MidstreamInBandErrors": Limit(0.02, "1h", "5m", 20, short="5m"),
    "MidstreamTruncatedStreams": Limit(0.01, "1h", "5m", 20),
    "MidstreamMalformedData": Limit(0.01, "1h", "5m", 20),
    "MidstreamOverloaded": Limit(0.05, "15m", "5m", 20),
    "MidstreamRateLimited": Limit(0.05, "15m", "5m", 20),
    "MidstreamStalls": Limit(0.05, "30m", "5m", 20),
}
"""The alerts on a share, by their names. Half an answer that passes for a whole one is worth more than a failure."""

ANY: Final[Mapping[str, str]] = {
    "MidstreamAccessDenied": "15m",
    "MidstreamLeakedTransportErrors": "1h",
    "MidstreamMisreportedStatus": "1h",
    "MidstreamTelemetryErrors": "1h",
}
"""The alerts that one occurrence is enough for, by their names, and how long after it they go on."""

STALL: Final = 20.48
"""Seconds of waiting that make a stream a stalled one: a bound of a bucket, which every exporter writes alike."""


@dataclass(frozen=True)
class Absence:
    """When a service is missed: it had `calls` in `window`, and has had no series for `hold`."""

    window: str
    calls: int
    hold: str


ABSENT: Final = Absence("1h", 20, "10m")
