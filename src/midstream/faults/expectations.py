"""How the calls of each operation end. `Scenario.expectation` is for a message stream; its family has the others."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from midstream._outcomes.vocabulary import Phase
from midstream.faults.scenarios import Operation, family_of

if TYPE_CHECKING:
    from midstream.faults.scenarios import Expectation, Scenario

__all__ = ("Operation", "expectation_of")


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
