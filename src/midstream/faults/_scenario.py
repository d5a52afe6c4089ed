"""A scenario as data: what one model name stands for, and how a call for it really ends."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from midstream._outcomes.status import RETRYABLE_BELOW_500, SERVER_ERROR
from midstream._outcomes.vocabulary import Outcome, Phase

Operation = Literal["chat", "text_completion", "count_tokens", "batch_results", "session_events", "file_download"]
"""What a call asks for: the value of `gen_ai.operation.name`."""

HTTPX: Final = "{httpx}"
"""Stands for the package of the SDK's HTTP client, `httpx` or `httpx2`, in `Expectation.error_type`."""


@dataclass(frozen=True, slots=True)
class Expectation:
    """How a call really ends, in the terms of the telemetry contract.

    `error_type` may begin with the placeholder `{httpx}`; `error_type_for` fills it in. `status_code` is the
    effective status, `reported_status_code` the status on the exception that the SDK raises. None means
    that the call has no such thing: a completed call has neither error type nor phase.
    """

    outcome: Outcome
    error_type: str | None = None
    status_code: int | None = None
    reported_status_code: int | None = None
    leaked: bool = False
    misreported: bool = False
    phase: Phase | None = None
    futile: bool = False
    """Whether no retry can help, although the status does not say so."""

    @property
    def retryable(self) -> bool:
        """Whether the same call may succeed later. A call that has not failed is not retryable."""
        if self.status_code is not None:
            return self.status_code in RETRYABLE_BELOW_500 or self.status_code >= SERVER_ERROR
        return self.outcome.is_failure and not self.futile

    def error_type_for(self, http_package: str) -> str | None:
        """Return `error_type` as it reads if the SDK uses `http_package`: `httpx` or `httpx2`."""
        return self.error_type and self.error_type.replace(HTTPX, http_package)


@dataclass(frozen=True, slots=True)
class Scenario:
    """What one model name stands for.

    `family` is the family's name. `expectation` is for a streamed message. `argument` and `k` have their defaults
    filled in; they are None if the family takes none. `attempts` is how many HTTP requests a call must be allowed
    for the expectation to hold.
    """

    name: str
    family: str
    explanation: str
    expectation: Expectation
    argument: str | None = None
    k: int | None = None
    attempts: int = 1
