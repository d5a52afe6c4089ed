"""What the model answers when nothing goes wrong: as events of a stream and as one JSON message.

The default answer has nine events, pings not counted: `message_start`, `content_block_start`, four
`content_block_delta`, `content_block_stop`, `message_delta`, `message_stop`. A ping precedes the third.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, cycle, dropwhile, islice
from typing import Final

from midstream.faults._wire import sse, to_json

DEFAULT_DELTAS: Final = 4
"""Content deltas of the default answer."""

DEFAULT_EVENTS: Final = 5 + DEFAULT_DELTAS
"""Events of the default answer, pings not counted."""

COUNTED_TOKENS: Final = 43
"""The answer to every token count: the sum of the input tokens in `INPUT_USAGE`."""

INPUT_USAGE: Final = {"input_tokens": 25, "cache_creation_input_tokens": 10, "cache_read_input_tokens": 8}
"""The input tokens of every answer."""

OUTPUT_TOKENS: Final = 15
"""The output tokens of every whole answer."""

_PLACEHOLDER_OUTPUT_TOKENS: Final = 1
_WORDS: Final = ("All", " is", " well", ". ")


@dataclass(frozen=True, slots=True)
class Event:
    """One event of a stream: its type, and its bytes in the response body."""

    type: str
    wire: bytes

    @classmethod
    def of(cls, data: Mapping[str, object]) -> Event:
        """Return the event with this data. Its name is the `type` in the data."""
        name = str(data["type"])
        return cls(name, sse(name, to_json(data)))

    @property
    def is_ping(self) -> bool:
        """Whether this is a keep-alive, which no count of events includes."""
        return self.type == "ping"


@dataclass(frozen=True, slots=True)
class Block:
    """A content block: as `content_block_start` has it, its deltas, and the finished block."""

    opened: dict[str, object]
    deltas: Sequence[dict[str, object]]
    whole: dict[str, object]

    def events(self, index: int) -> Iterable[Event]:
        """Yield the events of the block at this index."""
        yield Event.of({"type": "content_block_start", "index": index, "content_block": self.opened})
        encoded = {
            id(delta): Event.of({"type": "content_block_delta", "index": index, "delta": delta})
            for delta in {id(delta): delta for delta in self.deltas}.values()
        }
        yield from (encoded[id(delta)] for delta in self.deltas)
        yield Event.of({"type": "content_block_stop", "index": index})


@dataclass(frozen=True, slots=True)
class CannedAnswer:
    """A whole answer: its content blocks, and why the model stopped."""

    blocks: tuple[Block, ...]
    stop_reason: str

    def events(self, model: str) -> tuple[Event, ...]:
        """Return every event of the streamed answer, in order, with one ping before the third."""
        start = _message(model, content=[], stop_reason=None, output_tokens=_PLACEHOLDER_OUTPUT_TOKENS)
        delta = {
            "type": "message_delta",
            "delta": {"stop_reason": self.stop_reason, "stop_sequence": None},
            "usage": {"output_tokens": OUTPUT_TOKENS},
        }
        return with_ping(
            chain(
                [Event.of({"type": "message_start", "message": start})],
                *(block.events(index) for index, block in enumerate(self.blocks)),
                [Event.of(delta), Event.of({"type": "message_stop"})],
            )
        )

    def whole(self, model: str) -> dict[str, object]:
        """Return the message that answers a request that is not streamed."""
        return _message(model, [block.whole for block in self.blocks], self.stop_reason, OUTPUT_TOKENS)

    def message(self, model: str) -> bytes:
        """Return the JSON of the answer to a request that is not streamed."""
        return to_json(self.whole(model))


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


def text_answer(deltas: int = DEFAULT_DELTAS) -> CannedAnswer:
    """Return an answer of one text block in this many content deltas."""
    return CannedAnswer((_text_block(deltas),), "end_turn")


def tool_use_answer() -> CannedAnswer:
    """Return an answer that calls the tool `get_weather` with `{"location": "Paris", "unit": "celsius"}`."""
    pieces = ('{"location":', ' "Paris",', ' "unit":', ' "celsius"}')
    call: dict[str, object] = {"type": "tool_use", "id": "toolu_faults", "name": "get_weather"}
    block = Block(
        opened={**call, "input": {}},
        deltas=[{"type": "input_json_delta", "partial_json": piece} for piece in pieces],
        whole={**call, "input": {"location": "Paris", "unit": "celsius"}},
    )
    return CannedAnswer((block,), "tool_use")


def thinking_answer() -> CannedAnswer:
    """Return an answer of a thinking block, with its signature, and a text block."""
    thoughts, signature = ("Let me", " think."), "c2lnbmVk"
    deltas: list[dict[str, object]] = [{"type": "thinking_delta", "thinking": thought} for thought in thoughts]
    block = Block(
        opened={"type": "thinking", "thinking": "", "signature": ""},
        deltas=[*deltas, {"type": "signature_delta", "signature": signature}],
        whole={"type": "thinking", "thinking": "".join(thoughts), "signature": signature},
    )
    return CannedAnswer((block, _text_block(DEFAULT_DELTAS)), "end_turn")


def with_ping(events: Iterable[Event]) -> tuple[Event, ...]:
    """Return the events with one ping before the third."""
    rest = iter(events)
    return (*islice(rest, 2), Event.of({"type": "ping"}), *rest)


def split_events(events: Sequence[Event], k: int | None) -> tuple[tuple[bytes, ...], tuple[bytes, ...]]:
    """Return the bytes of the events before and after the first K that are not pings. Pings at the split are dropped.

    Without a K all are after it.
    """
    end = [place for place, event in enumerate(events, start=1) if not event.is_ping][k - 1] if k else 0
    rest = events if k is None else dropwhile(lambda event: event.is_ping, events[end:])
    return tuple(event.wire for event in events[:end]), tuple(event.wire for event in rest)


def _text_block(deltas: int) -> Block:
    words = list(islice(cycle(_WORDS), deltas))
    distinct: dict[str, dict[str, object]] = {word: {"type": "text_delta", "text": word} for word in _WORDS}
    return Block(
        opened={"type": "text", "text": ""},
        # The same few objects are repeated, so that 100,000 deltas take no time to encode.
        deltas=[distinct[word] for word in words],
        whole={"type": "text", "text": "".join(words)},
    )
