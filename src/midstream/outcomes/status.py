"""The API's error types and the status that each stands for. Tables; no code decides anything here."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = (
    "API_STATUS",
    "BEDROCK_STATUS",
    "RETRYABLE_BELOW_500",
    "SERVER_ERROR",
    "SUCCESS",
    "UNKNOWN_STATUS",
)

API_STATUS: Final[Mapping[str, int]] = MappingProxyType(
    {
        "invalid_request_error": 400,
        "authentication_error": 401,
        "billing_error": 402,
        "permission_error": 403,
        "not_found_error": 404,
        "conflict_error": 409,
        "memory_path_conflict_error": 409,
        "memory_precondition_failed_error": 409,
        "request_too_large": 413,
        "rate_limit_error": 429,
        "api_error": 500,
        "timeout_error": 504,
        "overloaded_error": 529,
    }
)
"""By error type of the Messages API: https://platform.claude.com/docs/en/api/errors and the SDK's `ErrorType`."""

BEDROCK_STATUS: Final[Mapping[str, int]] = MappingProxyType(
    {
        "throttlingException": 429,
        "validationException": 400,
        "modelStreamErrorException": 424,
        "internalServerException": 500,
        "modelTimeoutException": 408,
        "serviceUnavailableException": 503,
    }
)
"""By exception type of a Bedrock event stream: `ResponseStream` of InvokeModelWithResponseStream."""

UNKNOWN_STATUS: Final = 500
"""The status of an in-band error whose type is missing or in neither table."""

SUCCESS: Final = range(200, 300)
"""The observed statuses inside which an error is an in-band one."""

SERVER_ERROR: Final = 500

RETRYABLE_BELOW_500: Final = frozenset({408, 409, 429})
"""What the SDK retries besides 500 and above (`_should_retry` of its base client)."""
