"""The log of a server: an entry for each request. No bodies, no headers, no keys."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any, Final

from midstream.faults._script import Script

_MAX_ENTRIES: Final = 10_000
_MAX_NAME_LENGTH: Final = 100


class End(str, Enum):
    """How far the answer to a request got."""

    PLAYING = "playing"
    """It is under way."""
    PLAYED = "played"
    """The whole scenario was played. A client that has seen the end of its answer finds this."""
    LEFT = "left"
    """The client closed the connection before that."""
    BROKEN = "broken"
    """The upstream broke off, and so did the answer."""
    STOPPED = "stopped"
    """The server was stopped before that."""


@dataclass(frozen=True, slots=True)
class Served:
    """One request, and what the server did with it.

    `method` and `path`, which has no query, are empty if it was not HTTP. `model` is the model, or the id, in the
    request; None if there was none. `scenario` is the scenario played; None if the request was refused. `resends` is
    how often the SDK sent it before. `status` is the HTTP status of the answer; None if there was none.
    """

    number: int
    method: str
    path: str
    model: str | None = None
    scenario: str | None = None
    resends: int = 0
    status: int | None = None
    end: End = End.PLAYING


class Log:
    """The last 10,000 entries of one run of a server. `tell` is called with each entry that has ended."""

    def __init__(self, tell: Callable[[Served], None] | None = None) -> None:
        self._tell = tell
        self._served: dict[int, Served] = {}

    @property
    def entries(self) -> tuple[Served, ...]:
        """The entries, in the order in which the requests came."""
        return tuple(self._served.copy().values())

    @contextmanager
    def entry(self, served: Served) -> Generator[LogEntry]:
        """The entry of a request, which is answered in the `with` block."""
        entry = LogEntry(served, self._keep)
        self._keep(served)
        if len(self._served) > _MAX_ENTRIES:
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


class LogEntry:
    """An entry of the log while its request is answered. `served` is what is known so far."""

    def __init__(self, served: Served, keep: Callable[[Served], None]) -> None:
        self.served = served
        self._keep = keep

    def note(self, **changes: Any) -> None:
        """Change fields of the entry."""
        self.served = replace(self.served, **changes)
        self._keep(self.served)

    def named(self, model: str | None) -> None:
        """Note the model, or the id, in the request."""
        self.note(model=model and model[:_MAX_NAME_LENGTH])

    def plays(self, script: Script) -> None:
        """Note that the answer is going to be this script."""
        self.named(script.model)
        self.note(scenario=script.scenario, status=script.status)
