"""The one place with the service level objective, its windows, and what is too little traffic to judge."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, Final

from midstream._cli.dashboards.settings import FASTEST
from source.names import SETTINGS

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = (
    "ABSENT",
    "ALLOWED",
    "ANY",
    "BURNS",
    "CALLER",
    "DENIAL",
    "FLEET",
    "KEEP",
    "LIMITS",
    "OBJECTIVE",
    "OUTAGE",
    "PAIRS",
    "PERIOD",
    "SHORTEST",
    "STALL",
    "WINDOWS",
    "Absence",
    "Burn",
    "Fleet",
    "Limit",
    "Most",
    "Pair",
    "seconds",
)

OBJECTIVE: Final = SETTINGS.objective
"""The share of calls that must not fail, of those that neither the application ended nor the caller caused to fail."""

ALLOWED: Final = round(1 - OBJECTIVE, 10)
"""The share of calls that may fail."""

PERIOD: Final = f"{SETTINGS.days}d"
"""The time for which the error budget is given."""

SHORTEST: Final = "5m"
"""The window whose rates are recorded from raw series; those of all others are recorded from these."""

WINDOWS: Final = (SHORTEST, "15m", "30m", "1h", "2h", "6h", "1d", "3d")
"""What ratios are recorded for."""


_UNITS: Final = {"m": 60, "h": 3600, "d": 86400}


def seconds(window: str) -> int:
    """How long a window is."""
    return int(window[:-1]) * _UNITS[window[-1]]


@dataclass(frozen=True)
class Burn:
    """An alert on the error budget: it fires when both windows use it `factor` times as fast as it lasts."""

    severity: str
    long: str
    short: str
    spends: float
    """The share of the budget that the long window may use."""
    hold: str
    """How long it must be so before the alert fires."""

    @property
    def factor(self) -> float:
        """At least 1: slower, the budget lasts."""
        return max(1, round(self.spends * seconds(PERIOD) / seconds(self.long), 2))

    @property
    def calls(self) -> int:
        """With fewer calls than this in the long window nothing is judged: it takes three failures to fire."""
        return ceil(round(3 / (self.factor * ALLOWED), 6))


# Windows and shares of the kubernetes-mixin, from the Site Reliability Workbook, chapter 5. Within 30 days, the factors
# are 14.4, 6, 3 and 1.
BURNS: Final = (
    Burn("critical", "1h", "5m", FASTEST, "2m"),
    Burn("critical", "6h", "30m", 0.05, "15m"),
    Burn("warning", "1d", "2h", 0.1, "1h"),
    Burn("warning", "3d", "6h", 0.1, "3h"),
)


@dataclass(frozen=True)
class Most:
    """An alert that pages when more than `share` of at least `calls` calls in the shortest window are of its kind.

    With less traffic, it pages when all of at least `all_of` calls are, in one of `windows`.
    """

    share: float
    calls: int
    all_of: int
    windows: tuple[str, ...]


OUTAGE: Final = Most(0.5, 20, 5, ("5m", "15m", "30m", "1h", "2h", "6h"))
"""Each window is at most three times as long as the one before, so it pages within 15 calls without a success."""

CALLER: Final = OUTAGE

DENIAL: Final = Most(0.1, 20, 5, ("5m", "15m", "30m", "1h", "2h", "6h"))


@dataclass(frozen=True)
class Limit:
    """From where on one kind of failure is worth a ticket: more than `share` of at least `calls` calls in `window`."""

    share: float
    window: str
    hold: str
    calls: int
    short: str | None = None
    """A second, shorter window in which it must be so too: then the alert ends soon after the failures do."""


@dataclass(frozen=True)
class Pair:
    """The limits of an alert on a share of all calls: much of it lately, and a little of it for days."""

    fast: Limit
    slow: Limit


# With so many calls in its window, it takes three failures to exceed a share. Below, the budget and the outage judge.
_LOUD: Final = Pair(Limit(0.02, "15m", "1m", 150, short="5m"), Limit(0.005, "1d", "1h", 600, short="6h"))
_QUIET: Final = Pair(Limit(0.01, "1h", "5m", 300, short="15m"), Limit(0.0025, "1d", "1h", 1200, short="6h"))
_OWN: Final = Pair(Limit(0.05, "15m", "1m", 60, short="5m"), Limit(0.02, "1d", "1h", 150, short="6h"))

PAIRS: Final[Mapping[str, Pair]] = {
    "MidstreamInBandErrors": _LOUD,
    "MidstreamConnectionErrors": _LOUD,
    "MidstreamTransportErrors": _QUIET,
    "MidstreamTruncatedStreams": _QUIET,
    "MidstreamMalformedData": _QUIET,
    "MidstreamCallerErrors": _OWN,
}
"""By the names of the alerts. Half an answer that passes for a whole one is worth more than a failure."""

LIMITS: Final[Mapping[str, Limit]] = {
    "MidstreamOverloaded": Limit(0.05, "15m", "5m", 20),
    "MidstreamRateLimited": Limit(0.05, "15m", "5m", 20),
    "MidstreamStalls": Limit(0.05, "30m", "5m", 20),
}
"""The alerts on a share of the calls of a model, by their names."""

ANY: Final[Mapping[str, str]] = {
    "MidstreamAccessDenied": "1h",
    "MidstreamMisreportedStatus": "1h",
    "MidstreamTelemetryErrors": "1h",
}
"""The alerts that one occurrence is enough for, by their names, and how long after it they go on."""

KEEP: Final[Mapping[str, str]] = {"critical": "10m", "warning": "15m"}
"""By severity, how long an alert on a share keeps firing after its end: failures that come and go are one alert."""

STALL: Final = 20.48
"""Seconds of waiting that make a stream a stalled one: a bound of a bucket, which every exporter writes alike."""


@dataclass(frozen=True)
class Absence:
    """When a service is missed.

    It was there for `lasting` without a break at some time in `window`, with `calls` calls in `window`, and has had no
    series for `hold`.
    """

    window: str
    lasting: str
    calls: int
    hold: str


ABSENT: Final = Absence("7d", "1h", 20, "10m")


@dataclass(frozen=True)
class Fleet:
    """When services fail together: at least so many, and at least this share of those that use a model of a provider.

    A service fails when more than a share of its calls does, with at least `failures` failed calls.
    """

    services: int
    of_services: float
    failures: int
    long: str
    short: str
    shares: Mapping[str, float]
    """By severity, the share of calls in the long window, and in the short one, too: it goes on."""
    suddenly: float
    """The share of calls in the short window that pages, too: it comes before the first page of a single service."""
    keep: str
    """How long the alert goes on: until the alerts that it replaces have ended, too."""


FLEET: Final = Fleet(
    services=3,
    of_services=0.5,
    failures=3,
    long="15m",
    short=SHORTEST,
    shares={"critical": round(BURNS[0].factor * ALLOWED, 6), "warning": _LOUD.fast.share},
    suddenly=0.3,
    keep="45m",
)
