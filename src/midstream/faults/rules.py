"""Plans for some of the requests: those for a model, or with a key."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from midstream.faults.plans import Plan
    from midstream.faults.requests import Request
    from midstream.faults.scenarios import Scenario

__all__ = ("Rule", "Rules", "for_any", "for_key", "for_model")

_KEYS: Final = frozenset({"x-api-key", "authorization"})


@dataclass(frozen=True)
class Rule:
    """A plan for the requests that `matches` picks, by the request and the model that it names."""

    matches: Callable[[Request, str], bool]
    plan: Plan


@dataclass(frozen=True)
class Rules:
    """A plan: the first rule that matches a request decides, even if its plan leaves the request alone."""

    rules: tuple[Rule, ...]

    def choose(self, request: Request, model: str) -> Scenario | None:
        """What the rule chooses; None if no rule matches."""
        found = next((rule for rule in self.rules if rule.matches(request, model)), None)
        return None if found is None else found.plan.choose(request, model)


def for_any(plan: Plan) -> Rule:
    """A rule for every request."""
    return Rule(lambda _request, _model: True, plan)


def for_model(pattern: str, plan: Plan) -> Rule:
    """A rule for the requests whose model is `pattern`, in which `*` and `?` stand for other characters."""
    return Rule(lambda _request, model: fnmatchcase(model, pattern), plan)


def for_key(ending: str, plan: Plan) -> Rule:
    """A rule for the requests whose API key or token ends with `ending`."""
    return Rule(
        lambda request, _model: any(value.endswith(ending) for name, value in request.headers if name.lower() in _KEYS),
        plan,
    )
