"""Panels that several boards have, each with what it asks and how it says it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from source import colours, names
from source.measures import STEP, WHOLE, calls, number
from source.objective import ALLOWED, OBJECTIVE
from source.panels import Bars, Query, Thresholds, Tile
from source.states import or_why_not

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from midstream._outcomes import Outcome
    from source.queries import Selection

__all__ = (
    "ALLOWED",
    "ANY_IS_BAD",
    "ANY_SHARE_IS_BAD",
    "HIDDEN",
    "NONE",
    "NO_FAILURES",
    "NO_TRAFFIC",
    "PHASES",
    "WITHIN_OBJECTIVE",
    "called",
    "count",
    "errors_over_time",
    "share_of_errors",
    "with_trend",
)

NO_TRAFFIC: Final = "No traffic"
NO_FAILURES: Final = "No failures"
NONE: Final = "None"

HIDDEN: Final = Thresholds(colours.GOOD, ((0.0001, colours.WARNING), (ALLOWED, colours.BAD)))
"""For the share of calls that failed and that HTTP shows as a success."""

ANY_IS_BAD: Final = Thresholds(colours.GOOD, ((0.5, colours.BAD),))
"""For a count: half a call is what extrapolation makes of less than one."""

ANY_SHARE_IS_BAD: Final = Thresholds(colours.GOOD, ((0.0001, colours.WARNING), (0.5, colours.BAD)))
"""For a share of failures that code for the usual ones misses."""

WITHIN_OBJECTIVE: Final = Thresholds(
    colours.BAD, ((round(1 - 2 * ALLOWED, 10), colours.WARNING), (OBJECTIVE, colours.GOOD))
)
"""For a share of success."""

PHASES: Final = (
    "request is before the response, opening before the first content, content after it, closing when only the end "
    "event was missing"
)


_COLOURS: Final[Mapping[tuple[str, ...], Mapping[str, str]]] = {
    (names.OUTCOME,): colours.OUTCOMES,
    (names.PHASE,): colours.PHASES,
    (names.STATUS,): colours.STATUSES,
    (names.ERROR_TYPE,): colours.ERROR_TYPES,
    (names.STATUS, names.ERROR_TYPE): colours.TYPES_WITH_STATUS,
}
"""By the labels of its series, the colours of a panel."""


def called(*labels: str) -> str:
    """The legend that names a series by these labels."""
    return " ".join(f"{{{{{label}}}}}" for label in labels)


def with_trend(asked: Callable[[str], str], sentence: str) -> tuple[Query, ...]:
    """What is asked, over the whole time, and in the last interval, above a line of those before it."""
    return (
        Query(or_why_not(asked(WHOLE), WHOLE), sentence),
        Query(or_why_not(asked(STEP), STEP), "last interval", over_time=True),
    )


def count(
    title: str, description: str, found: Callable[[str], str], sentence: str, moved_by: frozenset[Outcome]
) -> Tile:
    """A number of failures, found in a window. One is too many."""
    return Tile(
        title=title,
        description=description,
        queries=with_trend(lambda window: number(found(window), window), sentence),
        moved_by=moved_by,
        decimals=0,
        nothing=NO_TRAFFIC,
        thresholds=ANY_IS_BAD,
    )


def share_of_errors(
    title: str, description: str, asked: Callable[[str], str], sentence: str, moved_by: frozenset[Outcome]
) -> Tile:
    """A share of failures in a window."""
    return Tile(
        title=title,
        description=description,
        queries=with_trend(asked, sentence),
        moved_by=moved_by,
        unit="percentunit",
        decimals=0,
        nothing=NO_FAILURES,
        thresholds=ANY_SHARE_IS_BAD,
    )


def errors_over_time(
    title: str, description: str, selection: Selection, by: tuple[str, ...], moved_by: frozenset[Outcome]
) -> Bars:
    """Failed calls over time, by labels."""
    return Bars(
        title=title,
        description=description,
        queries=(Query(calls(selection, STEP, *by), called(*by)),),
        moved_by=moved_by,
        decimals=0,
        nothing=NONE,
        colours=_COLOURS.get(by, {}),
    )
