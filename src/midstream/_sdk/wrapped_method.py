"""What stands in the SDK in place of a method: a wrapt wrapper that copies and pickles like the method itself.

It carries the mark by which copies of midstream in one process find each other.
"""

from __future__ import annotations

import copy
from types import MethodType
from typing import TYPE_CHECKING, Any, Final

import wrapt

from midstream._guard import attempt

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import SupportsIndex

    _Function = wrapt.FunctionWrapper[..., Any]
    _Bound = wrapt.BoundFunctionWrapper[..., Any]
else:
    # wrapt 1 has no types, and its classes take no parameters.
    _Function, _Bound = wrapt.FunctionWrapper, wrapt.BoundFunctionWrapper


_MARK: Final = "_self_midstream"
"""The attribute of a wrapper with its mark. Other copies of midstream look for this name, so it must not change."""

_HOME: Final = "_self_home"


class _ByName:
    """Copies and pickles a wrapped method like a method: by name, with the object that it is bound to."""

    # Neither a `__dict__` nor annotations: they would hide those of the method.
    __slots__ = ()

    def __copy__(self: Any) -> Any:
        return self if self._self_instance is None else getattr(self._self_instance, _home_of(self)[1])

    def __deepcopy__(self: Any, memo: dict[int, Any]) -> Any:
        if self._self_instance is None:
            return self
        return getattr(copy.deepcopy(self._self_instance, memo), _home_of(self)[1])

    def __reduce_ex__(self: Any, protocol: SupportsIndex) -> Any:
        del protocol
        owner, method = _home_of(self)
        return getattr, (owner if self._self_instance is None else self._self_instance, method)


class _BoundWrapper(_ByName, _Bound):
    """A `_Wrapper` that was looked up on a class or on an object."""


class _Wrapper(_ByName, _Function):
    """A wrapped method, with its mark and its home: the class and the name."""

    __bound_function_wrapper__ = _BoundWrapper


def _home_of(wrapper: Any) -> tuple[Any, str]:
    parent = wrapper._self_parent  # noqa: SLF001 - wrapt's name
    home: tuple[Any, str] = getattr(wrapper if parent is None else parent, _HOME)
    return home


def wrap(owner: Any, method: str, wrapper: Callable[..., Any], enabled: list[bool], mark: Callable[[], bool]) -> Any:
    """Puts a wrapped method in place of `owner.method`, and returns it.

    `wrapper` is called in place of the method until `enabled` is empty: wrapt looks twice for each call, and would call
    a function. `mark`, a bound method, is what `mark_on` finds on it.
    """
    made = wrapt.wrap_object(owner, method, _Wrapper, (wrapper, enabled))
    setattr(made, _HOME, (owner, method))
    setattr(made, _MARK, mark)
    return made


def mark_on(method: Any) -> MethodType | None:
    """The mark on a wrapped method, of this copy of midstream or of another. `None` if it has none. Never raises."""
    # A method that was looked up on the class, by another wrapper around it, is bound.
    parent: object = attempt(getattr, method, "_self_parent", None)
    found: object = attempt(getattr, method if parent is None else parent, _MARK, None)
    return found if isinstance(found, MethodType) else None  # a mock has every attribute


def layers(method: Any) -> Iterator[Any]:
    """`method`, and what it is wrapped around, outermost first."""
    while method is not None:
        yield method
        method = getattr(method, "__wrapped__", None)
