"""What the boards ask, of the series that the variables choose. Every function gives an expression."""

from __future__ import annotations

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
    "IN_BAND",
    "LEAKED",
    "LEAKING",
    "MISREPORTED",
    "OPERATIONS",
    "STEP",
    "TRUNCATED",
    "WHOLE",
    "calls",
    "errors",
    "gap",
    "number",
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
IN_BAND: Final = ERRORS.ended(Outcome.IN_BAND_ERROR)
TRUNCATED: Final = ERRORS.ended(Outcome.TRUNCATED)
MISREPORTED: Final = ERRORS.where(names.MISREPORTED, "true")
LEAKED: Final = ERRORS.where(names.LEAKED, "true")

LEAKING: Final = frozenset(outcome for outcome, (leaked, _) in NORMAL_FLAGS.items() if leaked)
"""The outcomes whose exceptions normally leak."""


def calls(selection: Selection, window: str, *by: str) -> str:
    """How many calls, of a selection of `OPERATIONS`."""
    return total(f"increase({selection}[{window}])", *by)


def errors(selection: Selection, window: str, *by: str) -> str:
    """How many failed calls, of a selection of `ERRORS`."""
    return total(counted(selection, window), *by)


def success_as_http_tells(window: str, *by: str) -> str:
    """The share of calls that are a success for whoever goes by HTTP."""
    return f"1 - {_share_of_calls(SEEN_BY_HTTP, window, *by)}"


def success_as_it_was(window: str, *by: str) -> str:
    """The share of calls that did not fail."""
    return f"1 - {_share_of_calls(FAILURES, window, *by)}"


def gap(window: str, *by: str) -> str:
    """The share of calls that failed, and are a success for whoever goes by HTTP."""
    return _share_of_calls(HIDDEN_FROM_HTTP, window, *by)


def number(found: str) -> str:
    """`found`, and 0 where there were calls and it found none. Nothing where there were no calls."""
    return f"{found} or 0 * {calls(OPERATIONS, WHOLE)}"


def share(found: str, whole: Selection) -> str:
    """What `found` is of the errors in `whole`: 0 if it found none. Nothing where there were no errors."""
    every = errors(whole, WHOLE)
    return ratio(f"({found} or 0 * {every})", every)


def _share_of_calls(outcomes: Iterable[Outcome], window: str, *by: str) -> str:
    part, whole = (calls(OPERATIONS.ended(*ended), window, *by) for ended in (outcomes, JUDGED))
    return ratio(part, whole)
