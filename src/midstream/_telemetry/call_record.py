"""What the lower layers hand to the telemetry: a call as it was asked for, and as it ended."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from midstream._telemetry.contract import REQUEST_ATTRIBUTES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from midstream._outcomes import Verdict
    from midstream._telemetry.contract import Value
    from midstream._telemetry.operation import Operation


@dataclass(slots=True)
class Request:
    """A call as the application asked for it. `None` is: not given. No content, no header, no key.

    Nobody changes one. It is not frozen, for to make it frozen would take three times as long.
    """

    operation: Operation
    provider: str
    model: str | None = None
    stream: bool = False
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    stop_sequences: tuple[str, ...] | None = None
    output_type: str | None = None
    server_address: str | None = None
    server_port: int | None = None
    attributes: Mapping[str, Value] = field(init=False, repr=False, compare=False)
    """What telemetry says of it from its start. Made once, for it is said several times."""

    def __post_init__(self) -> None:
        self.attributes = {a.name: value for a in REQUEST_ATTRIBUTES if (value := a.value(self)) is not None}


@dataclass(slots=True)
class CallRecord:
    """A call that has ended, with everything there is to tell about it. Nobody changes one, nor is it frozen either."""

    request: Request
    verdict: Verdict
    started_at: float
    """The reading of the verdict's clock when the call was entered."""
    attempts: int
    """The HTTP requests that were built for the call."""
    observed_status_code: int | None = None
    """The status on the wire of the last response. `None` if there was none."""
    request_id: str | None = None
    """The `request-id` header of the last response."""

    @property
    def resends(self) -> int:
        """How often the SDK sent the request again."""
        return max(self.attempts - 1, 0)

    @property
    def duration(self) -> float:
        """Seconds from the entry of the call to its end."""
        return self.verdict.ended_at - self.started_at

    @property
    def time_to_first_chunk(self) -> float | None:
        """Seconds from the entry of the call to the first content. `None` if none came, or if it was not streamed."""
        first = self.verdict.first_chunk_at
        # A clock that failed said not-a-number.
        return None if first is None or math.isnan(first - self.started_at) else first - self.started_at
