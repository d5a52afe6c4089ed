"""The one result of watching a call."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from midstream._outcomes.summary import NO_ANSWER

if TYPE_CHECKING:
    from midstream._outcomes.failure import Failure
    from midstream._outcomes.summary import MessageSummary
    from midstream._outcomes.vocabulary import Outcome


class Verdict(NamedTuple):
    """How one call really ended. There is one per call. Times are readings of the clock of its `StreamWatch`."""

    outcome: Outcome
    ended_at: float
    failure: Failure | None = None
    """`None` exactly when the outcome is not a failure."""
    answer: MessageSummary = NO_ANSWER
    opened: bool = False
    """Whether the call got a live stream."""
    first_chunk_at: float | None = None
    """When the first content arrived. `None` if none did, or if the answer was not streamed."""
    received: int = 0
    """The bytes of the body that were read from a live stream."""
    longest_wait: float = 0.0
    """The longest time in seconds that the reader waited for the next bytes of a live stream."""
    last_event: str | None = None
    """The type of the last event that was decoded."""

    def corrected_to(self, name: str | None) -> Verdict:
        """The same of a failed call whose application receives a corrected exception, of the class `name`."""
        return self if self.failure is None else self._replace(failure=replace(self.failure, corrected_type=name))
