"""The classes of the exceptions that can come out of the SDK, found by looking."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import pkgutil
from typing import TYPE_CHECKING, Any, cast

import anthropic

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ("exceptions_in", "importable", "sdk_exceptions")


def exceptions_in(module: Any) -> Iterator[type[BaseException]]:
    for value in cast("dict[str, Any]", vars(module)).values():
        if inspect.isclass(value) and issubclass(value, BaseException):
            yield value


def sdk_exceptions() -> set[type[BaseException]]:
    """Those of the public names, and of the modules that a call runs through."""
    modules = [module.name for module in pkgutil.iter_modules(anthropic.__path__, "anthropic.") if not module.ispkg]
    found = set(exceptions_in(anthropic))
    for module in modules:
        if "__main__" not in module:
            found.update(exceptions_in(importlib.import_module(module)))
    return {kind for kind in found if kind.__module__.partition(".")[0] == "anthropic"}


def importable(*names: str) -> list[Any]:
    return [importlib.import_module(name) for name in names if importlib.util.find_spec(name)]
