"""The errors of an API, as the API itself, gateways, proxies and cloud providers spell them.

Read here, and nowhere else:

- the Messages API: `{"type": "error", "error": {"type", "message"}, "request_id"}`
- OpenAI, LiteLLM, OpenRouter: `{"error": {"message", "type", "code"}}`, where `type` can be the text `"None"`
- vLLM: `{"object": "error", "message", "type", "code"}`
- Google: `{"error": {"code", "message", "status"}}`, alone or in a list
- AWS: `{"message"}` or `{"Message"}`, with the type in `__type` or in the header `x-amzn-errortype`
- OAuth: `{"error": "invalid_grant", "error_description"}`
- FastAPI and problem details (RFC 9457): `{"detail"}`, `{"title"}`; and plain text

Gateways put the error of their upstream into one of their own, so errors can be nested.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar, cast

from midstream._guard import attempt
from midstream._outcomes.failure import MAX_MESSAGE_LENGTH
from midstream._outcomes.status import API_STATUS, BEDROCK_STATUS, SESSION_STATUS
from midstream._outcomes.values import MAX_NAME_LENGTH, UNDECODED, field, is_mapping, json_value, text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


T = TypeVar("T")

_MAX_TEXT_LENGTH: Final = 2 * MAX_MESSAGE_LENGTH
_ERROR_STATUSES: Final = range(400, 600)

_NOT_TYPES: Final = frozenset({"", "none", "null", "nil", "undefined", "unknown", "n/a", "error", "about:blank"})
"""What serializers and gateways write where an error has no type, in lower case."""

_TYPE_NAME: Final = re.compile(r"[A-Za-z][\w.-]*")
"""What can be the name of a type: a word, not a sentence."""

_NOT_WORDS: Final = ("<", "{", "[")
"""How a page and JSON begin: a page says nothing that its status does not, and broken JSON is not for people."""

_TYPE_IN_TEXT: Final = re.compile(r'"type"\s*:\s*"(?!error")(\w{1,64})"')
"""The type in JSON that was cut."""

_KNOWN_TYPES: Final = {**API_STATUS, **BEDROCK_STATUS, **SESSION_STATUS}

_STATUS_FIELDS: Final = ("code", "status", "statusCode", "status_code", "type")
_MESSAGE_FIELDS: Final = ("message", "Message", "error_description", "detail", "msg", "title")
_MAX_NESTED: Final = 4


class ApiError(NamedTuple):
    """What an error body says. `None` means that it does not say."""

    type: str | None = None
    """The type, or the name of the status that stands for it."""
    status: int | None = None
    """A number from 400 to 599 that the error object carries as its `code` or `status`."""
    message: str | None = None
    """Up to 2,048 characters. It can quote a key or a URL."""
    request_id: str | None = None
    code: str | None = None
    """The API's name of the cause, more precise than the type."""


NOTHING: Final = ApiError()


def api_error_in(body: object) -> ApiError:
    """What `body`, decoded or a plain text, says about an error. Never raises for plain JSON values."""
    body = _first(body)
    if issubclass(type(body), str):
        return _in_text(cast("str", body))
    if not is_mapping(body):
        return NOTHING
    return _envelope(body) or _nested(body)


def _envelope(body: object) -> ApiError | None:
    """What the API's own error says, which most are. `None` for any other."""
    error = item(body, "error")
    kind, message = item(error, "type"), item(error, "message")
    if type(kind) is not str or kind not in API_STATUS or type(message) is not str or not message:
        return None
    words = text(message, _MAX_TEXT_LENGTH)
    return ApiError(kind, None, words, text(item(body, "request_id")), error_code(body))


def _nested(body: object) -> ApiError:
    levels = _levels(body)
    return ApiError(
        type=_innermost(_type, levels),
        status=_innermost(_status_in, levels),
        message=_innermost(_message, levels),
        request_id=text(item(body, "request_id")),
        code=error_code(body),
    )


def error_code(body: object) -> str | None:
    """The code in `body`, the decoded body of an error, over HTTP or in band: its `error.details.error_code`.

    `compaction_unavailable`, for one, tells an `overloaded_error` of a compaction from that of a model. The SDK has it
    from 2.14 on, as `APIStatusError.error_code`; the body has it with every version. `None` if there is no code, or one
    that is not a name: not a text, or longer than 128 characters. Never raises.
    """
    code = text(field(field(field(body, "error"), "details"), "error_code"), MAX_NAME_LENGTH + 1)
    return None if code is None or len(code) > MAX_NAME_LENGTH else code


def says_error(body: object) -> bool:
    """Whether the decoded `body` is an error by its shape: it has an error, or says that it is one."""
    body = _first(body)
    error = _first(item(body, "error"))
    said = (text(item(body, "type")), text(item(body, "object")))
    if "error" in said or is_mapping(error) or text(error) is not None:
        return True
    has_words = _message(body) is not None
    return has_words and (error is True or bool(_status_in(body)) or item(body, "__type") is not None)


def error_data(data: bytes) -> object:
    """The decoded data of an error event, or its text if it is not JSON."""
    value = json_value(data)
    return data.decode("utf-8", "replace").strip() if value is UNDECODED else value


def type_name(value: object) -> str | None:
    """`value` if it is a type: a text that says something, and is not a number."""
    name = (text(value) or "").strip()
    return None if name.lower() in _NOT_TYPES or name.isdecimal() else name


def error_status(value: object) -> int | None:
    """`value` if it is a status from 400 to 599, as a number or as its text."""
    words = text(value)
    number = attempt(float, cast("Any", words if words is not None else value)) if type(value) is not bool else None
    return int(number) if number is not None and number in _ERROR_STATUSES else None


def item(mapping: object, key: str) -> object:
    """`mapping[key]`; `None` if there is none, or if `mapping` is not a mapping. Never raises."""
    if type(mapping) is dict:
        return cast("dict[str, object]", mapping).get(key)
    return attempt(lambda: cast("Mapping[str, object]", mapping).get(key)) if is_mapping(mapping) else None


def _first(value: object) -> object:
    """The first of a list, as Google sends the one error."""
    return next(iter(cast("list[object]", value)), None) if type(value) is list else value


def _levels(body: object) -> list[object]:
    """`body` and the errors that are nested in it, outermost first."""
    levels = [body]
    while len(levels) < _MAX_NESTED:
        inside = (_first(item(levels[-1], name)) for name in ("error", "message", "detail", "errors"))
        inner = next(filter(is_mapping, inside), None)
        if inner is None:
            break
        levels.append(inner)
    return levels


def _innermost(read: Callable[[object], T | None], levels: list[object]) -> T | None:
    return next((found for level in reversed(levels) if (found := read(level)) is not None), None)


def _in_text(said: str) -> ApiError:
    if said.strip() in _KNOWN_TYPES:
        return ApiError(type=said.strip())
    cut = _TYPE_IN_TEXT.search(said[:_MAX_TEXT_LENGTH]) if said.lstrip().startswith("{") else None
    return ApiError(type=type_name(cut.group(1)) if cut else None, message=_words(said))


def _type(level: object) -> str | None:
    error = text(item(level, "error"))
    if error is not None and (error in _KNOWN_TYPES or text(item(level, "error_description")) is not None):
        return type_name(error)  # OAuth: the error is the type, and the description is the message
    named = type_name(item(level, "type")) or _shape_name(item(level, "__type"))
    return named or _status_name(item(level, "status")) or _status_name(item(level, "code"))


def _status_name(value: object) -> str | None:
    name = type_name(value)
    return name if name is not None and _TYPE_NAME.fullmatch(name) else None


def _shape_name(value: object) -> str | None:
    """The name of a shape of AWS: `com.amazon.coral#ThrottlingException:http://...`, without what is around it."""
    name = text(value)
    return None if name is None else type_name(name.partition(":")[0].rpartition("#")[2])


def _status_in(level: object) -> int | None:
    said = (*(item(level, name) for name in _STATUS_FIELDS), item(level, "error"))
    return next(filter(None, map(error_status, said)), None)


def _message(level: object) -> str | None:
    error = text(item(level, "error"))
    described = (*(_first(item(level, name)) for name in _MESSAGE_FIELDS), None if error in _KNOWN_TYPES else error)
    return next(filter(None, map(_words, described)), None)


def _words(value: object) -> str | None:
    words = text(value, _MAX_TEXT_LENGTH)
    return None if words is None or words.lstrip().startswith(_NOT_WORDS) else words
