"""Metrics have a series for each value of an attribute: what an application or a server makes up stays bounded here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from midstream.outcomes.wording import OTHER
from midstream.telemetry.contract import BOUNDED_ATTRIBUTES, MOST_CHARACTERS, MOST_VALUES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from midstream.telemetry.contract import Value

__all__ = ("Bounds",)


class Bounds:
    """The values that the bounded attributes have had so far.

    Each keeps the first `MOST_VALUES` that are seen. What it was at first a value stays, so that what is added to a
    series is taken from the same one. Threads that bring new values at the same moment may add one each beyond that.
    """

    def __init__(self) -> None:
        self._seen: Final[dict[str, set[Value]]] = {name: set() for name in BOUNDED_ATTRIBUTES}

    def value(self, name: str, value: Value | None) -> Value | None:
        """The value of the bounded attribute `name` as metrics have it: `_OTHER` for a text too many or too long.

        `None` for a number too many: it is to be left out.
        """
        seen = self._seen[name]
        if value is None or value in seen:
            return value
        if len(seen) < MOST_VALUES and len(str(value)) <= MOST_CHARACTERS:
            seen.add(value)
            return value
        return OTHER if isinstance(value, str) else None

    def of(self, known: Mapping[str, Value]) -> dict[str, Value]:
        """`known` as metrics have it."""
        bounded = dict(known)
        for name in BOUNDED_ATTRIBUTES:
            value = self.value(name, bounded.pop(name, None))
            if value is not None:
                bounded[name] = value
        return bounded
