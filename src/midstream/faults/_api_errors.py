"""The errors of the API, by type."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from midstream._outcomes.status import API_STATUS, UNKNOWN_STATUS


@dataclass(frozen=True, slots=True)
class CannedError:
    """The HTTP status of an error type, and the message in its envelope."""

    status: int
    message: str


_MESSAGES: Final[Mapping[str, str]] = {
    "authentication_error": "Invalid authentication",
    "billing_error": "Billing error",
    "permission_error": "Permission denied",
    "rate_limit_error": "Rate limited",
    "api_error": "Internal server error",
    "timeout_error": "Request timed out",
}
"""By type, the messages that are not the type's words."""


def _canned(error_type: str, status: int) -> CannedError:
    words = error_type.removesuffix("_error").replace("_", " ").capitalize()
    return CannedError(status, _MESSAGES.get(error_type, words))


API_ERRORS: Final[Mapping[str, CannedError]] = MappingProxyType(
    {error_type: _canned(error_type, status) for error_type, status in API_STATUS.items()}
)
"""The documented error types, by name."""

_UNKNOWN: Final = CannedError(UNKNOWN_STATUS, "Something unheard of")


def api_error(error_type: str) -> CannedError:
    """Return the error of this type. An undocumented type has status 500."""
    return API_ERRORS.get(error_type, _UNKNOWN)


def envelope(error_type: str, message: str, request_id: str) -> dict[str, object]:
    """Return the JSON object in which the API sends an error, over HTTP and inside a stream."""
    return {"type": "error", "error": {"type": error_type, "message": message}, "request_id": request_id}
