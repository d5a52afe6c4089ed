"""The operations that calls request."""

from __future__ import annotations

from enum import Enum
from typing import Final


class Operation(str, Enum):
    """What a call requests: the value of `gen_ai.operation.name`."""

    __hash__ = str.__hash__  # that of its text, which is equal to it; and faster than that of an enum

    CHAT = "chat"
    """Messages, by any of the SDK's methods. A stream is whole with its `message_stop`."""
    TEXT_COMPLETION = "text_completion"
    """Legacy completions (SDK below 1.0). A stream is whole with its `stop_reason`."""
    COUNT_TOKENS = "count_tokens"
    """A count of the tokens of a request."""
    BATCH_RESULTS = "batch_results"
    """The results of a batch of messages, line by line. Whole when the framing of the body says so."""
    SESSION_EVENTS = "session_events"
    """The events of a session, or of one of its threads. Whole when its framing says so, or its turn is over."""
    FILE_DOWNLOAD = "file_download"
    """A file, or a version of a skill or plugin. Whole when the framing of the body says so."""

    @property
    def is_inference(self) -> bool:
        """Whether the GenAI conventions define it. The others are named by midstream, and have no GenAI metrics."""
        return self not in _NO_INFERENCE


_NO_INFERENCE: Final = frozenset({Operation.BATCH_RESULTS, Operation.SESSION_EVENTS, Operation.FILE_DOWNLOAD})
