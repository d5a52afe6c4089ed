"""What the boards ask, of the series that the variables choose. Every function gives an expression."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from midstream._outcomes import Outcome
from midstream._telemetry.metrics import NORMAL_FLAGS
from source import names
from source.queries import FAILURES, HIDDEN_FROM_HTTP, JUDGED, SEEN_BY_HTTP, counted, ratio, total
from source.variables import chosen

if TYPE_CHECKING:
    from collections.abc import Iterable

    from source.queries import Selection

__all__ = (
    "ERRORS",
    "FAILED",
    "IN_BAND",
    "LEAKED",
    "LEAKING",
    "MISREPORTED",
    "OPERATIONS",
    "STEP",
    "WHOLE",
    "calls",
    "gap",
    "number",
    "of_histogram",
    "share",
    "success_as_http_tells",
    "success_as_it_was",
)

STEP: Final = "$__rate_interval"
"""The window of a point of what is shown over time."""
WHOLE: Final = "$__range"
"""The window of tiles and tables: all the time that the board shows."""

OPERATIONS: Final = chosen(names.OPERATIONS)
ERRORS: Final = chosen(names.ERRORS)
FAILED: Final = OPERATIONS.ended(*FAILURES)
IN_BAND: Final = OPERATIONS.ended(Outcome.IN_BAND_ERROR)
MISREPORTED: Final = OPERATIONS.where(names.MISREPORTED, "true")
LEAKED: Final = OPERATIONS.where(names.LEAKED, "true")

LEAKING: Final = frozenset(outcome for outcome, (leaked, _) in NORMAL_FLAGS.items() if leaked)
"""The outcomes whose exceptions normally leak."""


def calls(selection: Selection, window: str, *by: str) -> str:
    """How many calls, of a selection of `OPERATIONS`, or by details of failures of `ERRORS`."""
    return total(counted(selection, window), *by)


def of_histogram(part: str, histogram: Selection, window: str, *by: str) -> str:
    """The `sum` or the `count` of a histogram: of one with buckets, or of a native one, which has no such series."""
    series = replace(histogram, metric=f"{histogram.metric}_{part}")
    native = total(f"increase({histogram}[{window}])", *by)
    return f"({calls(series, window, *by)} or histogram_{part}({native}))"


def success_as_http_tells(window: str, *by: str, of: Selection = OPERATIONS) -> str:
    """The share of calls that are a success according to HTTP."""
    return f"1 - {_share_of_calls(SEEN_BY_HTTP, window, *by, of=of)}"


def success_as_it_was(window: str, *by: str, of: Selection = OPERATIONS) -> str:
    """The share of calls that did not fail."""
    return f"1 - {_share_of_calls(FAILURES, window, *by, of=of)}"


def gap(window: str) -> str:
    """The share of calls that failed, and are a success according to HTTP."""
    return _share_of_calls(HIDDEN_FROM_HTTP, window, of=OPERATIONS)


def number(found: str, window: str) -> str:
    """`found`, and 0 where there were calls and it found none. Nothing where there were no calls."""
    return f"({found}) > 0 or 0 * ({calls(OPERATIONS, window)} > 0)"


def share(found: str, whole: Selection, window: str) -> str:
    """The share of `found` in the failures of `whole`: 0 if it found none, and no value without failures."""
    every = calls(whole, window)
    return ratio(f"({found} or 0 * {every})", every)


def _share_of_calls(outcomes: Iterable[Outcome], window: str, *by: str, of: Selection) -> str:
    part, whole = (calls(of.ended(*ended), window, *by) for ended in (outcomes, JUDGED))
    return ratio(part, whole)
