"""What `request()` returns, in all SDK versions, told apart by the names of the classes."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

_STREAMS: Final[Mapping[str, str]] = {
    "Stream": "response",
    "AsyncStream": "response",
    "JSONLDecoder": "http_response",
    "AsyncJSONLDecoder": "http_response",
}
"""By class of the SDK's that decodes a body as it is read, the attribute that has its response."""

_RESPONSES: Final[Mapping[str, str]] = {
    **_STREAMS,
    "BaseAPIResponse": "http_response",
    "LegacyAPIResponse": "http_response",
    "HttpxBinaryResponseContent": "response",
}
"""The same, with the classes that hand out a body undecoded."""

_ANSWERS: Final = "anthropic.types."
"""The modules of the SDK's parsed answers, in which nothing else is."""

_HTTP_CLIENTS: Final = frozenset({"httpx", "httpx2"})


def response_of(result: Any) -> Any | None:
    """The HTTP response behind `result`. `None` for a parsed answer, which hides it."""
    # By the class, for the fields of a parsed answer are the server's to name.
    attribute = _attribute(result, _RESPONSES)
    if attribute is not None:
        return getattr(result, attribute)
    return result if _is_bare(result) else None


def is_response(thing: Any) -> bool:
    """Whether `thing` is a response of the HTTP client's, or a proxy of one, and reads its body from its `stream`.

    What stands for one in a test is of another class, whatever it says, and may read from anywhere. May raise.
    """
    if thing is None:
        return False
    return _is_of_client(type(thing)) or any(map(_is_of_client, type(inspect.unwrap(thing)).__mro__))


def _is_of_client(kind: Any) -> bool:
    return kind.__name__ == "Response" and kind.__module__.partition(".")[0] in _HTTP_CLIENTS


def streams(result: Any) -> bool:
    """Whether `result` decodes a body as it is read. `isinstance` does not tell before SDK 1.0: a metaclass answers."""
    return _attribute(result, _STREAMS) is not None


def is_inspectable(result: Any) -> bool:
    """Whether a parsed `result` has the fields of the document that arrived: one of the SDK's classes, or a mapping."""
    return type(result).__module__.startswith(_ANSWERS) or isinstance(result, Mapping)


class Head(NamedTuple):
    """What tells how the bytes of a body are to be read, once that is of interest."""

    headers: Any
    kind: type[Any]
    """The class of the response."""


@dataclass(frozen=True)
class BodyFormat:
    """How the bytes of a body are to be read."""

    media_type: str
    """Lower case, without parameters. Empty if the server did not say."""
    encoding: str
    """The content encoding, lower case. Empty for none."""
    decoding_error: str
    """The qualified class of the exception that the HTTP client raises where the encoding is corrupt."""


def format_of(headers: Any, kind: type[Any]) -> BodyFormat:
    """The format of a body, as the `headers` of its response say, which is of the class `kind`."""
    encoding = str(headers.get("content-encoding", "")).strip().lower()
    return BodyFormat(
        media_type=str(headers.get("content-type", "")).partition(";")[0].strip().lower(),
        encoding="" if encoding == "identity" else encoding,
        decoding_error=f"{kind.__module__.partition('.')[0]}.DecodingError",
    )


def _is_bare(result: Any) -> bool:
    kind: type[Any] = result.__class__
    return kind.__name__ == "Response" and kind.__module__.partition(".")[0] in _HTTP_CLIENTS


def _attribute(result: Any, attributes: Mapping[str, str]) -> str | None:
    if type(result).__module__.startswith(_ANSWERS):
        return None  # as of nearly all, at once
    for kind in type(result).__mro__:
        attribute = attributes.get(kind.__name__)
        if attribute is not None and kind.__module__.partition(".")[0] == "anthropic":
            return attribute
    return None
