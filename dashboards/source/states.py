"""Why a tile has no number: no traffic, another name of the metric, or no such metric."""

from __future__ import annotations

from typing import Final

from midstream._outcomes import Outcome
from source import names
from source.queries import Selection

__all__ = ("NO_SUCH_METRIC", "OTHER_NAME", "WHY_NOT", "or_why_not")

NO_SUCH_METRIC: Final = "No such metric"
"""What a tile says if its query finds nothing at all."""

OTHER_NAME: Final = -98765
"""Stands for a metric that exporters spell in another way. No tile has this number."""

_SPELLED: Final = ".*midstream.client.operations.*"
"""With dots, without suffixes, with a namespace in front."""

_EXISTS: Final = f"count(last_over_time({Selection(names.OPERATIONS).ended(Outcome.COMPLETED)}[$__range]))"
"""Whatever the variables choose. Every process has series for all outcomes, so that one outcome is enough."""

_RENAMED: Final = f'count({{__name__=~"{_SPELLED}", __name__!="{names.OPERATIONS}"}}) > bool 0'


WHY_NOT: Final = f"\nor NaN * {_EXISTS}\nor {OTHER_NAME} * ({_RENAMED})"
"""NaN without traffic, `OTHER_NAME`, or nothing without such a metric."""


def or_why_not(number: str) -> str:
    """`number`, and without one `WHY_NOT`."""
    return number + WHY_NOT
