"""The API's own description of its answer: ids, model, stop reason and tokens."""

from __future__ import annotations

from typing import Final, NamedTuple

from midstream._outcomes.values import Fields, as_int, as_label, as_text, field, new_tuple

_MAX_TOKENS: Final = 2**60
"""More cannot be a count, and a sum of three would not fit into 64 bits."""


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

_OF_MESSAGE: Final = Fields("id", "model", "stop_reason", "usage")
_OF_DELTA: Final = Fields("delta", "usage")
_OF_USAGE: Final = Fields("input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")


def summary_of(message: object, *, complete: bool) -> MessageSummary:
    """The summary of `message`, an object or a mapping. `complete`: its output tokens are final. Never raises."""
    id_, model, stop_reason, usage = _OF_MESSAGE.of(message)
    uncached, output, read, written = _usage(usage)
    texts = (as_text(id_), as_label(model), as_label(stop_reason))
    tokens = (_all_input(uncached, read, written), output if complete else None, read, written)
    summary: MessageSummary = new_tuple(MessageSummary, texts + tokens)
    return summary


def updated(before: MessageSummary, message_delta: object) -> MessageSummary:
    """`before` updated by `message_delta`, whose usage is cumulative and replaces the earlier one. Never raises."""
    delta, usage = _OF_DELTA.of(message_delta)
    uncached, output, read, written = _usage(usage)
    uncached = _uncached(before) if uncached is None else uncached
    output = before.output_tokens if output is None else output
    read = before.cache_read_tokens if read is None else read
    written = before.cache_write_tokens if written is None else written
    texts = (before.id, before.model, as_label(field(delta, "stop_reason")))
    tokens = (_all_input(uncached, read, written), output, read, written)
    summary: MessageSummary = new_tuple(MessageSummary, texts + tokens)
    return summary


def _usage(usage: object) -> tuple[int | None, int | None, int | None, int | None]:
    """The tokens: uncached input, output, read from the cache, written to it."""
    if usage is None:
        return _NO_USAGE
    uncached, output, read, written = _OF_USAGE.of(usage)
    return (
        uncached if type(uncached) is int and 0 <= uncached <= _MAX_TOKENS else _count(uncached),
        output if type(output) is int and 0 <= output <= _MAX_TOKENS else _count(output),
        read if type(read) is int and 0 <= read <= _MAX_TOKENS else _count(read),
        written if type(written) is int and 0 <= written <= _MAX_TOKENS else _count(written),
    )


_NO_USAGE: Final = (None, None, None, None)


def _count(value: object) -> int | None:
    count = None if value is None else as_int(value)
    return count if count is not None and 0 <= count <= _MAX_TOKENS else None


def _uncached(summary: MessageSummary) -> int | None:
    if summary.input_tokens is None:
        return None
    return summary.input_tokens - (summary.cache_read_tokens or 0) - (summary.cache_write_tokens or 0)


def _all_input(uncached: int | None, read: int | None, written: int | None) -> int | None:
    return None if uncached is None else uncached + (read or 0) + (written or 0)
