"""Plans: what happens to the next requests, whatever models they name."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import accumulate, cycle
from math import fsum
from random import Random
from typing import Final, Protocol

from midstream.faults._answers import DEFAULT_EVENTS
from midstream.faults._http_request import HttpRequest
from midstream.faults._scenario import Scenario
from midstream.faults._scenarios import planned

_KEY_HEADERS: Final = frozenset({"x-api-key", "authorization"})
_ALL: Final = 100
_ROUNDING: Final = 1e-9


class Plan(Protocol):
    """Chooses the scenarios of requests. A server calls it from one thread, once for each request that can fail."""

    def choose(self, request: HttpRequest, model: str) -> Scenario | None:
        """The scenario for a request that names `model`; None leaves the choice to the model.

        If a request has no model, `model` is the id of what it asks for.
        """
        ...


class Sequence:
    """A plan in which each request gets the next scenario. The last is followed by none, or by the first.

    `retry:N` stays until a request is the SDK's N-th attempt. Raises `ValueError` for a name that is not a scenario.
    """

    def __init__(self, names: Iterable[str], *, repeat: bool = False) -> None:
        scenarios = tuple(map(planned, names))
        self._following = cycle(scenarios) if repeat else iter(scenarios)
        self._next = next(self._following, None)

    def choose(self, request: HttpRequest, model: str) -> Scenario | None:
        """The next scenario; None after the last."""
        del model
        chosen = self._next
        if chosen is not None and request.resends + 1 >= chosen.attempts:
            self._next = next(self._following, None)
        return chosen


class Mix:
    """A plan that gives each request a random scenario, and leaves the rest of the requests alone.

    `shares` are percentages by scenario: `{"in_band": 5, "reset@2": 0.5}`. If a fault can come at any place and its
    name does not say which, the place is random too. The same `seed` repeats the choices: the n-th request gets what
    the n-th got. Raises `ValueError` for a name that is not a scenario, a share below 0, and a sum above 100.
    """

    def __init__(self, shares: Mapping[str, float], seed: int | None = None) -> None:
        for name, share in shares.items():
            if not 0 <= share <= _ALL:
                message = f"the share of {name} must be from 0 to 100 %, not {share:g} %"
                raise ValueError(message)
        total = fsum(shares.values())
        if total > _ALL + _ROUNDING:
            message = f"the shares must be 100 % at most together, not {total:g} %"
            raise ValueError(message)
        self._candidates = tuple(map(_candidates, shares))
        self._bounds = tuple(accumulate(shares.values()))
        self._random = Random(seed)  # noqa: S311 - repeatable draws are the point

    def choose(self, request: HttpRequest, model: str) -> Scenario | None:
        """The scenario drawn for the request; None leaves it alone."""
        del request, model
        draw, place = self._random.random() * _ALL, self._random.random()
        index = bisect_right(self._bounds, draw)
        if index == len(self._bounds):
            return None
        candidates = self._candidates[index]
        return candidates[int(place * len(candidates))]


def _candidates(name: str) -> tuple[Scenario, ...]:
    scenario = planned(name)
    if scenario.k is None or "@" in name:
        return (scenario,)
    return tuple(planned(f"{name}@{k}") for k in range(DEFAULT_EVENTS))


@dataclass(frozen=True)
class Rule:
    """A plan for the requests that `matches` picks, by the request and the model that it names."""

    matches: Callable[[HttpRequest, str], bool]
    plan: Plan


@dataclass(frozen=True)
class Rules:
    """A plan: the first rule that matches a request decides, even if its plan leaves the request alone."""

    rules: tuple[Rule, ...]

    def choose(self, request: HttpRequest, model: str) -> Scenario | None:
        """The scenario that the rule chooses; None if no rule matches."""
        found = next((rule for rule in self.rules if rule.matches(request, model)), None)
        return None if found is None else found.plan.choose(request, model)


def for_any(plan: Plan) -> Rule:
    """Return a rule for every request."""
    return Rule(lambda _request, _model: True, plan)


def for_model(pattern: str, plan: Plan) -> Rule:
    """Return a rule for the requests whose model matches `pattern`, in which `*` and `?` are wildcards."""
    return Rule(lambda _request, model: fnmatchcase(model, pattern), plan)


def for_key(ending: str, plan: Plan) -> Rule:
    """Return a rule for the requests whose API key or token ends with `ending`."""
    return Rule(
        lambda request, _model: any(
            value.endswith(ending) for name, value in request.headers if name.lower() in _KEY_HEADERS
        ),
        plan,
    )
