"""The errors of the API, by type."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final


@dataclass(frozen=True, slots=True)
class CannedError:
    """The HTTP status of an error type, and the message in its envelope."""

    status: int
    message: str


API_ERRORS: Final[Mapping[str, CannedError]] = MappingProxyType(
    {
        "invalid_request_error": CannedError(400, "Invalid request"),
        "authentication_error": CannedError(401, "Invalid authentication"),
        "billing_error": CannedError(402, "Billing error"),
        "permission_error": CannedError(403, "Permission denied"),
        "not_found_error": CannedError(404, "Not found"),
        "conflict_error": CannedError(409, "Conflict"),
        "memory_path_conflict_error": CannedError(409, "Memory path conflict"),
        "memory_precondition_failed_error": CannedError(409, "Memory precondition failed"),
        "request_too_large": CannedError(413, "Request too large"),
        "rate_limit_error": CannedError(429, "Rate limited"),
        "api_error": CannedError(500, "Internal server error"),
        "timeout_error": CannedError(504, "Request timed out"),
        "overloaded_error": CannedError(529, "Overloaded"),
    }
)
"""The documented error types, by name."""

_UNKNOWN: Final = CannedError(500, "Something unheard of")


def api_error(error_type: str) -> CannedError:
    """Return the error of this type. An undocumented type has status 500."""
    return API_ERRORS.get(error_type, _UNKNOWN)


def envelope(error_type: str, message: str, request_id: str) -> dict[str, object]:
    """Return the JSON object in which the API sends an error, over HTTP and inside a stream."""
    return {"type": "error", "error": {"type": error_type, "message": message}, "request_id": request_id}
