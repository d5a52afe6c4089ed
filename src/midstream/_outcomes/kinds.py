"""The kinds of streams, as data: what their events mean, and what makes them whole."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from midstream._outcomes.vocabulary import Phase

if TYPE_CHECKING:
    from collections.abc import Mapping

    from midstream._outcomes.verdict import MessageSummary


_ANONYMOUS: Final = "message"
"""The name of server-sent events that have none: the API may send those of a session under it, with a type inside."""


def named(name: str, data: Mapping[str, Any]) -> dict[str, Any]:
    """The event that came as `name` with `data`. Its type is the name, or, if it has no name, the type in the data."""
    return {"type": name, **data} if name == _ANONYMOUS else {**data, "type": name}


class Turn(Enum):
    """What an event says about the turn that an agent works on."""

    OPEN = "open"
    """The agent works on it, or will."""
    IDLE = "idle"
    """The agent waits: the stop reason of the event says whether the turn is over."""
    OVER = "over"
    """No more events are to come."""
    ERROR = "error"
    """An error: its retry status says whether the turn ended with it."""


TURN_ERRORS: Final[Mapping[str, bool]] = MappingProxyType({"exhausted": True, "terminal": False})
"""The retry statuses of an error that ends the turn, each with whether the session accepts another prompt."""

_TURN_IS_OVER: Final = frozenset({"end_turn", "refusal", "budget_reached"})
"""The stop reasons with which nobody expects more of the turn. After `requires_action` the agent waits for the
application, and `retries_exhausted` follows an error. One that a newer API sends is not known to be harmless."""


def turn_is_over(turn: Turn, stop_reason: str | None) -> bool:
    """Whether the turn is over, and without an error, after an event with `stop_reason`, if it has one."""
    return turn is Turn.OVER or (turn is Turn.IDLE and stop_reason in _TURN_IS_OVER)


@dataclass(frozen=True)
class StreamKind:
    """What the events of a stream mean, by their types."""

    has_end_event: bool
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
    turns: Mapping[str, Turn] = field(default_factory=lambda: MappingProxyType({}))
    """What events of these types say about the agent's turn. Empty where there is no agent."""
    preview: str | None = None
    """Where there is an agent, the only type of events of which more tell nothing new."""
    is_events: bool = True
    """Whether the stream is one of server-sent events, or of the frames that stand for them."""
    proof: str | None = None
    """The field that every document of this kind has that is an answer. `None` if any document will do."""
    proof_type: type = object
    """The type of that field."""

    @property
    def told_by_data(self) -> frozenset[str | None]:
        """The events whose data has to be read, by the names under which they are sent."""
        return frozenset({self.answer, *self.turns, *((_ANONYMOUS,) if self.turns else ())})

    def repeats(self, event: str | None) -> bool:
        """Whether more events of this type, after a first one, tell nothing new."""
        if self.turns:
            return event == self.preview
        if not self.has_end_event:
            return True
        return event == self.content and event != self.answer

    def phase_after(self, event: str | None, before: Phase) -> Phase:
        """The phase after `event`, an event's type, where the phase was `before`."""
        return self.phases.get(event or "", self.other or before)

    def ends_with(self, event: str | None, answer: MessageSummary) -> bool:
        """Whether the stream is whole with `event`, an event's type, after which its answer is `answer`."""
        if self.end is None:
            return self.has_end_event and answer.stop_reason is not None
        return event == self.end


MESSAGES: Final = StreamKind(
    has_end_event=True,
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
    has_end_event=True,
    content="completion",
    answer="completion",
    phases=MappingProxyType({"completion": Phase.CONTENT}),
    proof="completion",
    proof_type=str,
)
"""Legacy completions: one type of events, the last of which has a stop reason."""

COUNTS: Final = StreamKind(has_end_event=False, is_events=False, proof="input_tokens", proof_type=int)
"""Counts of tokens, which are never streamed."""

UNDELIMITED: Final = StreamKind(has_end_event=False, other=Phase.CONTENT, is_events=False)
"""Lines and bytes: nothing in them says that they are all."""

_ENDS_OF_A_SESSION: Final = {
    "session.error": Turn.ERROR,
    "session.status_terminated": Turn.OVER,
    "session.deleted": Turn.OVER,
}

SESSIONS: Final = StreamKind(
    has_end_event=False,
    other=Phase.CONTENT,
    preview="event_delta",
    turns=MappingProxyType(
        {
            "session.status_running": Turn.OPEN,
            "session.status_rescheduled": Turn.OPEN,
            "session.status_idle": Turn.IDLE,
            **_ENDS_OF_A_SESSION,
        }
    ),
)
"""Events of a session, which lasts as long as the application wants: turn after turn, with no last event."""

THREADS: Final = StreamKind(
    has_end_event=False,
    other=Phase.CONTENT,
    preview="event_delta",
    turns=MappingProxyType(
        {
            "session.thread_status_running": Turn.OPEN,
            "session.thread_status_rescheduled": Turn.OPEN,
            "session.thread_status_idle": Turn.IDLE,
            "session.thread_status_terminated": Turn.OVER,
            **_ENDS_OF_A_SESSION,
        }
    ),
)
"""Events of one thread of a session. They are in the stream of the session, too, and end nothing there."""
