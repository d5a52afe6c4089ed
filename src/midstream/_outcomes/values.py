"""Other people's values, made safe to keep: exact types, bounded, and such that every exporter can encode them.

One value that cannot be encoded makes an OTLP exporter drop the attribute or the whole batch: a text with half of a
surrogate pair, which JSON can spell, or a number beyond 64 bits. Many a database behind one refuses a NUL. Nothing
here raises, whatever the value is.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any, Final, cast

from midstream._guard import attempt

UNDECODED: Final = object()
"""Stands for a value that is not JSON."""

UNSEEN: Final = object()
"""Stands for a document that cannot be looked at."""

MAX_NAME_LENGTH: Final = 128
"""Characters of a type, an id, a model that the API names."""

MAX_REQUEST_TEXT: Final = 1024
"""Characters of what the application asks for: a model, a stop sequence, a host."""

_MAX_INT: Final = 2**63 - 1
_NOT_TO_BE_ENCODED: Final = re.compile("[\x00\ud800-\udfff]")


def text(value: object, longest: int | None = MAX_NAME_LENGTH) -> str | None:
    """`value` if it is a text that is not empty, cut at `longest` characters."""
    if type(value) is str and value.isascii() and value.isprintable() and (longest is None or len(value) <= longest):
        return value or None  # as it is, which nearly all are
    if not issubclass(type(value), str):
        return None
    # Not `str(value)`: of an enum member that is a `str`, it is the name.
    return _NOT_TO_BE_ENCODED.sub("\ufffd", str.__str__(cast("str", value))[:longest]) or None


def whole(value: object) -> int | None:
    """`value` if it is a whole number of at most 64 bits."""
    if type(value) is not int:
        if not issubclass(type(value), int) or type(value) is bool:
            return None
        value = int.__int__(cast("int", value))
    return value if -_MAX_INT <= value <= _MAX_INT else None


def number(value: object) -> float | None:
    """`value` if it is a finite number."""
    exact = float.__float__(cast("float", value)) if issubclass(type(value), float) else whole(value)
    return float(exact) if exact is not None and math.isfinite(exact) else None


def is_mapping(value: object) -> bool:
    """Whether `value` is a mapping. Never raises."""
    return type(value) is dict or attempt(isinstance, value, Mapping) is True


def field(value: object, name: str) -> object:
    """`value[name]` of a mapping, `value.name` of anything else, and `None` where there is none."""
    return attempt(_field, value, name)


def fields(value: object, *names: str) -> list[object]:
    """The `field` of each of `names`."""
    # One look at the kind of `value` and one at what it raises, as it raises nothing.
    read = attempt(_fields, value, names)
    return [field(value, name) for name in names] if read is None else read


def json_value(data: bytes | bytearray) -> object:
    """The JSON value that `data` is; `UNDECODED` if it is none, or is too deep."""
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return UNDECODED


def from_json(data: bytes) -> Mapping[str, Any]:
    """The JSON object that `data` is; empty if it is none."""
    value = json_value(data)
    return cast("Mapping[str, Any]", value) if isinstance(value, dict) else {}


def _field(value: object, name: str) -> object:
    if isinstance(value, Mapping):
        return cast("Any", value).get(name)
    return cast("object", getattr(value, name, None))


def _fields(value: Any, names: tuple[str, ...]) -> list[object]:
    if isinstance(value, Mapping):
        mapping = cast("Mapping[str, object]", value)
        return [mapping.get(name) for name in names]
    return [getattr(value, name, None) for name in names]
