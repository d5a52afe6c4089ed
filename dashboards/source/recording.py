"""The recording rules: the rate of calls by how they ended, and shares of it that are 0, not missing, without failures.

Only the rules of the shortest window read raw series. Longer windows are the mean of its records: they count the same
calls, and read a few series by service and model instead of thousands by process.

In each group, later rules use earlier ones. All keep the labels that identify a service.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from midstream._outcomes import Outcome
from source import names
from source.objective import SHORTEST, WINDOWS
from source.queries import FAILURES, JUDGED, TARGET, Selection, any_of, counted, total

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = (
    "CONNECTION",
    "DENIED",
    "FAILED",
    "IN_BAND",
    "LEAKED",
    "MALFORMED",
    "RECORDED",
    "RECORDINGS",
    "TRANSPORT",
    "TRUNCATED",
    "Recording",
    "calls",
    "denied",
    "errors",
    "mean",
    "operations",
    "seconds",
    "share",
)

_UNITS: Final = {"m": 60, "h": 3600, "d": 86400}

_FINE_UP_TO: Final = "2h"
"""Up to here, a window is the mean of what was recorded in each minute; beyond it, of every fifth minute."""

_DETAIL: Final = (
    *TARGET,
    names.OPERATION,
    names.PROVIDER,
    names.MODEL,
    names.OUTCOME,
    names.LEAKED,
    names.MISREPORTED,
)
_ERROR_DETAIL: Final = (*_DETAIL, names.ERROR_TYPE, names.PHASE, names.OBSERVED, names.STATUS)

FAILED: Final = "failures"
IN_BAND: Final = "in_band_errors"
LEAKED: Final = "leaks"
TRUNCATED: Final = "truncations"
MALFORMED: Final = "malformed"
TRANSPORT: Final = "transport_errors"
CONNECTION: Final = "connection_errors"
DENIED: Final = "denials"

_DENIALS: Final = (401, 402, 403)
"""The effective statuses of calls that the API denies."""


def seconds(window: str) -> int:
    """How long a window is."""
    return int(window[:-1]) * _UNITS[window[-1]]


def operations(window: str) -> str:
    """The recorded rate of all calls, by the labels that boards filter by and by how they ended."""
    return f"midstream:operations:rate{window}"


def errors(window: str) -> str:
    """The recorded rate of failed calls, with all details but the process and the kind of call."""
    return f"midstream:errors:rate{window}"


def calls(window: str) -> str:
    """The recorded rate of the calls that are judged, by service."""
    return f"midstream:calls:rate{window}"


def share(kind: str, window: str) -> str:
    """The recorded share of the judged calls that are of this kind, by service."""
    return f"midstream:{kind}:ratio_rate{window}"


def mean(recorded: str, window: str, step: str) -> str:
    """The mean over `window` of a rate that is recorded, at steps of `step`. Where there was none, it was 0."""
    return f"sum_over_time({recorded}[{window}:{step}]) / {seconds(window) // seconds(step)}"


def denied(selection: Selection) -> Selection:
    """Those failures that are denials."""
    return selection.where(names.STATUS, any_of(_DENIALS), "=~")


def _kinds(window: str) -> Mapping[str, Selection]:
    every = Selection(operations(window))
    return {
        FAILED: every.ended(*FAILURES),
        IN_BAND: every.ended(Outcome.IN_BAND_ERROR),
        LEAKED: every.where(names.LEAKED, "true"),
        TRUNCATED: every.ended(Outcome.TRUNCATED),
        MALFORMED: every.ended(Outcome.MALFORMED),
        TRANSPORT: every.ended(Outcome.TRANSPORT_ERROR),
        CONNECTION: every.ended(Outcome.CONNECTION_ERROR),
        DENIED: denied(Selection(errors(window))),
    }


@dataclass(frozen=True)
class Recording:
    """One recording rule."""

    record: str
    expression: str


_RAW: Final[Mapping[Callable[[str], str], tuple[str, tuple[str, ...]]]] = {
    operations: (names.OPERATIONS, _DETAIL),
    errors: (names.ERRORS, _ERROR_DETAIL),
}
"""By what is recorded from raw series, these, and the labels that are kept."""


def _rate(recorded: Callable[[str], str], window: str) -> str:
    if window == SHORTEST:
        metric, by = _RAW[recorded]
        return f"{total(counted(Selection(metric), window), *by)}\n/ {seconds(window)}"
    step = "1m" if seconds(window) <= seconds(_FINE_UP_TO) else SHORTEST
    return mean(recorded(SHORTEST), window, step)


def _rules(window: str) -> tuple[Recording, ...]:
    whole = calls(window)
    return (
        *(Recording(recorded(window), _rate(recorded, window)) for recorded in _RAW),
        Recording(whole, total(str(Selection(operations(window)).ended(*JUDGED)), *TARGET)),
        *(
            Recording(share(kind, window), f"(\n  {total(str(part), *TARGET)}\n  or 0 * {whole}\n)\n/ ({whole} > 0)")
            for kind, part in _kinds(window).items()
        ),
    )


RECORDINGS: Final[Mapping[str, tuple[Recording, ...]]] = {window: _rules(window) for window in WINDOWS}
"""The rules of each window, in the order in which they are evaluated."""

RECORDED: Final[Mapping[str, frozenset[str]]] = {
    rule.record: frozenset(next((by for made, (_, by) in _RAW.items() if made(window) == rule.record), TARGET))
    for window, rules in RECORDINGS.items()
    for rule in rules
}
"""By the name of a recorded series, the labels that it can have: what `names.LABELS` is for raw ones."""
