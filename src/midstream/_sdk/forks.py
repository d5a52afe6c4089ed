"""`os.fork()`: the calls that are open in the parent are the parent's to report."""

from __future__ import annotations

import os
import weakref
from typing import Final, Protocol

from midstream._guard import attempt


class ForkAware(Protocol):
    """State that a forked child resets."""

    def forked(self) -> None:
        """This process is a forked child. Other threads are gone; the locks that they held are still taken."""
        ...


_all: Final[weakref.WeakSet[ForkAware]] = weakref.WeakSet()


def at_fork(state: ForkAware) -> None:
    """Calls `state.forked()` in every child that is forked from now on, as long as `state` lives."""
    _all.add(state)


def _in_child() -> None:
    for state in list(_all):
        attempt(state.forked)


# Once: a handler cannot be unregistered. A system without the function has no fork.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)
