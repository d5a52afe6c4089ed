"""The other bodies when nothing goes wrong: legacy completions, batch results, sessions, files.

Each has as many pieces as the message stream of the same name has events: nine, or N + 5 for `ok:N`. A piece is
an event, a line, or some bytes of a file.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain, cycle, islice
from typing import Final
from urllib.parse import quote

from midstream.faults._answers import INPUT_USAGE, OUTPUT_TOKENS, Event, text_answer, with_ping
from midstream.faults._api_errors import api_error, envelope
from midstream.faults._wire import to_json

_WORDS: Final = (" All", " is", " well", ".")
_STOP: Final = {"stop_reason": "stop_sequence", "stop": "\n\nHuman:"}
_NO_STOP: Final = {"stop_reason": None, "stop": None}
_CREATED_AT: Final = "2025-01-01T00:00:00Z"
_ERRORED_RESULT: Final = 1
_RESULT_ERROR: Final = "invalid_request_error"
_FILE_PIECE: Final = bytes(range(256)) * 2


def completion(model: str, events: int) -> bytes:
    """Return the JSON of the completion that would be streamed in this many events."""
    return to_json(_completion(model, "".join(_words(events)), _STOP))


def completion_events(model: str, events: int) -> tuple[Event, ...]:
    """Return this many events of a completion, and a ping. The last has no text, and the stop reason."""
    # Each word is encoded once: of 100,000 events, only four are different.
    encoded = {word: Event.of(_completion(model, word, _NO_STOP)) for word in _WORDS}
    last = Event.of(_completion(model, "", _STOP))
    return with_ping([*(encoded[word] for word in _words(events)), last])


def batch(batch_id: str, results: int, host: str) -> bytes:
    """Return the JSON of a batch that has ended with this many results, which are at `host`."""
    return to_json(
        {
            "id": batch_id,
            "type": "message_batch",
            "processing_status": "ended",
            "request_counts": {"processing": 0, "succeeded": results - 1, "errored": 1, "canceled": 0, "expired": 0},
            "created_at": _CREATED_AT,
            "ended_at": "2025-01-01T00:05:00Z",
            "expires_at": "2025-01-02T00:00:00Z",
            "archived_at": None,
            "cancel_initiated_at": None,
            "results_url": f"http://{host}/v1/messages/batches/{quote(batch_id, safe='')}/results",
        }
    )


def result_lines(batch_id: str, results: int) -> tuple[bytes, ...]:
    """Return this many results of a batch, one per line. The second is the error of its request."""
    error = envelope(_RESULT_ERROR, api_error(_RESULT_ERROR).message, "req_faults_batched_0001")
    succeeded = {"type": "succeeded", "message": text_answer().whole(batch_id)}
    errored = {"type": "errored", "error": error}
    return tuple(
        to_json({"custom_id": f"request-{index}", "result": errored if index == _ERRORED_RESULT else succeeded}) + b"\n"
        for index in range(results)
    )


def session_events(events: int) -> tuple[Event, ...]:
    """Return this many events of a session, and a ping. An agent works for one turn and goes idle; no event ends it."""
    usage = {**INPUT_USAGE, "output_tokens": OUTPUT_TOKENS}
    opened = (
        _of("user.message", content=_text("Is all well?")),
        _of("session.status_running"),
        _of("span.model_request_start"),
    )
    closed = (
        _of("span.model_request_end", is_error=False, model_request_start_id="sevt_faults_2", model_usage=usage),
        _of("session.status_idle", stop_reason={"type": "end_turn"}),
    )
    work = islice(cycle(_WORK), events - len(opened) - len(closed))
    numbered = enumerate(chain(opened, work, closed))
    return with_ping([Event.of({"id": f"sevt_faults_{number}", **data}) for number, data in numbered])


def file_pieces(pieces: int) -> tuple[bytes, ...]:
    """Return the bytes of a file, which are not text, in this many pieces."""
    return (_FILE_PIECE,) * pieces


def _completion(model: str, text: str, stop: dict[str, str] | dict[str, None]) -> dict[str, object]:
    return {
        "type": "completion",
        "id": "compl_faults",
        "completion": text,
        "model": model,
        "log_id": "compl_faults",
        **stop,
    }


def _words(events: int) -> Iterable[str]:
    return islice(cycle(_WORDS), events - 1)


def _of(kind: str, **fields: object) -> dict[str, object]:
    return {"type": kind, "processed_at": _CREATED_AT, **fields}


def _text(text: str) -> list[dict[str, str]]:
    return [{"type": "text", "text": text}]


_WORK: Final = (
    _of("agent.thinking"),
    _of("agent.tool_use", name="bash", input={"command": "uptime"}),
    _of("agent.tool_result", tool_use_id="sevt_faults_4", content=_text("up 1 day"), is_error=False),
    _of("agent.message", content=_text("All is well.")),
)
