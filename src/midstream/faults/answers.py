"""The answers of the model when nothing goes wrong: as events of a stream and as one JSON message.

The default answer has nine events, pings not counted: `message_start`, `content_block_start`, four
`content_block_delta`, `content_block_stop`, `message_delta`, `message_stop`. A ping goes before the third.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain, cycle, dropwhile, islice
from typing import TYPE_CHECKING, Final

from midstream.faults.wire import sse, to_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = (
    "COUNTED_TOKENS",
    "DEFAULT_DELTAS",
    "INPUT_USAGE",
    "OUTPUT_TOKENS",
    "Answer",
    "Block",
    "Event",
    "split_events",
    "text_answer",
    "thinking_answer",
    "tool_use_answer",
    "with_ping",
)

DEFAULT_DELTAS: Final = 4
"""Content deltas of the default answer."""

COUNTED_TOKENS: Final = 43
"""The answer to every token count: the sum of the input tokens in `INPUT_USAGE`."""

INPUT_USAGE: Final = {"input_tokens": 25, "cache_creation_input_tokens": 10, "cache_read_input_tokens": 8}
"""What every answer says of its input."""

OUTPUT_TOKENS: Final = 15
"""What every whole answer says of its output."""

_PLACEHOLDER_OUTPUT_TOKENS: Final = 1
_WORDS: Final = ("All", " is", " well", ". ")


@dataclass(frozen=True, slots=True)
class Event:
    """One event of a stream: its type, and its bytes in the response body."""

    type: str
    wire: bytes

    @classmethod
    def of(cls, data: Mapping[str, object]) -> Event:
        """Return the event of this data, whose `type` is its name too."""
        name = str(data["type"])
        return cls(name, sse(name, to_json(data)))

    @property
    def is_ping(self) -> bool:
        """Whether this is a keep-alive, which no count of events includes."""
        return self.type == "ping"


@dataclass(frozen=True, slots=True)
class Block:
    """One content block of an answer.

    `opened` is the block as `content_block_start` has it, `deltas` what follows it, `whole` the finished
    block.
    """

    opened: dict[str, object]
    deltas: Sequence[dict[str, object]]
    whole: dict[str, object]


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer: its content blocks, and why the model stopped."""

    blocks: tuple[Block, ...]
    stop_reason: str

    def events(self, model: str) -> tuple[Event, ...]:
        """Return every event of the streamed answer, in order, with one ping before the third."""
        start = self._message(model, content=[], stop_reason=None, output_tokens=_PLACEHOLDER_OUTPUT_TOKENS)
        events = chain(
            [Event.of({"type": "message_start", "message": start})],
            *(_block_events(index, block) for index, block in enumerate(self.blocks)),
            [
                Event.of(
                    {
                        "type": "message_delta",
                        "delta": {"stop_reason": self.stop_reason, "stop_sequence": None},
                        "usage": {"output_tokens": OUTPUT_TOKENS},
                    }
                ),
                Event.of({"type": "message_stop"}),
            ],
        )
        return with_ping(events)

    def whole(self, model: str) -> dict[str, object]:
        """Return the message that answers a request that is not streamed."""
        content = [block.whole for block in self.blocks]
        return self._message(model, content, self.stop_reason, OUTPUT_TOKENS)

    def message(self, model: str) -> bytes:
        """Return the JSON of the answer to a request that is not streamed."""
        return to_json(self.whole(model))

    @staticmethod
    def _message(
        model: str, content: list[dict[str, object]], stop_reason: str | None, output_tokens: int
    ) -> dict[str, object]:
        return {
            "id": "msg_faults",
            "type": "message",
            "role": "assistant",
            "model": model,
            "content": content,
            "stop_reason": stop_reason,
            "stop_sequence": None,
            "usage": {**INPUT_USAGE, "output_tokens": output_tokens},
        }


def text_answer(deltas: int = DEFAULT_DELTAS) -> Answer:
    """Return an answer of one text block in so many content deltas."""
    return Answer((_text_block(deltas),), "end_turn")


def tool_use_answer() -> Answer:
    """Return an answer that calls the tool `get_weather` with `{"location": "Paris", "unit": "celsius"}`."""
    pieces = ('{"location":', ' "Paris",', ' "unit":', ' "celsius"}')
    call: dict[str, object] = {"type": "tool_use", "id": "toolu_faults", "name": "get_weather"}
    block = Block(
        opened={**call, "input": {}},
        deltas=[{"type": "input_json_delta", "partial_json": piece} for piece in pieces],
        whole={**call, "input": {"location": "Paris", "unit": "celsius"}},
    )
    return Answer((block,), "tool_use")


def thinking_answer() -> Answer:
    """Return an answer of a thinking block, with its signature, and a text block."""
    thought, signature = ("Let me", " think."), "c2lnbmVk"
    block = Block(
        opened={"type": "thinking", "thinking": "", "signature": ""},
        deltas=[
            *[_thinking_delta(piece) for piece in thought],
            {"type": "signature_delta", "signature": signature},
        ],
        whole={"type": "thinking", "thinking": "".join(thought), "signature": signature},
    )
    return Answer((block, _text_block(DEFAULT_DELTAS)), "end_turn")


def _thinking_delta(thinking: str) -> dict[str, object]:
    return {"type": "thinking_delta", "thinking": thinking}


def with_ping(events: Iterable[Event]) -> tuple[Event, ...]:
    """Return the events with one ping before the third."""
    rest = iter(events)
    return (*islice(rest, 2), Event.of({"type": "ping"}), *rest)


def split_events(events: Sequence[Event], count: int) -> tuple[tuple[Event, ...], tuple[Event, ...]]:
    """Return the events up to the `count`-th that is no ping, and those from the next that is no ping on."""
    places = [place for place, event in enumerate(events, start=1) if not event.is_ping]
    end = places[count - 1] if count else 0
    return tuple(events[:end]), tuple(dropwhile(lambda event: event.is_ping, events[end:]))


def _text_block(deltas: int) -> Block:
    words = list(islice(cycle(_WORDS), deltas))
    distinct: dict[str, dict[str, object]] = {word: {"type": "text_delta", "text": word} for word in _WORDS}
    return Block(
        opened={"type": "text", "text": ""},
        # The same few objects again and again: an answer of 100,000 deltas is encoded in no time.
        deltas=[distinct[word] for word in words],
        whole={"type": "text", "text": "".join(words)},
    )


def _block_events(index: int, block: Block) -> Iterable[Event]:
    yield Event.of({"type": "content_block_start", "index": index, "content_block": block.opened})
    encoded = {
        id(delta): Event.of({"type": "content_block_delta", "index": index, "delta": delta})
        for delta in {id(delta): delta for delta in block.deltas}.values()
    }
    yield from (encoded[id(delta)] for delta in block.deltas)
    yield Event.of({"type": "content_block_stop", "index": index})
