"""The streams that are open now, counted when metrics are collected.

Recording each stream that opens or ends would take a sixth of the cost of a stream (OpenTelemetry SDK 1.45).
"""

from __future__ import annotations

import weakref
from collections import Counter
from typing import TYPE_CHECKING, Any, Final, cast

from opentelemetry import metrics
from opentelemetry.metrics import NoOpMeter, Observation, get_meter_provider

from midstream._guard import Guard, attempt
from midstream._telemetry.metrics import OPEN_STREAMS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry.metrics import Meter

    from midstream._telemetry.call_record import Value


_Series = tuple[tuple[str, "Value"], ...]


class OpenStreams:
    """The open streams of this process that one meter provider observes.

    Each change is one step of a dict, so threads and the garbage collector may interrupt, and no lock is needed.
    """

    __slots__ = ("__weakref__", "_guard", "_open", "_series")

    def __init__(self, contained: Guard) -> None:
        self._guard = contained
        self._series: Final[dict[_Series, _Series]] = {}
        self._open: dict[int, _Series] = {}

    @classmethod
    def of(cls, meter: Meter, provider: object, contained: Guard) -> OpenStreams:
        """The open streams for `provider`, which created `meter`: always the same object.

        The OpenTelemetry SDK ignores the callback of a second instrument of a name, so each provider has one, which
        survives `uninstrument()`. Where the meter creates no instrument, nothing is reported.
        """
        if isinstance(meter, NoOpMeter):
            return cls(contained)  # not kept: a meter that is broken or shut down now may work later
        found = attempt(_known, provider)
        if found is None:
            found = cls(contained)
            with contained:
                meter.create_observable_up_down_counter(
                    OPEN_STREAMS.name, [found.observed], OPEN_STREAMS.unit, OPEN_STREAMS.brief
                )
                attempt(_by_provider.__setitem__, provider, found)
        return found

    def opened(self, call: int, attributes: Mapping[str, Value]) -> None:
        """The stream of the call with the id `call` is open, and counts for the series of `attributes`."""
        series = tuple(attributes.items())
        self._open[call] = self._series.setdefault(series, series)

    def closed(self, call: int) -> None:
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


# Kept in OpenTelemetry's module: this one may be imported again, and providers keep the callback of the first import.
_by_provider: Final = cast(
    "weakref.WeakKeyDictionary[Any, OpenStreams]",
    metrics.__dict__.setdefault("_midstream_open_streams", weakref.WeakKeyDictionary()),
)


def _known(provider: object) -> OpenStreams | None:
    """The existing open streams for `provider`."""
    found = _by_provider.get(provider)
    if found is None and provider is get_meter_provider():
        # Until the application sets its own provider, the API's is a proxy, which passes its instruments on.
        return next((streams for known, streams in _by_provider.items() if _is_of_the_api(known)), None)
    return found


def _is_of_the_api(provider: object) -> bool:
    return type(provider).__module__.startswith("opentelemetry.metrics.")
