"""What `request()` returns, in all SDK versions, told apart by the names of the SDK's classes."""

from __future__ import annotations

from typing import Any, Final

from midstream.guard import attempt

__all__ = ("json_of", "response_of", "streams")

_STREAMS: Final = frozenset({"Stream", "AsyncStream"})


def response_of(result: Any) -> Any | None:
    """The HTTP response behind `result`. `None` for a parsed answer, which hides it."""
    if streams(result):
        return result.response
    # A property of raw responses; asked of the class, for the fields of a parsed answer are the server's to name.
    raw = any("http_response" in vars(base) for base in type(result).__mro__)
    return result.http_response if raw else None


def streams(result: Any) -> bool:
    """Whether `result` is a stream of the SDK's. `isinstance` does not tell before SDK 1.0: a metaclass answers it."""
    return any(base.__name__ in _STREAMS and _of_the_sdk(base) for base in type(result).__mro__)


def json_of(response: Any) -> object:
    """The decoded body of a response that was read whole. `None` if it is not JSON."""
    if not str(response.headers.get("content-type", "")).lower().startswith("application/json"):
        return None
    return attempt(response.json)


def _of_the_sdk(kind: type) -> bool:
    return kind.__module__.partition(".")[0] == "anthropic"
