"""The one place with the service level objective, its windows, and what is too little traffic to judge."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = (
    "ABSENT",
    "ANY",
    "BURNS",
    "DENIAL",
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
    "Limit",
    "Most",
    "Pair",
)

OBJECTIVE: Final = 0.99
"""The share of calls that must not fail, of those that the application did not end itself."""

PERIOD: Final = "30d"
"""The time for which the error budget is given."""

SHORTEST: Final = "5m"
"""The window whose rates are recorded from raw series; those of all others are recorded from these."""

WINDOWS: Final = (SHORTEST, "15m", "30m", "1h", "2h", "6h", "1d", "3d")
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

PAIRS: Final[Mapping[str, Pair]] = {
    "MidstreamInBandErrors": _LOUD,
    "MidstreamConnectionErrors": _LOUD,
    "MidstreamTransportErrors": _QUIET,
    "MidstreamTruncatedStreams": _QUIET,
    "MidstreamMalformedData": _QUIET,
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
