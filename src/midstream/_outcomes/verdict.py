"""The one result of watching a call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from midstream._outcomes.failure import Failure
    from midstream._outcomes.vocabulary import Outcome


class MessageSummary(NamedTuple):
    """What the API said about its answer, as far as it got. `None` means that it did not say."""

    id: str | None = None
    model: str | None = None
    stop_reason: str | None = None
    input_tokens: int | None = None
    """All input tokens, those read from and written to the cache included."""
    output_tokens: int | None = None
    """`None` before `message_delta`, because `message_start` carries a placeholder."""
    cache_read_tokens: int | None = None
    cache_write_tokens: int | None = None


NO_ANSWER: Final = MessageSummary()


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
