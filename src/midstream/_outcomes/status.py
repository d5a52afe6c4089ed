"""The status of each error type, as tables."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping


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

GOOGLE_STATUS: Final[Mapping[str, int]] = MappingProxyType(
    {
        "INVALID_ARGUMENT": 400,
        "FAILED_PRECONDITION": 400,
        "OUT_OF_RANGE": 400,
        "UNAUTHENTICATED": 401,
        "PERMISSION_DENIED": 403,
        "NOT_FOUND": 404,
        "ABORTED": 409,
        "ALREADY_EXISTS": 409,
        "RESOURCE_EXHAUSTED": 429,
        "CANCELLED": 499,
        "DATA_LOSS": 500,
        "INTERNAL": 500,
        "UNKNOWN": 500,
        "UNIMPLEMENTED": 501,
        "UNAVAILABLE": 503,
        "DEADLINE_EXCEEDED": 504,
    }
)
"""By name of a Google status, where an error does not carry the number: `google.rpc.Code`."""

SESSION_STATUS: Final[Mapping[str, int]] = MappingProxyType(
    {
        "model_overloaded_error": 529,
        "model_rate_limited_error": 429,
        "model_request_failed_error": 500,
        "unknown_error": 500,
        "mcp_connection_failed_error": 502,
        "mcp_authentication_failed_error": 401,
        "credential_host_unreachable_error": 400,
        "tool_use_limit_reached_error": 400,
        "compaction_limit_reached_error": 400,
        "repository_authentication_error": 401,
        "repository_forbidden_error": 403,
        "repository_not_found_error": 404,
        "repository_checkout_error": 404,
        "repository_clone_error": 502,
    }
)
"""By error type of a `session.error` event (`BetaManagedAgentsSessionErrorEvent`), unless `API_STATUS` has it."""

TOKEN_STATUS: Final[Mapping[str, int]] = MappingProxyType(
    {
        "invalid_request": 400,
        "invalid_client": 401,
        "invalid_grant": 400,
        "unauthorized_client": 400,
        "unsupported_grant_type": 400,
        "invalid_scope": 400,
        "access_denied": 403,
        "server_error": 500,
        "internal_failure": 500,
        "temporarily_unavailable": 503,
    }
)
"""By OAuth error of a token endpoint (RFC 6749, 4.1.2.1 and 5.2), where the status on the wire is not known."""

UNKNOWN_STATUS: Final = 500
"""The status of an in-band error whose type is missing or in none of the tables."""

SUCCESS: Final = range(200, 300)
"""The observed statuses with which an error is an in-band error."""

SERVER_ERROR: Final = 500

RETRYABLE_BELOW_500: Final = frozenset({408, 409, 429})
"""What the SDK retries besides 500 and above (`_should_retry` of its base client)."""

RETRYABLE_EXCEPTIONS: Final = frozenset({"anthropic.RetryableError"})
"""By top-level package and name, the classes that the SDK always retries (`_should_retry_exception`)."""
