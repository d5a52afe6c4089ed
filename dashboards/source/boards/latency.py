"""How long calls take: good and failed ones apart."""

from __future__ import annotations

from typing import Final

from midstream._outcomes import Outcome
from source import colours, names
from source.measures import STEP
from source.panels import Lines, Query
from source.parts import NO_TRAFFIC
from source.queries import FAILURES, Selection, quantile
from source.variables import chosen

__all__ = ("LATENCIES",)

_GOOD: Final = ((0.5, "good, 50 %"), (0.95, "good, 95 %"), (0.99, "good, 99 %"))
_FAILED: Final = ((0.5, "failed, 50 %"), (0.95, "failed, 95 %"))


def _seconds(title: str, description: str, good: Selection, failed: Selection | None, nothing: str) -> Lines:
    parts = ((good, _GOOD), *([(failed, _FAILED)] if failed else []))
    return Lines(
        title=title,
        description=description,
        queries=tuple(
            Query(quantile(share, selection, STEP), name, exemplar=True)
            for selection, shares in parts
            for share, name in shares
        ),
        moved_by=None,
        unit="s",
        nothing=nothing,
        colours=colours.PERCENTILES,
    )


_DURATION: Final = chosen(names.DURATION)
_WAIT: Final = chosen(names.LONGEST_WAIT)

LATENCIES: Final = (
    _seconds(
        "Duration",
        "The time from the start of a call to its end, with retries and the reading of the stream: percentiles of the "
        "calls that did not fail, and of those that failed.",
        _DURATION.where(names.ERROR_TYPE, ""),
        _DURATION.where(names.ERROR_TYPE, "", "!="),
        NO_TRAFFIC,
    ),
    _seconds(
        "Time to first chunk",
        "The time from the start of a call to the first content of its stream: percentiles. A stream that failed "
        "before its first content is not counted; the metric does not say which of the others failed.",
        chosen(names.FIRST_CHUNK),
        None,
        "No streams",
    ),
    _seconds(
        "Longest wait within a stream",
        "The longest time that the reader of a stream waited for bytes: percentiles of completed streams, and of those "
        "that failed. It approaches the read timeout before streams time out.",
        _WAIT.ended(Outcome.COMPLETED),
        _WAIT.ended(*FAILURES),
        "No streams",
    ),
)
