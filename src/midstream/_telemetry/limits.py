"""Limits of metrics, which have a series for each value of an attribute.

Applications and servers supply arbitrary values. These stay few here.
"""

from __future__ import annotations

import os
from threading import RLock
from typing import TYPE_CHECKING, Final

from midstream._outcomes.failure import OTHER
from midstream._telemetry.metrics import METRICS, NEXT_METRICS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from midstream._telemetry.call_record import Value
    from midstream._telemetry.metrics import Metric


BOUNDED_ATTRIBUTES: Final = ("gen_ai.request.model", "gen_ai.response.model", "server.address", "server.port")
"""The attributes of metrics with arbitrary values of an application or a server."""

MAX_VALUES: Final = 100
"""The values that each of them has on metrics, in a process."""

MAX_VALUE_LENGTH: Final = 200
"""The characters of such a value."""

UNBOUNDED_ATTRIBUTES: Final = frozenset(
    {
        *BOUNDED_ATTRIBUTES,
        "gen_ai.provider.name",
        "error.type",
        "midstream.status_code",
        "http.response.status_code",
    }
)
"""The attributes of metrics that are not limited to a few values known beforehand."""

MAX_SERIES: Final = 1000
"""The series that each metric has, in a process, before unbounded attributes lose their values."""


class Limits:
    """The values that the bounded attributes have had so far, and the series that the metrics have.

    Each attribute keeps the first `MAX_VALUES` that are seen, each metric the first `MAX_SERIES`. A value or a series
    that was accepted once stays accepted, on all threads, so that subtractions go to the same series as additions.
    """

    def __init__(self) -> None:
        self._values: Final = {name: _FirstValues(MAX_VALUES) for name in BOUNDED_ATTRIBUTES}
        self._series: Final = {metric.name: _FirstSeries(metric) for metric in (*METRICS, *NEXT_METRICS)}

    def value(self, name: str, value: Value | None) -> Value | None:
        """The value of the bounded attribute `name` for metrics: `_OTHER` for a text beyond a limit.

        `None` for a number beyond the limit: it is omitted.
        """
        values = self._values[name]
        if value is None or value in values.seen:
            return value
        too_long = isinstance(value, str) and len(value) > MAX_VALUE_LENGTH
        return _other(value) if too_long or not values.accepts(value) else value

    def of(self, known: Mapping[str, Value]) -> dict[str, Value]:
        """`known` with bounded attributes."""
        limited = dict(known)
        for name, values in self._values.items():
            value = limited.get(name)
            if value is not None and value not in values.seen:
                del limited[name]
                limited.update(_given([(name, self.value(name, value))]))
        return limited

    def series(self, metric: str, known: Mapping[str, Value]) -> Mapping[str, Value]:
        """The attributes of `metric` among `known`: the same object for the same series.

        In a series beyond the limit, unbounded attributes have no individual values.
        """
        return self._series[metric].of(known)


class _FirstValues:
    """The first values that are seen, up to a limit."""

    __slots__ = ("_limit", "seen")

    def __init__(self, limit: int) -> None:
        self._limit: Final = limit
        self.seen: Final[set[object]] = set()

    def accepts(self, value: object) -> bool:
        """Whether `value` is one of them. The answer never changes."""
        if len(self.seen) < self._limit:
            with _ADDING:
                if len(self.seen) < self._limit:
                    self.seen.add(value)
        return value in self.seen  # by now, or never: a full set does not change


class _FirstSeries:
    """The first series of a metric that are seen, by their values."""

    __slots__ = ("_names", "_seen")

    def __init__(self, metric: Metric) -> None:
        self._names: Final = metric.attributes
        self._seen: Final[dict[tuple[Value | None, ...], Mapping[str, Value]]] = {}

    def of(self, known: Mapping[str, Value]) -> Mapping[str, Value]:
        """The series of `known`. The answer never changes."""
        values = tuple(map(known.get, self._names))
        found = self._seen.get(values)
        return self._added(values) if found is None else found

    def _added(self, values: tuple[Value | None, ...]) -> Mapping[str, Value]:
        attributes = _given(zip(self._names, values, strict=True))
        with _ADDING:
            if len(self._seen) < MAX_SERIES:
                return self._seen.setdefault(values, attributes)
        found = self._seen.get(values)  # by now, or never: a full dict does not change
        if found is not None:
            return found
        return _given(
            (name, _other(value) if name in UNBOUNDED_ATTRIBUTES else value) for name, value in attributes.items()
        )


# Shared, and reentrant: the garbage collector can end a call while it is held. Held across a fork, because a child that
# is forked while another thread holds it would wait forever.
_ADDING: Final = RLock()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_ADDING.acquire, after_in_parent=_ADDING.release, after_in_child=_ADDING.release)


def _given(attributes: Iterable[tuple[str, Value | None]]) -> dict[str, Value]:
    return {name: value for name, value in attributes if value is not None}


def _other(value: Value) -> Value | None:
    return OTHER if isinstance(value, str) else None
