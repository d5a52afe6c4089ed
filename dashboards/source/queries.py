"""The PromQL that boards and rules share.

All counting goes through `counted`, which survives restarts and sees processes that live for less than an export
interval. `midstream_client_operations_total` has its series from the first call on, with 0 for outcomes that have not
occurred: outcome, leaked and misreported are read there. `midstream_client_errors_total` has the details, and each of
its series begins with a failure.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from textwrap import indent
from typing import TYPE_CHECKING, Final

from midstream._outcomes import Outcome
from source import names
from source.names import TARGET

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = (
    "FAILURES",
    "HIDDEN_FROM_HTTP",
    "JUDGED",
    "MEMORY",
    "SEEN_BY_HTTP",
    "TARGET",
    "Selection",
    "any_of",
    "counted",
    "quantile",
    "ratio",
    "total",
)

MEMORY: Final = "1h"
"""How long before a window a series is remembered: a longer gap between two scrapes makes it a new one."""

SEEN_BY_HTTP: Final = tuple(outcome for outcome in Outcome if outcome.is_seen_by_http)
"""The failures that HTTP monitoring sees."""

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


def counted(selection: Selection, window: str) -> str:
    """How many in `window`, for each series.

    `increase` never sees the first value of a series: all calls of a process that exports once, the first interval of
    a new process, and the first failure of its kind. So a series that is new in `window` counts whole. It is new if it
    was not there in the `MEMORY` before, or was higher then, which means that the process has restarted at the same
    address. A gap between two scrapes that is shorter than `MEMORY` counts nothing twice. A series that restarts
    within `window` is left to `increase`.
    """
    seen = f"{selection}[{window}]"
    return (
        "(\n"
        f"  last_over_time({seen})\n"
        "  unless (\n"
        f"    last_over_time({selection}[{MEMORY}] offset {window}) <= last_over_time({seen})\n"
        f"    or resets({seen}) > 0\n"
        "  )\n"
        ")\n"
        f"or increase({seen})"
    )


def total(expression: str, *by: str) -> str:
    """The sum, one for each value of `by`."""
    inner = f"\n{indent(expression, '  ')}\n" if "\n" in expression else expression
    return f"sum by ({', '.join(by)}) ({inner})" if by else f"sum({inner})"


def ratio(part: str, whole: str) -> str:
    """`part` of `whole`; nothing where `whole` is zero."""
    return f"{part} / ({whole} > 0)"


def quantile(share: float, histogram: Selection, window: str, *by: str) -> str:
    """The value that `share` of what the histogram has seen is below: of a native one, or of one with buckets.

    Native histograms cannot be compared, so that of these, a new series counts whole only if there was none in the
    `MEMORY` before.
    """
    buckets = replace(histogram, metric=f"{histogram.metric}_bucket")
    new = f"last_over_time({histogram}[{window}]) unless last_over_time({histogram}[{MEMORY}] offset {window})"
    native = f"({new})\nor increase({histogram}[{window}])"
    return (
        f"histogram_quantile({share}, {total(native, *by)})\n"
        f"or histogram_quantile({share}, {total(counted(buckets, window), 'le', *by)})"
    )
