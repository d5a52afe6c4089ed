"""Mixes: a plan that breaks a share of the requests, drawn with a seed."""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate
from math import fsum
from random import Random
from typing import TYPE_CHECKING, Final

from midstream.faults.plans import scenario_named
from midstream.faults.scenarios import DEFAULT_EVENTS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from midstream.faults.requests import Request
    from midstream.faults.scenarios import Scenario

__all__ = ("Mix",)

_ALL: Final = 100
_ROUNDING: Final = 1e-9


class Mix:
    """A plan that gives each request a scenario by chance, and leaves the rest of them alone.

    `shares` are percentages by scenario: `{"in_band": 5, "reset@2": 0.5}`. Where a fault can come at any place and the
    name does not say at which, the place is drawn too. With the same `seed` the same comes again: the n-th request
    gets what the n-th got. Raises `ValueError` for a name that is no scenario, a share below 0, and a sum above 100.
    """

    def __init__(self, shares: Mapping[str, float], seed: int | None = None) -> None:
        for name, share in shares.items():
            if not 0 <= share <= _ALL:
                message = f"the share of {name} must be from 0 to 100 %, not {share:g} %"
                raise ValueError(message)
        whole = fsum(shares.values())
        if whole > _ALL + _ROUNDING:
            message = f"the shares must be 100 % at most together, not {whole:g} %"
            raise ValueError(message)
        self._candidates = tuple(map(_candidates, shares))
        self._bounds = tuple(accumulate(shares.values()))
        self._random = Random(seed)  # noqa: S311 - a draw that can be repeated is the point

    def choose(self, request: Request, model: str) -> Scenario | None:
        """What is drawn for the request; None if it is to be left alone."""
        del request, model
        draw, place = self._random.random() * _ALL, self._random.random()
        index = bisect_right(self._bounds, draw)
        if index == len(self._bounds):
            return None
        candidates = self._candidates[index]
        return candidates[int(place * len(candidates))]


def _candidates(name: str) -> tuple[Scenario, ...]:
    scenario = scenario_named(name)
    if scenario.k is None or "@" in name:
        return (scenario,)
    return tuple(scenario_named(f"{name}@{k}") for k in range(DEFAULT_EVENTS))
