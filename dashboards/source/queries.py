"""The PromQL that boards and rules share.

Ratios stand on `midstream_client_operations_total`, whose series exist with 0 before the first failure. What
`midstream_client_errors_total` has in detail is born with the failure that it counts: `counted` sees that one too.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from midstream._outcomes import Outcome
from source import names

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = (
    "FAILURES",
    "HIDDEN_FROM_HTTP",
    "JUDGED",
    "SEEN_BY_HTTP",
    "TARGET",
    "Selection",
    "any_of",
    "counted",
    "quantile",
    "rate",
    "ratio",
    "total",
    "zero_if_none",
)

TARGET: Final = ("job", "service_name")
"""The labels that identify a service. A series has one of them, or both."""

SEEN_BY_HTTP: Final = (Outcome.HTTP_ERROR, Outcome.CONNECTION_ERROR)
"""The failures that whoever goes by the HTTP status sees."""

FAILURES: Final = tuple(outcome for outcome in Outcome if outcome.is_failure)
HIDDEN_FROM_HTTP: Final = tuple(outcome for outcome in FAILURES if outcome not in SEEN_BY_HTTP)
JUDGED: Final = (Outcome.COMPLETED, *FAILURES)
"""Without the calls that the application ended itself, which say nothing about the service."""


def any_of(values: Iterable[object]) -> str:
    """A regular expression for one of `values`, as in `=~"..."`. Enums count with their values."""
    return "|".join(str(getattr(value, "value", value)) for value in values)


@dataclass(frozen=True)
class Selection:
    """Some series of a metric: `str()` is its selector."""

    metric: str
    matchers: tuple[str, ...] = ()

    def where(self, label: str, value: str, operator: str = "=") -> Selection:
        """Those of them with this label."""
        return replace(self, matchers=(*self.matchers, f'{label}{operator}"{value}"'))

    def ended(self, *outcomes: Outcome) -> Selection:
        """Those of them with one of these outcomes."""
        return self.where(names.OUTCOME, any_of(outcomes), "=~" if len(outcomes) > 1 else "=")

    def __str__(self) -> str:
        return f"{self.metric}{{{', '.join(self.matchers)}}}" if self.matchers else self.metric


def rate(selection: Selection, window: str) -> str:
    """Per second, over `window`."""
    return f"rate({selection}[{window}])"


def counted(selection: Selection, window: str) -> str:
    """How many in `window`; a series that was born in it counts whole, also if its process has ended since.

    `increase` does not see the first increment of a series that begins with it. A series that was there in the hour
    before the window was not born in it: so a gap of up to an hour between two scrapes counts nothing twice.
    """
    newborn = f"last_over_time({selection}[{window}]) unless last_over_time({selection}[1h] offset {window})"
    return f"({newborn}) or increase({selection}[{window}])"


def total(expression: str, *by: str) -> str:
    """The sum, one for each value of `by`."""
    return f"sum by ({', '.join(by)}) ({expression})" if by else f"sum({expression})"


def ratio(part: str, whole: str) -> str:
    """`part` of `whole`; nothing where `whole` is zero."""
    return f"{part} / ({whole} > 0)"


def zero_if_none(expression: str) -> str:
    """The sum without labels, and 0 where there is none."""
    return f"{expression} or vector(0)"


def quantile(
    share: float, histogram: Selection, window: str, *by: str, over: Callable[[Selection, str], str] = rate
) -> str:
    """The value that `share` of what the histogram has seen is below. Of what is rare, `over` is `counted`."""
    buckets = replace(histogram, metric=f"{histogram.metric}_bucket")
    return f"histogram_quantile({share}, {total(over(buckets, window), 'le', *by)})"
