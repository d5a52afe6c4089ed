"""What a server did: an entry for each request. No bodies, no headers, no keys."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from midstream.faults.requests import Request
    from midstream.faults.scripts import Script

__all__ = ("KEPT", "End", "Entry", "Log", "Served")

KEPT: Final = 10_000
"""Entries that a log keeps: the last."""

_MAX_NAME_LENGTH: Final = 100


class End(str, Enum):
    """How far the answer to a request came."""

    PLAYING = "playing"
    """It is under way."""
    PLAYED = "played"
    """All that the scenario is was done. A client that has seen the end of its answer finds this."""
    LEFT = "left"
    """The client closed the connection before."""
    BROKEN = "broken"
    """The upstream broke off, and so did the answer."""
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
    model: str | None = None
    scenario: str | None = None
    resends: int = 0
    status: int | None = None
    end: End = End.PLAYING

    @classmethod
    def of(cls, request: Request, number: int) -> Served:
        """What is known of a request before it is answered."""
        return cls(number, request.method, request.path, resends=request.resends)


class Log:
    """The entries of one run of a server. `tell` is called with each that has ended, in the server's thread."""

    def __init__(self, tell: Callable[[Served], None] | None = None) -> None:
        self._tell = tell
        self._served: dict[int, Served] = {}

    @property
    def entries(self) -> tuple[Served, ...]:
        """The last `KEPT`, in the order in which the requests came."""
        return tuple(self._served.copy().values())

    @contextmanager
    def entry(self, served: Served) -> Generator[Entry]:
        """The entry of a request, which is answered in the `with` block."""
        entry = Entry(served, self._keep)
        self._keep(served)
        if len(self._served) > KEPT:
            del self._served[next(iter(self._served))]
        try:
            yield entry
        except BaseException as error:
            entry.note(end=End.LEFT if isinstance(error, OSError) else End.STOPPED)
            raise
        finally:
            if self._tell is not None:
                self._tell(entry.served)

    def _keep(self, served: Served) -> None:
        self._served[served.number] = served


class Entry:
    """An entry of the log while its request is answered."""

    def __init__(self, served: Served, keep: Callable[[Served], None]) -> None:
        self.served = served
        """What is known by now."""
        self._keep = keep

    def note(self, **changes: Any) -> None:
        """Something about it is known now, or has changed."""
        self.served = replace(self.served, **changes)
        self._keep(self.served)

    def named(self, model: str | None) -> None:
        """This is the model, or the id, that the request names."""
        self.note(model=model and model[:_MAX_NAME_LENGTH])

    def plays(self, script: Script) -> None:
        """This is going to be the answer."""
        self.named(script.model)
        self.note(scenario=script.scenario, status=script.status)
