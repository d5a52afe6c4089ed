"""Metrics have a series for each value of an attribute: what an application or a server makes up stays bounded here."""

from __future__ import annotations

import os
from threading import RLock
from typing import TYPE_CHECKING, Final

from midstream._outcomes.failure import OTHER
from midstream._telemetry.contract import (
    BOUNDED_ATTRIBUTES,
    MAX_SERIES,
    MAX_VALUE_LENGTH,
    MAX_VALUES,
    METRICS,
    NEXT_METRICS,
    UNBOUNDED_ATTRIBUTES,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from midstream._telemetry.contract import Metric, Value


class Bounds:
    """The values that the bounded attributes have had so far, and the series that the metrics have.

    Each attribute keeps the first `MAX_VALUES` that are seen, each metric the first `MAX_SERIES`. What it was at
    first a value or a series stays, on all threads, so that what is added to a series is taken from the same one.
    """

    def __init__(self) -> None:
        self._values: Final = {name: _First(MAX_VALUES) for name in BOUNDED_ATTRIBUTES}
        self._series: Final = {metric.name: _Series(metric) for metric in (*METRICS, *NEXT_METRICS)}

    def value(self, name: str, value: Value | None) -> Value | None:
        """The value of the bounded attribute `name` as metrics have it: `_OTHER` for a text too many or too long.

        `None` for a number too many: it is to be left out.
        """
        first = self._values[name]
        if value is None or value in first.seen:
            return value
        too_long = isinstance(value, str) and len(value) > MAX_VALUE_LENGTH
        return _other(value) if too_long or not first.takes(value) else value

    def of(self, known: Mapping[str, Value]) -> dict[str, Value]:
        """`known` as metrics have it."""
        bounded = dict(known)
        for name, first in self._values.items():
            value = bounded.get(name)
            if value is not None and value not in first.seen:
                del bounded[name]
                bounded.update(_given([(name, self.value(name, value))]))
        return bounded

    def series(self, metric: str, known: Mapping[str, Value]) -> Mapping[str, Value]:
        """What `metric` has of the attributes `known`: the same object for the same series.

        In a series too many, nothing is left that is open.
        """
        return self._series[metric].of(known)


class _First:
    """The first things that come, up to a number of them."""

    __slots__ = ("_most", "seen")

    def __init__(self, most: int) -> None:
        self._most: Final = most
        self.seen: Final[set[object]] = set()

    def takes(self, thing: object) -> bool:
        """Whether `thing` is one of them. The answer is the same for good."""
        if len(self.seen) < self._most:
            with _ADDING:
                if len(self.seen) < self._most:
                    self.seen.add(thing)
        return thing in self.seen  # by now, or full: and what is full does not change any more


class _Series:
    """The series of a metric by their values, the first that come."""

    __slots__ = ("_names", "_seen")

    def __init__(self, metric: Metric) -> None:
        self._names: Final = metric.attributes
        self._seen: Final[dict[tuple[Value | None, ...], Mapping[str, Value]]] = {}

    def of(self, known: Mapping[str, Value]) -> Mapping[str, Value]:
        """The series of `known`. The answer is the same for good."""
        values = tuple(map(known.get, self._names))
        found = self._seen.get(values)
        return self._added(values) if found is None else found

    def _added(self, values: tuple[Value | None, ...]) -> Mapping[str, Value]:
        attributes = _given(zip(self._names, values, strict=True))
        with _ADDING:
            if len(self._seen) < MAX_SERIES:
                return self._seen.setdefault(values, attributes)
        found = self._seen.get(values)  # by now, or never: it is full, and does not change any more
        if found is not None:
            return found
        return _given(
            (name, _other(value) if name in UNBOUNDED_ATTRIBUTES else value) for name, value in attributes.items()
        )


# One for all, and reentrant: the garbage collector can end a call while it is held. A child that is forked off while
# another thread holds it would wait for ever.
_ADDING: Final = RLock()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_ADDING.acquire, after_in_parent=_ADDING.release, after_in_child=_ADDING.release)


def _given(attributes: Iterable[tuple[str, Value | None]]) -> dict[str, Value]:
    return {name: value for name, value in attributes if value is not None}


def _other(value: Value) -> Value | None:
    return OTHER if isinstance(value, str) else None
