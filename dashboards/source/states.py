"""Why a tile has no number: no traffic, another name of the metric, or no such metric."""

from __future__ import annotations

from typing import Final

from midstream._outcomes import Outcome
from source import names
from source.queries import Selection

__all__ = ("NO_SUCH_METRIC", "OTHER_NAME", "asked", "or_why_not")

NO_SUCH_METRIC: Final = "No such metric"
"""What a tile says if its query finds nothing at all."""

OTHER_NAME: Final = -98765
"""Stands for a metric that exporters spell in another way. No tile has this number."""

_SPELLED: Final = ".*midstream.client.operations.*"
"""With dots, without suffixes, with a namespace in front."""

_ONE: Final = Selection(names.OPERATIONS).ended(Outcome.COMPLETED)
"""Whatever the variables choose. Every process has series for all outcomes, so that one outcome is enough."""

_RENAMED: Final = f'count({{__name__=~"{_SPELLED}", __name__!="{names.OPERATIONS}"}}) > bool 0'

_WHY_NOT: Final = f"\nor NaN * count(last_over_time({_ONE}[{{}}]))\nor {OTHER_NAME} * ({_RENAMED})"


def or_why_not(number: str, window: str) -> str:
    """`number`; without one, NaN after a `window` without traffic, `OTHER_NAME`, or nothing without the metric."""
    return number + _WHY_NOT.replace("{}", window)


def asked(expression: str) -> str:
    """The expression before `or_why_not`."""
    return expression.partition(_WHY_NOT.partition("{}")[0])[0]
