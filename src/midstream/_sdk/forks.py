"""Forked processes: the calls that are under way at `os.fork()` are the parent's."""

from __future__ import annotations

import os
import weakref
from typing import Final, Protocol

from midstream._guard import attempt


class Forked(Protocol):
    """What a forked child begins anew."""

    def forked(self) -> None:
        """This process is a forked child. Other threads are gone, with the locks that they held."""
        ...


_all: Final[weakref.WeakSet[Forked]] = weakref.WeakSet()


def at_fork(state: Forked) -> None:
    """Has `state.forked()` called in every child that is forked from now on, as long as `state` lives."""
    _all.add(state)


def _in_child() -> None:
    for state in list(_all):
        attempt(state.forked)


# Once, for it cannot be taken back. There is none where there is no fork.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)
