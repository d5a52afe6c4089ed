"""The errors of an API, as the API itself, gateways, proxies and cloud providers spell them.

Read here, and nowhere else:

- the Messages API: `{"type": "error", "error": {"type", "message"}, "request_id"}`
- OpenAI, LiteLLM, OpenRouter: `{"error": {"message", "type", "code"}}`, where `type` can be the text `"None"`
- vLLM: `{"object": "error", "message", "type", "code"}`
- Google: `{"error": {"code", "message", "status"}}`, alone or in a list
- AWS: `{"message"}` or `{"Message"}`, with the type in `__type` or in the header `x-amzn-errortype`
- OAuth: `{"error": "invalid_grant", "error_description"}`
- FastAPI: `{"detail"}`; and plain text
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple, cast

from midstream.guard import attempt
from midstream.outcomes.values import LONGEST_NAME, UNDECODED, field, is_mapping, json_value, text, whole
from midstream.outcomes.wording import LONGEST_MESSAGE

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ("NOTHING", "ApiError", "api_error_in", "error_code", "error_data", "item", "says_error", "type_name")

_LONGEST_TEXT: Final = 2 * LONGEST_MESSAGE
_ERROR_STATUSES: Final = range(400, 600)

_NOT_TYPES: Final = frozenset({"", "none", "null", "nil", "undefined", "unknown", "n/a", "error"})
"""What serializers and gateways write where an error has no type, in lower case."""

_TYPE_NAME: Final = re.compile(r"[A-Za-z][\w.-]*")
"""What can be the name of a type: a word, not a sentence."""

_MARKUP: Final = "<"
"""How a page begins: a proxy's page says nothing that its status does not."""


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
        return ApiError(message=_words(body))
    if not is_mapping(body):
        return NOTHING
    error = item(body, "error")
    detail = error if is_mapping(error) else body
    return ApiError(
        type=_type(detail, error),
        status=_status(item(detail, "code")) or _status(item(detail, "status")),
        message=_message(detail, error),
        request_id=text(item(body, "request_id")),
        code=error_code(body),
    )


def error_code(body: object) -> str | None:
    """The code in `body`, the decoded body of an error, over HTTP or in band: its `error.details.error_code`.

    `compaction_unavailable`, for one, tells an `overloaded_error` of a compaction from that of a model. The SDK has it
    from 2.14 on, as `APIStatusError.error_code`; the body has it with every version. `None` if there is no code, or one
    that is not a name: not a text, or longer than 128 characters. Never raises.
    """
    code = text(field(field(field(body, "error"), "details"), "error_code"), LONGEST_NAME + 1)
    return None if code is None or len(code) > LONGEST_NAME else code


def says_error(body: object) -> bool:
    """Whether the decoded `body` is an error by its shape: it has an error, or says that it is one."""
    body = _first(body)
    error = item(body, "error")
    said = (text(item(body, "type")), text(item(body, "object")))
    return "error" in said or is_mapping(error) or text(error) is not None


def error_data(data: bytes) -> object:
    """The decoded data of an error event, or its text if it is not JSON."""
    value = json_value(data)
    return data.decode("utf-8", "replace").strip() if value is UNDECODED else value


def type_name(value: object) -> str | None:
    """`value` if it is a type: a text that says something."""
    name = text(value)
    return None if name is None or name.strip().lower() in _NOT_TYPES else name


def item(mapping: object, key: str) -> object:
    """`mapping[key]`; `None` if there is none, or if `mapping` is not a mapping. Never raises."""
    if type(mapping) is dict:
        return cast("dict[str, object]", mapping).get(key)
    return attempt(lambda: cast("Mapping[str, object]", mapping).get(key)) if is_mapping(mapping) else None


def _first(body: object) -> object:
    """The one error of a list, as Google sends it."""
    return next(iter(cast("list[object]", body)), None) if type(body) is list else body


def _type(detail: object, error: object) -> str | None:
    if text(error) is not None and text(item(detail, "error_description")) is not None:
        return type_name(error)  # OAuth: the error is the type, and the description is the message
    named = type_name(item(detail, "type")) or _shape_name(item(detail, "__type"))
    return named or _status_name(item(detail, "status")) or _status_name(item(detail, "code"))


def _status_name(value: object) -> str | None:
    name = type_name(value)
    return name if name is not None and _TYPE_NAME.fullmatch(name) else None


def _shape_name(value: object) -> str | None:
    """The name of a shape of AWS: `com.amazon.coral#ThrottlingException:http://...`, without what is around it."""
    name = text(value)
    return None if name is None else type_name(name.partition(":")[0].rpartition("#")[2])


def _status(value: object) -> int | None:
    words = text(value)
    number = int(words) if words is not None and words.isascii() and words.isdigit() else whole(value)
    return number if number in _ERROR_STATUSES else None


def _message(detail: object, error: object) -> str | None:
    described = (item(detail, name) for name in ("message", "Message", "error_description", "detail"))
    return next(filter(None, map(_words, (*described, error))), None)


def _words(value: object) -> str | None:
    if is_mapping(value):
        value = item(value, "message")  # FastAPI: a detail that is an object
    words = text(value, _LONGEST_TEXT)
    return None if words is None or words.lstrip().startswith(_MARKUP) else words
