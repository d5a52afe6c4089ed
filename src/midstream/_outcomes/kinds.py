"""The kinds of streams, as data: what their events mean, and what makes them whole."""

from __future__ import annotations

from enum import Enum
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from midstream._outcomes.vocabulary import Phase

if TYPE_CHECKING:
    from collections.abc import Mapping


_OF_EVERY_KIND: Final = frozenset({"message_start", "error"})
"""The names of events that `StreamWatch` reads, whatever the kind of stream."""

_ANONYMOUS: Final = "message"
"""The name of server-sent events without a name. The API may send session events under it, with a type inside."""


class Turn(Enum):
    """What an event says about the turn that an agent works on."""

    OPEN = "open"
    """The agent works on it, or will."""
    IDLE = "idle"
    """The agent waits: the stop reason of the event says whether the turn is over."""
    OVER = "over"
    """No more events will come."""
    ERROR = "error"
    """An error: its retry status says whether the turn ended with it."""


TURN_ERRORS: Final[Mapping[str, bool]] = MappingProxyType({"exhausted": True, "terminal": False})
"""The retry statuses of an error that ends the turn, each with whether the session accepts another prompt."""

_TURN_IS_OVER: Final = frozenset({"end_turn", "refusal", "budget_reached"})
"""The stop reasons that end a turn without an error. After `requires_action` the agent waits for the application, and
`retries_exhausted` follows an error. An unknown stop reason of a newer API may be a failure."""


def turn_is_over(turn: Turn, stop_reason: str | None) -> bool:
    """Whether the turn is over, and without an error, after an event with `stop_reason`, if it has one."""
    return turn is Turn.OVER or (turn is Turn.IDLE and stop_reason in _TURN_IS_OVER)


class StreamKind(NamedTuple):
    """What the events of a stream mean, by their types."""

    has_end_event: bool
    """Whether the stream says that it is whole. One that does not is whole when its framing says so."""
    content: str | None = None
    """The events that carry content, between which time is measured. `None` where there is no answer."""
    end: str | None = None
    """The event that ends it. `None` for a stream that ends with a stop reason, or does not say."""
    answer: str | None = None
    """The events that each carry the whole summary of the answer."""
    phases: Mapping[str, Phase] = MappingProxyType({})
    """The phases after events of these types."""
    other: Phase | None = None
    """The phase after any other event. `None` leaves it as it is. A phase never goes back."""
    idle: frozenset[str] = frozenset()
    """Some of the events that add nothing to a verdict."""
    turns: Mapping[str, Turn] = MappingProxyType({})
    """What events of these types say about the agent's turn. Empty where there is no agent."""
    preview: str | None = None
    """Where there is an agent, the only type of events that are redundant after the first."""
    is_events: bool = True
    """Whether the stream consists of server-sent events, or of the frames that stand for them."""
    proof: str | None = None
    """The field that makes a document an answer of this kind. `None` if any document is one."""
    proof_type: type = object
    """The type of that field."""
    line: str | None = None
    """The field that makes a line one of this kind. `None` where no lines are decoded."""

    @property
    def events_with_data(self) -> frozenset[str | None]:
        """The events whose data has to be read, by the names under which they are sent."""
        return frozenset({self.answer, *self.turns, *((_ANONYMOUS,) if self.turns else ())})

    def knows(self, name: str) -> bool:
        """Whether the API sends events under this name. A gateway may send them all under another."""
        if self.turns:
            return name != _ANONYMOUS
        return name in self.phases or name in self.idle or name in _OF_EVERY_KIND

    def named(self, name: str, data: Mapping[str, Any]) -> dict[str, Any]:
        """The event that came as `name` with `data`.

        Its type is the name or, if the API has no such name, the type in the data, as the newest SDK reads it.
        """
        return {**data, "type": name} if self.knows(name) else {"type": name, **data}

    def is_redundant(self, event: str | None) -> bool:
        """Whether another event of this type, after a first one, adds nothing to the verdict."""
        if self.turns:
            return event == self.preview
        if self.line is not None:
            return False  # an error can stand in place of any line
        if not self.has_end_event:
            return True
        return event == self.content and event != self.answer

    def ends_with(self, event: str | None, stop_reason: str | None) -> bool:
        """Whether the stream is whole with an event of this type, after which its stop reason is `stop_reason`."""
        if self.end is None:
            return self.has_end_event and stop_reason is not None
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
    idle=frozenset({"ping", "content_block_start", "content_block_stop"}),
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
"""Bytes: nothing in them marks their end."""

RESULTS: Final = UNDELIMITED._replace(line="custom_id")
"""Results of a batch, one a line."""


def _session(status: str) -> StreamKind:
    return StreamKind(
        has_end_event=False,
        other=Phase.CONTENT,
        preview="event_delta",
        turns=MappingProxyType(
            {
                f"{status}_running": Turn.OPEN,
                f"{status}_rescheduled": Turn.OPEN,
                f"{status}_idle": Turn.IDLE,
                f"{status}_terminated": Turn.OVER,
                "session.status_terminated": Turn.OVER,
                "session.error": Turn.ERROR,
                "session.deleted": Turn.OVER,
            }
        ),
    )


SESSIONS: Final = _session("session.status")
"""Events of a session, which lasts as long as the application wants: turn after turn, with no last event."""

THREADS: Final = _session("session.thread_status")
"""Events of one thread of a session. The stream of the session has them, too, and they end nothing there."""
