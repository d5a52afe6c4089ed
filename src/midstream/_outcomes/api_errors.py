"""Errors in bodies, in the spellings of the API, gateways, proxies and cloud providers.

They are parsed only here:

- the Messages API: `{"type": "error", "error": {"type", "message"}, "request_id"}`
- OpenAI, LiteLLM, OpenRouter: `{"error": {"message", "type", "code"}}`, where `type` can be the text `"None"`
- vLLM: `{"object": "error", "message", "type", "code"}`
- Google: `{"error": {"code", "message", "status"}}`, alone or in a list
- AWS: `{"message"}` or `{"Message"}`, with the type in `__type` or in the header `x-amzn-errortype`
- OAuth: `{"error": "invalid_grant", "error_description"}`
- FastAPI and problem details (RFC 9457): `{"detail"}`, `{"title"}`; and plain text

Gateways wrap the error of their upstream in their own, so errors can be nested, also as a text of JSON or of a Python
dictionary.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar, cast

from midstream._guard import attempt
from midstream._outcomes.status import API_STATUS, BEDROCK_STATUS, SESSION_STATUS
from midstream._outcomes.values import (
    MAX_TEXT_LENGTH,
    UNDECODED,
    as_name,
    as_text,
    compiled,
    field,
    is_mapping,
    item,
    json_value,
    type_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable


T = TypeVar("T")

_ERROR_STATUSES: Final = range(400, 600)

_NOT_TYPES: Final = frozenset({"", "none", "null", "nil", "undefined", "unknown", "n/a", "error", "about:blank"})
"""The values that serializers and gateways write for a missing type, in lower case."""

_TYPE_NAME: Final = r"[A-Za-z][\w.-]*"
"""A word, which can be the name of a type, and not a sentence."""

_NOT_MESSAGES: Final = ("<", "{", "[")
"""How a page and JSON begin: a page adds nothing to its status, and broken JSON is not for people."""

_TYPE_IN_TEXT: Final = r"""(?P<q>["'])type(?P=q)\s*:\s*(?P=q)(?!error(?P=q))(?P<type>\w{1,64})(?P=q)"""
"""The type in truncated JSON, or in a Python dictionary."""

_EVENTS: Final = ("event:", "data:")
"""How server-sent events begin."""

_KNOWN_TYPES: Final = {**API_STATUS, **BEDROCK_STATUS, **SESSION_STATUS}

_STATUS_FIELDS: Final = ("code", "status", "statusCode", "status_code", "type")
_MESSAGE_FIELDS: Final = ("message", "Message", "error_description", "detail", "msg", "title")
_MAX_NESTED: Final = 4
_MAX_JSON_LENGTH: Final = 2**14
"""The characters of a JSON text in an error that are decoded at most."""


class ErrorBody(NamedTuple):
    """The contents of an error body. `None` means that it has none."""

    type: str | None = None
    """The type, or else the name of the status."""
    status: int | None = None
    """The `code` or `status` of the error object, from 400 to 599."""
    message: str | None = None
    """Up to 2,048 characters. It can quote a key or a URL."""
    request_id: str | None = None
    code: str | None = None
    """The API's name of the cause, more precise than the type."""


def api_error_in(body: object) -> ErrorBody:
    """The error in `body`, a decoded value or a plain text. Never raises for plain JSON values."""
    body = _first(_in_events(body))
    if issubclass(type(body), str):
        return _in_text(cast("str", body))
    if not is_mapping(body):
        return ErrorBody()
    return _envelope(body) or _nested(body)


def _envelope(body: Any) -> ErrorBody | None:
    """The error in the API's own spelling, which most have. `None` for any other."""
    error: Any = body.get("error") if type_of(body) is dict else None
    if type_of(error) is not dict:
        return None
    kind, message = error.get("type"), error.get("message")
    if type(kind) is not str or kind not in API_STATUS or type(message) is not str or not message or message[0] == "{":
        return None
    code = None if error.get("details") is None else error_code(body)
    return ErrorBody(kind, None, as_text(message, MAX_TEXT_LENGTH), as_text(body.get("request_id")), code)


def _nested(body: object) -> ErrorBody:
    levels = _levels(body)
    return ErrorBody(
        type=_innermost(_type, levels),
        status=_innermost(_status_in, levels),
        message=_innermost(_message, levels),
        request_id=as_text(item(body, "request_id")),
        code=error_code(body),
    )


def error_code(body: object) -> str | None:
    """The `error.details.error_code` of `body`, the decoded body of an error, over HTTP or in band.

    For example, `compaction_unavailable` distinguishes an `overloaded_error` of a compaction from one of a model. The
    SDK has it from 2.14 on, as `APIStatusError.error_code`; the body has it with every version. `None` if there is no
    code, or one that is not a name: not a text, or longer than 128 characters. Never raises.
    """
    return as_name(field(field(field(body, "error"), "details"), "error_code"))


def says_error(body: object) -> bool:
    """Whether the decoded `body` has the shape of an error."""
    body = _first(body)
    error = _first(item(body, "error"))
    kinds = (as_text(item(body, "type")), as_text(item(body, "object")))
    if "error" in kinds or is_mapping(error) or as_text(error) is not None:
        return True
    marked = error is True or bool(_status_in(body)) or item(body, "__type") is not None
    return marked and _message(body) is not None


def error_data(data: bytes) -> object:
    """The decoded data of an error event, or its text if it is not JSON."""
    value = json_value(data)
    return data.decode("utf-8", "replace").strip() if value is UNDECODED else value


def type_name(value: object) -> str | None:
    """`value` if it is the name of a type, and neither a number nor a placeholder."""
    name = (as_text(value) or "").strip()
    return None if name.lower() in _NOT_TYPES or name.isdecimal() else name


def error_status(value: object) -> int | None:
    """`value` if it is a status from 400 to 599, as a number or as its text."""
    text = as_text(value)
    number = attempt(float, cast("Any", value if text is None else text)) if type(value) is not bool else None
    return int(number) if number is not None and number in _ERROR_STATUSES else None


def _first(value: object) -> object:
    """The first of a list, in which Google sends an error."""
    return next(iter(cast("list[object]", value)), None) if type(value) is list else value


def _levels(body: object) -> list[object]:
    """`body` and the errors that are nested in it, outermost first."""
    levels = [body]
    while len(levels) < _MAX_NESTED:
        inside = (_first(_decoded(item(levels[-1], name))) for name in ("error", "message", "detail", "errors"))
        inner = next(filter(is_mapping, inside), None)
        if inner is None:
            break
        levels.append(inner)
    return levels


def _decoded(value: object) -> object:
    """`value`, or what it is a JSON text of."""
    text = as_text(value, _MAX_JSON_LENGTH) if type(value) is str and value[:1] in ("{", "[") else None
    decoded = UNDECODED if text is None else json_value(text.encode())
    return value if decoded is UNDECODED else decoded


def _in_events(body: object) -> object:
    """`body`, or the first data in it if it is a text of server-sent events: the body of an HTTP error can be one."""
    text = as_text(body, _MAX_JSON_LENGTH) if type(body) is str and body.startswith(_EVENTS) else None
    data = next((line[5:].strip() for line in (text or "").splitlines() if line.startswith("data:")), None)
    return body if data is None else _decoded(data)


def _innermost(read: Callable[[object], T | None], levels: list[object]) -> T | None:
    return next((found for level in reversed(levels) if (found := read(level)) is not None), None)


def _in_text(text: str) -> ErrorBody:
    if text.strip() in _KNOWN_TYPES:
        return ErrorBody(type=text.strip())
    found = compiled(_TYPE_IN_TEXT).search(text[:MAX_TEXT_LENGTH]) if text.lstrip().startswith("{") else None
    return ErrorBody(type=type_name(found["type"]) if found else None, message=_as_message(text))


def _type(level: object) -> str | None:
    error = as_text(item(level, "error"))
    if error is not None and (error in _KNOWN_TYPES or as_text(item(level, "error_description")) is not None):
        return type_name(error)  # OAuth: the error is the type, and the description is the message
    named = type_name(item(level, "type")) or shape_name(item(level, "__type"))
    return named or _status_name(item(level, "status")) or _status_name(item(level, "code"))


def _status_name(value: object) -> str | None:
    name = type_name(value)
    return name if name is not None and compiled(_TYPE_NAME).fullmatch(name) else None


def shape_name(value: object) -> str | None:
    """The bare name of a shape of AWS: `ThrottlingException` of `com.amazon.coral#ThrottlingException:http://...`."""
    return type_name((as_text(value) or "").partition(":")[0].rpartition("#")[2])


def _status_in(level: object) -> int | None:
    values = (*(item(level, name) for name in _STATUS_FIELDS), item(level, "error"))
    return next(filter(None, map(error_status, values)), None)


def _message(level: object) -> str | None:
    error = as_text(item(level, "error"))
    values = (*(_first(item(level, name)) for name in _MESSAGE_FIELDS), None if error in _KNOWN_TYPES else error)
    return next(filter(None, map(_as_message, values)), None)


def _as_message(value: object) -> str | None:
    text = as_text(value, MAX_TEXT_LENGTH)
    return None if text is None or text.lstrip().startswith(_NOT_MESSAGES) else text
