"""What `_sdk` passes to the telemetry: a call as the application requested it, and as it ended."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from midstream._outcomes import Verdict
    from midstream._telemetry.operation import Operation


Value = str | int | float | bool | tuple[str, ...]
"""The value of an attribute."""


@dataclass(slots=True)
class CallRequest:
    """A call as the application requested it. `None` means not given. No content, no header, no key.

    Never changed after its construction: the calls of a recorder that request the same share one. Not frozen, because
    construction would take three times as long.
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
    attributes: Mapping[str, Value] | None = field(default=None, init=False, repr=False, compare=False)
    """Cache of `attributes.request_attributes`, which are needed several times. `None` before the first time."""
    series: object = field(default=None, init=False, repr=False, compare=False)
    """The same of the `RequestSeries` of its recorder."""


@dataclass(slots=True)
class CallRecord:
    """A call that has ended. Never changed after its construction, and not frozen either."""

    request: CallRequest
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
        # The reading of a broken clock is not-a-number.
        return None if first is None or math.isnan(first - self.started_at) else first - self.started_at
