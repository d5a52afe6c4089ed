"""The counters of midstream: totals that the meter provider reads when metrics are collected.

OpenTelemetry's own counters take as long for each call as a histogram does, and one of those is for every call
(OpenTelemetry SDK 1.45). docs/limits.md has the differences for readers of metrics.
"""

from __future__ import annotations

import sys
from functools import partial
from itertools import count
from threading import RLock
from typing import TYPE_CHECKING, Final

from opentelemetry.metrics import Observation

from midstream._telemetry.by_provider import of_provider
from midstream._telemetry.metrics import TOTALS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from opentelemetry.metrics import Meter

    from midstream._guard import Guard
    from midstream._telemetry.call_record import Value
    from midstream._telemetry.metrics import Metric


class Totals:
    """The totals of this process that one meter provider observes, by metric and series."""

    __slots__ = ("_guard", "_totals")

    def __init__(self, contained: Guard) -> None:
        self._guard = contained
        self._totals: Final[dict[str, dict[tuple[tuple[str, Value], ...], _Total]]] = {m.name: {} for m in TOTALS}

    @classmethod
    def of(cls, meter: Meter, provider: object, contained: Guard) -> Totals:
        """The totals for `provider`, which created `meter`: always the same object."""

        def create(made: Totals) -> list[object]:
            created: list[object] = []
            for metric in TOTALS:
                with contained:
                    read = partial(made.observed, metric.name)
                    created.append(meter.create_observable_counter(metric.name, [read], metric.unit, metric.brief))
            return created

        return of_provider("totals", meter, provider, lambda: cls(contained), create)

    def adder(self, metric: Metric, attributes: Mapping[str, Value]) -> Callable[[], object]:
        """A function that adds 1 to the series of `attributes`, which is reported from now on. It never raises.

        Threads, signal handlers and the garbage collector may interrupt it, and no addition is lost.
        """
        return self._totals[metric.name].setdefault(tuple(attributes.items()), _Total(attributes)).add

    def observed(self, name: str, _options: object = None) -> list[Observation]:
        """The current totals of the metric `name`. Never raises."""
        with self._guard:
            return [Observation(total.value, total.attributes) for total in self._totals[name].copy().values()]
        return []


class _Total:
    """How often something has happened."""

    __slots__ = ("_numbers", "add", "attributes")

    def __init__(self, attributes: Mapping[str, Value]) -> None:
        self.attributes: Final = attributes
        self._numbers: Final = count()
        # One step of the interpreter, unless it runs threads at the same time.
        self.add: Final = _locked(self._numbers) if "free-threading" in sys.version else self._numbers.__next__

    @property
    def value(self) -> int:
        """How often `add` was called."""
        # Only its repr, `count(5)`, shows the next number without taking it.
        return int(repr(self._numbers)[len("count(") : -1])


def _locked(numbers: count[int]) -> Callable[[], int]:
    lock = RLock()

    def locked() -> int:
        with lock:
            return next(numbers)

    return locked
