"""What `request()` returns, in all SDK versions, recognized by the names of the classes."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any, Final

from midstream._outcomes.error_classes import HTTP_CLIENTS
from midstream._outcomes.values import is_sdk_answer, package_of

_STREAMS: Final[Mapping[str, str]] = {
    "Stream": "response",
    "AsyncStream": "response",
    "JSONLDecoder": "http_response",
    "AsyncJSONLDecoder": "http_response",
}
"""The SDK's classes that decode a body as it is read, each with the attribute that has its response."""

_RESPONSES: Final[Mapping[str, str]] = {
    **_STREAMS,
    "BaseAPIResponse": "http_response",
    "LegacyAPIResponse": "http_response",
    "HttpxBinaryResponseContent": "response",
}
"""The same, with the classes that return a body undecoded."""


def response_of(result: Any) -> Any | None:
    """The HTTP response of `result`. `None` for a parsed answer, which hides it."""
    # By class, because the server chooses the names of a parsed answer's fields.
    attribute = _attribute(result, _RESPONSES)
    if attribute is not None:
        return getattr(result, attribute)
    return result if _is_response_class(result.__class__) else None


def is_response(thing: Any) -> bool:
    """Whether `thing` is a response of the HTTP client, or a proxy of one, so that it reads its body from `stream`.

    A double is of another class, whatever its `__class__` says, and may read from anywhere. May raise.
    """
    if thing is None:
        return False
    return _is_response_class(type(thing)) or any(map(_is_response_class, type(inspect.unwrap(thing)).__mro__))


def streams(result: Any) -> bool:
    """Whether `result` decodes a body as it is read."""
    # Not by `isinstance`: before SDK 1.0 a metaclass answers.
    return _attribute(result, _STREAMS) is not None


def is_inspectable(result: Any) -> bool:
    """Whether a parsed `result` has the fields of the document that arrived: one of the SDK's classes, or a mapping."""
    return is_sdk_answer(result) or isinstance(result, Mapping)


def media_type_in(headers: Any) -> str:
    """The media type of a body, lower case, without parameters. Empty if the server did not name it."""
    return str(headers.get("content-type", "")).partition(";")[0].strip().lower()


def encoding_in(headers: Any) -> str:
    """The content encoding of a body, lower case. Empty for none."""
    encoding = str(headers.get("content-encoding", "")).strip().lower()
    return "" if encoding == "identity" else encoding


def decoding_error_with(headers: Any) -> str:
    """The qualified class of the exception that the HTTP client of `headers` raises for a corrupt encoding."""
    return f"{package_of(type(headers).__module__)}.DecodingError"


def _is_response_class(kind: Any) -> bool:
    return kind.__name__ == "Response" and package_of(kind.__module__) in HTTP_CLIENTS


def _attribute(result: Any, attributes: Mapping[str, str]) -> str | None:
    for kind in type(result).__mro__:
        attribute = attributes.get(kind.__name__)
        if attribute is not None and package_of(kind.__module__) == "anthropic":
            return attribute
    return None
