"""Values of other code, made safe to keep: exact types, bounded, and such that every exporter can encode them.

One value that cannot be encoded makes an OTLP exporter drop the attribute or the whole batch: a text with half of a
surrogate pair, which JSON can spell, or a number beyond 64 bits. Many databases behind one refuse a NUL. Nothing here
raises, whatever the value is.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from functools import cache, lru_cache
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast
from weakref import ref

from midstream._guard import attempt

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


T = TypeVar("T")

UNDECODED: Final = object()
"""Stands for a value that is not JSON."""

UNSEEN: Final = object()
"""Stands for a document that cannot be inspected."""

MAX_NAME_LENGTH: Final = 128
"""Characters of a type, an id, a model that the API names."""

MAX_REQUEST_TEXT: Final = 1024
"""Characters of what the application requests: a model, a stop sequence, a host."""

MAX_TEXT_LENGTH: Final = 2048
"""Characters of a message before it is shortened."""

_MAX_INT: Final = 2**63 - 1
_UNENCODABLE: Final = "[\x00\ud800-\udfff]"


@cache
def compiled(pattern: str, flags: int = 0) -> re.Pattern[str]:
    """The regular expression `pattern`, compiled when it is first used: a process uses few of them, and late."""
    return re.compile(pattern, flags)


def as_text(value: object, longest: int | None = MAX_NAME_LENGTH) -> str | None:
    """`value` if it is a text that is not empty, cut at `longest` characters."""
    if type(value) is str and (longest is None or len(value) <= longest) and value.isascii() and value.isprintable():
        return value or None  # unchanged, like nearly all
    if value is None or not issubclass(type(value), str):
        return None
    # Not `str(value)`: of an enum member that is a `str`, it is the name.
    return compiled(_UNENCODABLE).sub("\ufffd", str.__str__(cast("str", value))[:longest]) or None


def as_label(value: object, longest: int = MAX_NAME_LENGTH) -> str | None:
    """`as_text` of a value of which a process has few, such as the name of a model."""
    return _label(value) if type(value) is str and len(value) <= MAX_NAME_LENGTH else as_text(value, longest)


_label: Final = lru_cache(maxsize=128)(as_text)


def as_name(value: object) -> str | None:
    """`value` if it is a text of 1 to 128 characters. A longer one is not a name, and is not cut."""
    text = as_text(value, MAX_NAME_LENGTH + 1)
    return None if text is None or len(text) > MAX_NAME_LENGTH else text


def as_int(value: object) -> int | None:
    """`value` if it is a whole number of at most 64 bits."""
    if value is None:
        return None
    if type(value) is not int:
        if not issubclass(type(value), int) or type(value) is bool:
            return None
        value = int.__int__(cast("int", value))
    return value if -_MAX_INT <= value <= _MAX_INT else None


def as_float(value: object) -> float | None:
    """`value` if it is a finite number."""
    if not issubclass(type(value), (float, int)):
        return None
    exact = float.__float__(cast("float", value)) if issubclass(type(value), float) else as_int(value)
    return float(exact) if exact is not None and math.isfinite(exact) else None


def words_of(error: BaseException, longest: int | None = MAX_NAME_LENGTH) -> str | None:
    """The text of `error`, cut at `longest` characters."""
    return as_text(attempt(lambda: str(error)), longest)


def package_of(module: object) -> str:
    """The top-level package of a module, by its name."""
    return str(module).partition(".")[0]


def is_mapping(value: object) -> bool:
    """Whether `value` is a mapping."""
    return type(value) is dict or attempt(_is_mapping, value) is True


def item(value: Any, key: str) -> object:
    """`value[key]` of a mapping, and `None` of anything else."""
    if type_of(value) is dict:
        return value.get(key)
    return attempt(lambda: value.get(key)) if is_mapping(value) else None


def field(value: Any, name: str) -> object:
    """`value[name]` of a mapping, `value.name` of anything else, and `None` where there is none."""
    kind = type_of(value)
    # Not what a class of the SDK does not know. pydantic keeps that in `__dict__`, and answers much slower itself.
    if kind is dict or _sdk_classes.get(id(kind)) is kind:
        known: dict[str, object] = value if kind is dict else value.__dict__
        if name in known:
            return known[name]
    return attempt(_field, value, name)


class Fields:
    """The `field`s of some names, at least two, of one value after another."""

    __slots__ = ("_names", "_pick")

    def __init__(self, *names: str) -> None:
        self._names: Final = names
        self._pick: Final[Callable[[Mapping[str, object]], tuple[object, ...]]] = itemgetter(*names)

    def of(self, value: Any) -> Sequence[object]:
        """The field of each name, in their order. Never raises."""
        kind = type_of(value)
        if kind is dict or _sdk_classes.get(id(kind)) is kind:
            try:
                return self._pick(value if kind is dict else value.__dict__)
            except KeyError:
                pass  # it lacks some
        # All of them in one attempt: most values raise nothing.
        read = attempt(_fields, value, self._names)
        return [field(value, name) for name in self._names] if read is None else read


def attributes(thing: object, *names: str) -> Sequence[object]:
    """`thing.name` for each of `names`, and `None` where there is none: for an exception, not for a mapping."""
    read = attempt(_attributes, thing, names)
    return [attempt(getattr, thing, name, None) for name in names] if read is None else read


def is_known_answer(value: object) -> bool:
    """Whether `value` is of one of those classes of the SDK's answers of which an object was examined before."""
    kind = type(value)
    return _sdk_classes.get(id(kind)) is kind


def is_sdk_answer(value: object) -> bool:
    """Whether `value` is of one of the SDK's own classes of answers and events."""
    kind = type(value)
    return _sdk_classes.get(id(kind)) is kind or attempt(_is_sdk_class, kind) is True


def json_value(data: bytes | bytearray) -> object:
    """The JSON value in `data`; `UNDECODED` if there is none, or if it is nested too deeply."""
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return UNDECODED


def from_json(data: bytes) -> Mapping[str, Any]:
    """The JSON object in `data`; empty if there is none."""
    value = json_value(data)
    return cast("Mapping[str, Any]", value) if isinstance(value, dict) else {}


def _is_sdk_class(kind: type) -> bool:
    is_known = kind.__module__.startswith("anthropic.types.") and kind.__dictoffset__ != 0
    if is_known:
        _sdk_classes[id(kind)] = kind
    return is_known


# By id, because a metaclass of the application's may have another hash. They live as long as the SDK.
_sdk_classes: Final[dict[int, type]] = {}

type_of: Final[Callable[[object], type[object]]] = cast("Any", type)
"""`type`, for code that must know what it gives: checkers take that of a value of any type for unknown."""

new_tuple: Final[Callable[[type[Any], Iterable[object]], Any]] = cast("Any", tuple).__new__
"""Makes a named tuple of its values, in a sixth of the time that its construction by name takes."""

mro_of: Final[Callable[[type], tuple[type, ...]]] = type.__dict__["__mro__"].__get__
"""The classes that a class is made of, even if its metaclass lies about them."""


def forgotten_with(thing: T, entries: dict[int, Any]) -> ref[T]:
    """A weak reference to `thing`, whose end removes what `entries` has for its id. `TypeError` if it takes none."""
    key = id(thing)
    return ref(thing, lambda _: entries.pop(key, None))


def _is_mapping(value: Any) -> bool:
    """Whether `value` is a mapping. Asks once for each class, because the answer takes microseconds."""
    kind = type_of(value)
    key = id(kind)
    known = _no_mappings.get(key)
    if known is not None and known() is kind:
        return False
    _is_sdk_class(kind)  # for the next time
    if isinstance(value, Mapping):
        return True
    # A proxy is what its own `__class__` says, each of them.
    if not any("__class__" in vars(base) for base in mro_of(kind)[:-1]):
        _no_mappings[key] = forgotten_with(kind, _no_mappings)
    return False


_no_mappings: Final[dict[int, ref[type]]] = {}


def _field(value: Any, name: str) -> object:
    return value.get(name) if _is_mapping(value) else getattr(value, name, None)


def _fields(value: Any, names: tuple[str, ...]) -> Sequence[object]:
    if _is_mapping(value):
        return [*map(value.get, names)]
    return _attributes(value, names)


def _attributes(thing: object, names: tuple[str, ...]) -> Sequence[object]:
    return [getattr(thing, name, None) for name in names]
