"""The streams that are open now, counted when metrics are collected.

Recording each stream that opens or ends would take a sixth of the cost of a stream (OpenTelemetry SDK 1.45).
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from opentelemetry.metrics import Observation

from midstream._telemetry.by_provider import of_provider
from midstream._telemetry.metrics import OPEN_STREAMS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry.metrics import Meter

    from midstream._guard import Guard
    from midstream._telemetry.call_record import Value


StreamSeries = tuple[tuple[str, "Value"], ...]


class OpenStreams:
    """The open streams of this process that one meter provider observes.

    Each change is one step of a dict, so threads and the garbage collector may interrupt, and no lock is needed.
    """

    __slots__ = ("_guard", "_open", "_series")

    def __init__(self, contained: Guard) -> None:
        self._guard = contained
        self._series: Final[dict[StreamSeries, StreamSeries]] = {}
        self._open: dict[object, StreamSeries] = {}

    @classmethod
    def of(cls, meter: Meter, provider: object, contained: Guard) -> OpenStreams:
        """The open streams for `provider`, which created `meter`: always the same object."""

        def create(made: OpenStreams) -> object:
            with contained:
                return meter.create_observable_up_down_counter(
                    OPEN_STREAMS.name, [made.observed], OPEN_STREAMS.unit, OPEN_STREAMS.brief
                )
            return None

        return of_provider("open_streams", meter, provider, lambda: cls(contained), create)

    def series(self, attributes: Mapping[str, Value]) -> StreamSeries:
        """The series of `attributes`: always the same object. From now on it is reported."""
        series = tuple(attributes.items())
        return self._series.setdefault(series, series)

    def opened(self, call: object, series: StreamSeries) -> None:
        """The stream of `call` is open, and counts for `series`."""
        self._open[call] = series

    def closed(self, call: object) -> None:
        """It is closed. Nothing happens if it was not open."""
        self._open.pop(call, None)

    def forked(self) -> None:
        """This process is a forked child: the open streams belong to its parent."""
        self._open = {}

    def observed(self, _options: object = None) -> list[Observation]:
        """The current values of the metric: 0 for a series without an open stream. Never raises."""
        with self._guard:
            count = Counter(self._open.copy().values())
            return [Observation(count[series], dict(series)) for series in self._series.copy()]
        return []
