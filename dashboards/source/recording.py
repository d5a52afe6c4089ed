"""The recording rules: the rate of calls by how they ended, and shares of it that are 0, not missing, without failures.

In each group, later rules use earlier ones. All keep the labels that identify a service.
"""

from __future__ import annotations

from dataclasses import dataclass
from textwrap import indent
from typing import TYPE_CHECKING, Final

from midstream._outcomes import Outcome
from source import names
from source.objective import WINDOWS
from source.queries import FAILURES, JUDGED, TARGET, Selection, rate, total

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = (
    "FAILED",
    "IN_BAND",
    "LEAKED",
    "MALFORMED",
    "RECORDED",
    "RECORDINGS",
    "TRUNCATED",
    "Recording",
    "calls",
    "operations",
    "seconds",
    "share",
)

_UNITS: Final = {"m": 60, "h": 3600, "d": 86400}

_DETAIL: Final = (
    *TARGET,
    names.OPERATION,
    names.PROVIDER,
    names.MODEL,
    names.OUTCOME,
    names.LEAKED,
    names.MISREPORTED,
)

FAILED: Final = "failures"
IN_BAND: Final = "in_band_errors"
LEAKED: Final = "leaks"
TRUNCATED: Final = "truncations"
MALFORMED: Final = "malformed"


def seconds(window: str) -> int:
    """How long a window is."""
    return int(window[:-1]) * _UNITS[window[-1]]


def operations(window: str) -> str:
    """The recorded rate of all calls, by the labels that boards filter by and by how they ended."""
    return f"midstream:operations:rate{window}"


def calls(window: str) -> str:
    """The recorded rate of the calls that are judged, by service."""
    return f"midstream:calls:rate{window}"


def share(kind: str, window: str) -> str:
    """The recorded share of the judged calls that are of this kind, by service."""
    return f"midstream:{kind}:ratio_rate{window}"


def _kinds(window: str) -> Mapping[str, Selection]:
    every = Selection(operations(window))
    return {
        FAILED: every.ended(*FAILURES),
        IN_BAND: every.ended(Outcome.IN_BAND_ERROR),
        LEAKED: every.where(names.LEAKED, "true"),
        TRUNCATED: every.ended(Outcome.TRUNCATED),
        MALFORMED: every.ended(Outcome.MALFORMED),
    }


@dataclass(frozen=True)
class Recording:
    """One recording rule."""

    record: str
    expression: str


def _rules(window: str) -> tuple[Recording, ...]:
    whole = calls(window)
    return (
        Recording(
            operations(window), total(f"\n{indent(rate(Selection(names.OPERATIONS), window), '  ')}\n", *_DETAIL)
        ),
        Recording(whole, total(f"\n  {Selection(operations(window)).ended(*JUDGED)}\n", *TARGET)),
        *(
            Recording(share(kind, window), f"(\n  {total(str(part), *TARGET)}\n  or 0 * {whole}\n)\n/ ({whole} > 0)")
            for kind, part in _kinds(window).items()
        ),
    )


RECORDINGS: Final[Mapping[str, tuple[Recording, ...]]] = {window: _rules(window) for window in WINDOWS}
"""The rules of each window, in the order in which they are evaluated."""

RECORDED: Final[Mapping[str, frozenset[str]]] = {
    rule.record: frozenset(_DETAIL if rule.record == operations(window) else TARGET)
    for window, rules in RECORDINGS.items()
    for rule in rules
}
"""By the name of a recorded series, the labels that it can have: what `names.LABELS` is for raw ones."""
