"""What the server does in answer to one request, as data: bytes to send, then an ending."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum

from midstream.faults._api_errors import api_error, envelope
from midstream.faults._wire import JSON, head, to_json


class Kind(Enum):
    """What the body of an answer consists of."""

    EVENTS = "events"
    """Server-sent events."""
    JSON = "json"
    """One JSON object: the answer to a request that is not streamed."""
    LINES = "lines"
    """Lines of JSON."""
    BYTES = "bytes"
    """A file."""


class Ending(Enum):
    """What happens to the connection after everything is sent."""

    KEEP = "keep"
    """It waits for the next request."""
    CLOSE = "close"
    """It is closed: the client sees a FIN."""
    RESET = "reset"
    """It is aborted: the client sees an RST."""
    STALL = "stall"
    """Nothing more is sent until the client closes it."""


@dataclass(frozen=True, slots=True)
class Script:
    """What the server does in answer to one request.

    It sends `head` and `frames`, `pause` seconds apart, and then ends the connection. If `fault` is not None, it
    first gives the client time to read what came before; then it sends the fault, which may be empty. `model` and
    `scenario` are for the log: the name in the request, and the name of the scenario.
    """

    head: bytes = b""
    frames: tuple[bytes, ...] = ()
    fault: bytes | None = None
    ending: Ending = Ending.KEEP
    pause: float = 0.0
    model: str | None = None
    scenario: str | None = None

    @property
    def status(self) -> int | None:
        """The HTTP status in the head; None without a head."""
        return int(self.head.split(b" ", 2)[1]) if self.head else None


def request_id_of(number: int) -> str:
    """Return the id of the `number`-th request."""
    return f"req_faults_{number:06d}"


def error_script(status: int, content_type: str, body: bytes, number: int, **headers: str) -> Script:
    """Return the script of a response with one document, to the `number`-th request."""
    fields = {"content-type": content_type, "content-length": str(len(body)), "request-id": request_id_of(number)}
    return Script(head(status, {**fields, **headers}), (body,))


def refusal_script(error_type: str, message: str, number: int) -> Script:
    """Return the script of an HTTP error that says what is wrong with the request, and closes the connection."""
    body = to_json(envelope(error_type, message, request_id_of(number)))
    script = error_script(api_error(error_type).status, JSON, body, number, connection="close")
    return replace(script, ending=Ending.CLOSE)


def gateway_script(message: str, number: int) -> Script:
    """Return the script of an HTTP error that says what is wrong with the upstream."""
    return error_script(502, JSON, to_json(envelope("api_error", message, request_id_of(number))), number)
