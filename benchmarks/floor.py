"""What OpenTelemetry's SDK takes on this machine for one record, one span and one log event, in a loop of nothing else.

Nobody can tell a call for less. Between the calls of a program it takes more: see `by_hand`.
"""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from opentelemetry._logs import SeverityNumber
from opentelemetry.trace import set_span_in_context
from providers import providers

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from telling import Told

__all__ = ("REFERENCE", "Floor", "Gauge")

_TIMES: Final = 100
_RECORD_ATTRIBUTES: Final = {f"gen_ai.attribute.{number}": "a value" for number in range(6)}
_SPAN_ATTRIBUTES: Final = {f"gen_ai.attribute.{number}": "a value" for number in range(12)}


@dataclass(frozen=True)
class Floor:
    """Seconds for one of each."""

    record: float
    """In a histogram, with six attributes, in the context of a span."""
    span: float
    """Started with twelve attributes, and ended."""
    log: float
    """With the attributes of a span."""

    def of(self, told: Told) -> float:
        """Seconds for so much telemetry."""
        return len(told.records) * self.record + len(told.spans) * self.span + len(told.events) * self.log

    def with_additions(self, told: Told) -> float:
        """The same, and for what is added to a span of somebody else its share of a span: more than it takes."""
        attributes = sum(len(span.attributes) for span in told.added)
        return self.of(told) + self.span * attributes / len(_SPAN_ATTRIBUTES)

    @classmethod
    def median(cls, floors: Sequence[Floor]) -> Floor:
        """The median of each."""
        return cls(
            statistics.median([one.record for one in floors]),
            statistics.median([one.span for one in floors]),
            statistics.median([one.log for one in floors]),
        )


REFERENCE: Final = Floor(record=8e-6, span=25e-6, log=25e-6)
"""That of the machine that the goals are for."""


class Gauge:
    """Reads the floor, in little time, so that it can be read beside everything else."""

    def __init__(self) -> None:
        given = providers()
        self._tracer = given.tracer_provider.get_tracer("floor")
        self._histogram = given.meter_provider.get_meter("floor").create_histogram("floor")
        self._logger = given.logger_provider.get_logger("floor")
        self._context = set_span_in_context(self._tracer.start_span("floor"))

    def read(self) -> Floor:
        """The floor now."""
        return Floor(_seconds(self._record), _seconds(self._span), _seconds(self._log))

    def _record(self) -> None:
        self._histogram.record(0.5, _RECORD_ATTRIBUTES, self._context)

    def _span(self) -> None:
        self._tracer.start_span("floor", self._context, attributes=_SPAN_ATTRIBUTES).end()

    def _log(self) -> None:
        self._logger.emit(
            context=self._context,
            severity_number=SeverityNumber.WARN,
            event_name="floor",
            attributes=_SPAN_ATTRIBUTES,
        )


def _seconds(do: Callable[[], None]) -> float:
    started = time.process_time()
    for _ in range(_TIMES):
        do()
    return (time.process_time() - started) / _TIMES
