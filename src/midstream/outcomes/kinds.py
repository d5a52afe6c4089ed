"""The kinds of streams, as data: what their events mean, and what makes them whole."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from midstream.outcomes.vocabulary import Phase

if TYPE_CHECKING:
    from collections.abc import Mapping

    from midstream.outcomes.vocabulary import Answer

__all__ = ("COMPLETIONS", "COUNTS", "MESSAGES", "SESSIONS", "UNMARKED", "StreamKind")


@dataclass(frozen=True)
class StreamKind:
    """What the events of a stream mean, by their types."""

    has_end: bool
    """Whether the stream says that it is whole. One that does not is whole when its framing says so."""
    content: str | None = None
    """The events that carry content: those between which time is measured. `None` where there is no answer."""
    end: str | None = None
    """The event that ends it. `None` for a stream that ends with a stop reason, or does not say."""
    answer: str | None = None
    """The events that each say of the answer what there is to say."""
    phases: Mapping[str, Phase] = field(default_factory=lambda: MappingProxyType({}))
    """The phases after events of these types."""
    other: Phase | None = None
    """The phase after any other event. `None` leaves it as it is."""
    is_events: bool = True
    """Whether the stream is one of server-sent events, or of the frames that stand for them."""
    proof: str | None = None
    """The field that every document of this kind has that is an answer. `None` if any document will do."""
    proof_type: type = object
    """The type of that field."""

    def repeats(self, event: str | None) -> bool:
        """Whether more events of this type, after a first one, tell nothing new."""
        if not self.has_end:
            return True
        return event == self.content and event != self.answer

    def phase_after(self, event: str | None, before: Phase) -> Phase:
        """The phase after `event`, an event's type, where the phase was `before`."""
        return self.phases.get(event or "", self.other or before)

    def ends_with(self, event: str | None, answer: Answer) -> bool:
        """Whether the stream is whole with `event`, an event's type, after which its answer is `answer`."""
        if self.end is None:
            return self.has_end and answer.stop_reason is not None
        return event == self.end


MESSAGES: Final = StreamKind(
    has_end=True,
    content="content_block_delta",
    end="message_stop",
    phases=MappingProxyType(
        {
            "content_block_delta": Phase.CONTENT,
            "message_delta": Phase.CLOSING,
            "message_stop": Phase.CLOSING,
        }
    ),
    proof="content",
    proof_type=list,
)
"""Messages: `message_start`, blocks of content, `message_delta`, `message_stop`."""

COMPLETIONS: Final = StreamKind(
    has_end=True,
    content="completion",
    answer="completion",
    phases=MappingProxyType({"completion": Phase.CONTENT}),
    proof="completion",
    proof_type=str,
)
"""Legacy completions: one type of events, the last of which has a stop reason."""

COUNTS: Final = StreamKind(has_end=False, is_events=False, proof="input_tokens", proof_type=int)
"""Counts of tokens, which are never streamed."""

SESSIONS: Final = StreamKind(has_end=False, other=Phase.CONTENT)
"""Events of a session: nothing in them says that they are all."""

UNMARKED: Final = StreamKind(has_end=False, other=Phase.CONTENT, is_events=False)
"""Lines and bytes: nothing in them says that they are all."""
