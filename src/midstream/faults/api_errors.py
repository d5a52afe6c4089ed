"""What the API says for each of its error types."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ("API_ERRORS", "ApiError", "api_error", "envelope")


@dataclass(frozen=True, slots=True)
class ApiError:
    """An error as the API answers it.

    `status` is the HTTP status of the type, `message` the text in the envelope.
    """

    status: int
    message: str


API_ERRORS: Final[Mapping[str, ApiError]] = MappingProxyType(
    {
        "invalid_request_error": ApiError(400, "Invalid request"),
        "authentication_error": ApiError(401, "Invalid authentication"),
        "billing_error": ApiError(402, "Billing error"),
        "permission_error": ApiError(403, "Permission denied"),
        "not_found_error": ApiError(404, "Not found"),
        "conflict_error": ApiError(409, "Conflict"),
        "memory_path_conflict_error": ApiError(409, "Memory path conflict"),
        "memory_precondition_failed_error": ApiError(409, "Memory precondition failed"),
        "request_too_large": ApiError(413, "Request too large"),
        "rate_limit_error": ApiError(429, "Rate limited"),
        "api_error": ApiError(500, "Internal server error"),
        "timeout_error": ApiError(504, "Request timed out"),
        "overloaded_error": ApiError(529, "Overloaded"),
    }
)
"""The documented error types, by name."""

_UNKNOWN: Final = ApiError(500, "Something unheard of")


def api_error(error_type: str) -> ApiError:
    """Return what the API says for `error_type`; a type that is not documented has status 500."""
    return API_ERRORS.get(error_type, _UNKNOWN)


def envelope(error_type: str, message: str, request_id: str) -> dict[str, object]:
    """Return the JSON object in which the API sends an error, over HTTP and inside a stream alike."""
    return {"type": "error", "error": {"type": error_type, "message": message}, "request_id": request_id}
