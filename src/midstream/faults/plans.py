"""What happens to the next request, whatever model it names: plans that a server asks before it looks at the model."""

from __future__ import annotations

from itertools import cycle
from typing import TYPE_CHECKING, Final, Protocol

from midstream.faults.scenarios import parse

if TYPE_CHECKING:
    from collections.abc import Iterable

    from midstream.faults.requests import Request
    from midstream.faults.scenarios import Scenario

__all__ = ("HOW_TO_LIST", "Plan", "Sequence", "scenario_named")

HOW_TO_LIST: Final = "`midstream faults --list` and `midstream.faults.FAMILIES` list the scenarios"


class Plan(Protocol):
    """Chooses the scenarios of requests. A server asks it from one thread, once for each request that can fail."""

    def choose(self, request: Request, model: str) -> Scenario | None:
        """The scenario for a request that names `model`; None leaves that to the model.

        Where a request has no model, `model` is the id of what it asks for.
        """
        ...


def scenario_named(name: str) -> Scenario:
    """The scenario of a plan. Raises `ValueError` for a name that is none; its message says how to list them."""
    try:
        return parse(name, "scenario")
    except ValueError as error:
        message = f"{error}; {HOW_TO_LIST}"
        raise ValueError(message) from None


class Sequence:
    """A plan of so many requests: each gets the next scenario. After the last there is none, or the first again.

    `retry:N` stays until a request is the SDK's N-th attempt. Raises `ValueError` for a name that is no scenario.
    """

    def __init__(self, names: Iterable[str], *, repeat: bool = False) -> None:
        scenarios = tuple(map(scenario_named, names))
        self._following = cycle(scenarios) if repeat else iter(scenarios)
        self._next = next(self._following, None)

    def choose(self, request: Request, model: str) -> Scenario | None:
        """The scenario whose turn it is; None after the last."""
        del model
        chosen = self._next
        if chosen is not None and request.resends + 1 >= chosen.attempts:
            self._next = next(self._following, None)
        return chosen
