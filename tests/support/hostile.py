"""Objects that raise, lie or never end when they are inspected, and what must come of them anyway."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from midstream._outcomes.classify import bounded_error_type

if TYPE_CHECKING:
    from collections.abc import Callable

    from midstream._outcomes import Failure

__all__ = (
    "MAKERS",
    "Agreeable",
    "EndlessMapping",
    "Explosive",
    "LyingMapping",
    "LyingNumber",
    "LyingText",
    "Unfinished",
    "assert_harmless",
    "raising",
)


def assert_harmless(failure: Failure) -> None:
    line = str(failure)
    assert (len(line) <= 1024, len(line.splitlines()) <= 1) == (True, True)
    texts = (
        failure.error_type,
        bounded_error_type(failure),
        failure.request_id,
        failure.in_band_request_id,
        failure.exception_type,
    )
    assert [text for text in texts if text is not None and (type(text) is not str or len(text) > 128)] == []
    assert failure.message is None or (type(failure.message), len(failure.message) <= 1024) == (str, True)
    for text in (*texts, failure.message, line):
        assert text is None or text.encode().decode() == text
    for status in (failure.status_code, failure.reported_status_code):
        assert status is None or (type(status), 100 <= status <= 999) == (int, True)
    assert failure.retry_after is None or 0 <= failure.retry_after <= 4_294_967


def raising(_self: object, *_args: object) -> NoReturn:
    raise RuntimeError


LOOKS = ("__getattribute__", "__str__", "__repr__", "__len__", "__iter__", "__hash__", "__bool__", "__eq__")
Explosive: Callable[[], object] = type("Explosive", (), dict.fromkeys(LOOKS, raising))
"""Raises at every access."""

NUMBERS = ("__int__", "__str__", "__repr__", "__lt__", "__le__", "__eq__")
LyingNumber: Callable[[int], int] = type("LyingNumber", (int,), dict.fromkeys(NUMBERS, raising))


class LyingText(str):
    __slots__ = ()

    def __str__(self) -> str:
        return "\n" * 5000

    def __getitem__(self, _key: Any) -> NoReturn:
        raise RuntimeError

    def __len__(self) -> NoReturn:
        raise RuntimeError

    def __bool__(self) -> NoReturn:
        raise RuntimeError


class LyingMapping(dict[str, Any]):
    def get(self, key: str, _default: Any = None) -> NoReturn:
        raise KeyError(key)


class EndlessMapping(dict[str, Any]):
    def get(self, _key: str, _default: Any = None) -> Any:
        return self


class Agreeable:
    """Has every attribute, as a mock has: itself."""

    def __getattr__(self, _name: str) -> Agreeable:
        return self


class Unfinished:
    """Makes another of its kind for every attribute, without an end."""

    def __getattr__(self, _name: str) -> Unfinished:
        return Unfinished()

    def __str__(self) -> str:
        return "x" * 1_000_000


MAKERS: list[Callable[[], object]] = [
    Explosive,
    Agreeable,
    Unfinished,
    lambda: LyingText("overloaded_error"),
    lambda: LyingNumber(529),
    lambda: LyingMapping(error=1),
    lambda: 10**5000,
    EndlessMapping,
    object,
    lambda: ValueError,
]
