"""What a server did: an entry for each request. No bodies, no headers, no keys."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ("KEPT", "End", "Log", "Served")

KEPT: Final = 10_000
"""Entries that a log keeps: the last."""


class End(str, Enum):
    """How far the answer to a request came."""

    PLAYING = "playing"
    """It is under way."""
    PLAYED = "played"
    """All that the scenario is was done. A client that has seen the end of its answer finds this."""
    LEFT = "left"
    """The client closed the connection before."""
    STOPPED = "stopped"
    """The server was stopped before."""


@dataclass(frozen=True, slots=True)
class Served:
    """One request, and what was done about it.

    `method` and `path`, which is without the query, are empty if it was no HTTP. `model` is the model, or the id,
    that it named; None if it named none. `scenario` is what was played; None if the request was refused. `resends` is
    how often the SDK had sent it before. `status` is the HTTP status of the answer; None if there was none.
    """

    number: int
    method: str
    path: str
    model: str | None
    scenario: str | None
    resends: int
    status: int | None
    end: End = End.PLAYING


class Log:
    """The entries of one run of a server. `tell` is called with each that has ended, in the server's thread."""

    def __init__(self, tell: Callable[[Served], None] | None = None) -> None:
        self._tell = tell
        self._served: dict[int, Served] = {}

    @property
    def entries(self) -> tuple[Served, ...]:
        """The last `KEPT`, in the order in which the requests came."""
        return tuple(self._served.copy().values())

    def begun(self, served: Served) -> None:
        """A request is going to be answered."""
        self._served[served.number] = served
        if len(self._served) > KEPT:
            del self._served[next(iter(self._served))]

    def ends(self, number: int, end: End) -> None:
        """An answer is ending like this. What is said later replaces it."""
        if number in self._served:
            self._served[number] = replace(self._served[number], end=end)

    def ended(self, number: int) -> None:
        """An answer has ended as it was said before."""
        if self._tell is not None and number in self._served:
            self._tell(self._served[number])
