"""What `request()` returns, in all SDK versions, told apart by the names of the SDK's classes."""

from __future__ import annotations

from typing import Any, Final

__all__ = ("json_of", "response_of", "streams")

_STREAMS: Final = frozenset({"Stream", "AsyncStream"})
_RAW: Final = frozenset({"BaseAPIResponse", "LegacyAPIResponse"})


def response_of(result: Any) -> Any | None:
    """The HTTP response behind `result`. `None` for a parsed answer, which hides it."""
    if streams(result):
        return result.response
    # By the class, for the fields of a parsed answer are the server's to name.
    return result.http_response if _is_a(result, _RAW) else None


def streams(result: Any) -> bool:
    """Whether `result` is a stream of the SDK's. `isinstance` does not tell before SDK 1.0: a metaclass answers it."""
    return _is_a(result, _STREAMS)


def json_of(response: Any) -> object:
    """The decoded body of a response that was read whole. `None` if it says that it is not JSON.

    Raises `ValueError` if it cannot be decoded: what the SDK will raise when the application parses it.
    """
    said = str(response.headers.get("content-type", "")).lower()
    return response.json() if said.startswith("application/json") else None


def _is_a(result: Any, names: frozenset[str]) -> bool:
    kinds = (base for base in type(result).__mro__ if base.__module__.partition(".")[0] == "anthropic")
    return any(kind.__name__ in names for kind in kinds)
