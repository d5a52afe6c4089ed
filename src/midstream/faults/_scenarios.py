"""From a model name to its scenario, and from a scenario to the end of a call.

A model name is `family`, `family:argument`, `family@K` or `family:argument@K`. K is how many events, not counting
pings, the server sends before the fault. The default answer has nine events, so K is 0 (before `message_start`) to 8
(before `message_stop`). Without it, K is 4: two content deltas have arrived. The other streams have nine pieces too:
events, lines or parts of a file. Batch results and files are not event streams, and refuse errors in band with a 400.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from midstream._outcomes.vocabulary import Phase
from midstream.faults._ends import completed
from midstream.faults._families import FAMILIES
from midstream.faults._family import ATTEMPTS, Argument, Family, K, quoted
from midstream.faults._scenario import Expectation, Operation, Scenario
from midstream.faults._script import Script
from midstream.faults._scripts import Case

HOW_TO_LIST: Final = "`midstream faults --list` and `midstream.faults.FAMILIES` list the scenarios"

_PHASE_AFTER: Final = (*[Phase.OPENING] * 3, *[Phase.CONTENT] * 5, Phase.CLOSING)
_UNLISTED: Final = Family("", "", completed)


def parse(model: str, called: str = "model") -> Scenario:
    """Return the scenario that `model` names.

    Raises `ValueError` if it is not the name of a scenario. The message calls it `called`, and says what is wrong with
    it and what is allowed.
    """
    before, at, k = model.rpartition("@")
    name, colon, argument = (before if at else model).partition(":")
    family = FAMILIES.get(name)
    if family is None:
        raise _not_a_scenario(called, model, f"the families are {', '.join(FAMILIES)}")
    try:
        chosen_argument = _chosen(family.argument, argument if colon else None)
        chosen_k = _chosen(K if family.placed else None, k if at else None)
    except ValueError as error:
        raise _not_a_scenario(called, model, f"{error}; the spelling is {family.spelling}") from None
    events = None if chosen_k is None else int(chosen_k)
    return Scenario(
        name=model,
        family=family.name,
        explanation=family.explain(chosen_argument or "", chosen_k or ""),
        expectation=family.ends(chosen_argument or "", _PHASE_AFTER[events or 0]),
        argument=chosen_argument,
        k=events,
        attempts=int(chosen_argument or 1) if family.argument is ATTEMPTS else 1,
    )


def planned(name: str) -> Scenario:
    """Return the scenario of a plan. Raises `ValueError` as `parse` does; its message says how to list the names."""
    try:
        return parse(name, "scenario")
    except ValueError as error:
        message = f"{error}; {HOW_TO_LIST}"
        raise ValueError(message) from None


def family_of(scenario: Scenario) -> Family:
    """Return the row of a scenario's family. An unlisted family answers whole."""
    return FAMILIES.get(scenario.family, _UNLISTED)


def play(case: Case) -> Script:
    """Return what the server does about a request for a scenario."""
    script = family_of(case.scenario).script_for(case.kind)(case)
    return replace(script, scenario=case.scenario.name)


def expectation_of(scenario: Scenario, operation: Operation, *, streamed: bool = True) -> Expectation:
    """Return how a call of `operation` for `scenario` ends.

    `streamed` says whether the application reads the body as it arrives. Batch results and the events of a session
    always are; a token count never is; `files.download()` is not, and its `with_streaming_response` is.
    """
    family = family_of(scenario)
    ends = family.otherwise.get(operation) or (None if streamed else family.unstreamed)
    if ends is not None:
        return ends(scenario.argument or "", Phase.OPENING)
    if not streamed or operation == "chat" or scenario.k is None:
        return scenario.expectation
    return replace(scenario.expectation, phase=Phase.CONTENT if scenario.k else Phase.OPENING)


def _not_a_scenario(called: str, model: str, reason: str) -> ValueError:
    return ValueError(f"{called} {quoted(model)} is not a scenario: {reason}")


def _chosen(expected: Argument | None, text: str | None) -> str | None:
    if expected is not None:
        return expected.default if text is None else expected.check(text)
    if text is None:
        return None
    message = f"{quoted(text)} is more than it takes"
    raise ValueError(message)


OK: Final = parse("ok")
"""The whole answer."""
