"""`with midstream.corrected_errors():` the calls that start inside it raise corrected errors."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

_NONE: Final[frozenset[object]] = frozenset()
_entered: Final[ContextVar[frozenset[object]]] = ContextVar("midstream_corrected_errors", default=_NONE)


def is_requested_here() -> bool:
    """Whether this code runs inside `corrected_errors()`. Never raises."""
    return bool(_entered.get())


class Scope:
    """Requests corrected errors for the calls that start inside it, in this context and in copies of it.

    A new thread has a new context, so it starts outside. Scopes nest, and can be left in any order and in another
    context than they were entered in, as by a generator that is closed from outside.
    """

    __slots__ = ("_prepare",)

    def __init__(self, prepare: Callable[[], object]) -> None:
        self._prepare = prepare
        """Is called before the scope is entered, each time."""

    def __enter__(self) -> None:
        self._prepare()
        _entered.set(_entered.get() | {self})

    def __exit__(self, *_: object) -> None:
        # Not `reset`: it would also undo what was entered meanwhile, and fails in another context.
        _entered.set(_entered.get() - {self})
