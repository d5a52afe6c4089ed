"""What failures cost, and what retries and corrected errors have saved."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from midstream._outcomes import Outcome, Phase
from source import colours, names
from source.measures import ERRORS, LEAKING, STEP, WHOLE, calls, of_histogram
from source.panels import Bars, Query, Thresholds, Tile
from source.parts import ALLOWED, NONE, called
from source.prices import at_prices
from source.queries import FAILURES, any_of, ratio, total
from source.states import or_why_not
from source.variables import chosen

__all__ = ("LOSSES", "RESENDS", "SAVINGS")

_STREAMING: Final = frozenset(
    outcome
    for outcome in FAILURES
    if outcome not in {Outcome.HTTP_ERROR, Outcome.CONNECTION_ERROR, Outcome.CLIENT_ERROR}
)
"""The outcomes of calls that failed after their stream had begun."""

_OF_ALL: Final = Thresholds(colours.GOOD, ((ALLOWED, colours.WARNING), (5 * ALLOWED, colours.BAD)))
"""For a share of all that was spent: what the objective allows, and five times as much."""


@dataclass(frozen=True)
class _Loss:
    """Something that calls cost: how much was lost with those that failed, and how much all of them cost."""

    what: str
    unit: str
    lost: str
    spent: str
    moved_by: frozenset[Outcome]

    def tile(self, title: str, description: str) -> Tile:
        """The share that was lost, and the amount."""
        return Tile(
            title=title,
            description=description,
            queries=(
                Query(or_why_not(ratio(self.lost, self.spent)), f"of all {self.what} lost"),
                Query(self.lost, "lost", unit=self.unit),
            ),
            moved_by=self.moved_by,
            unit="percentunit",
            decimals=1,
            nothing=NONE,
            thresholds=_OF_ALL,
        )


_SECONDS: Final = chosen(names.DURATION)

_TIME: Final = _Loss(
    "time",
    "s",
    of_histogram("sum", _SECONDS.where(names.ERROR_TYPE, "", "!="), WHOLE),
    of_histogram("sum", _SECONDS, WHOLE),
    frozenset(FAILURES),
).tile(
    "Time lost",
    "The time that callers spent in calls that failed, with their retries, and its share of the time of all calls. "
    "Inference only.",
)

_BEGUN: Final = ERRORS.where(names.PHASE, any_of(phase for phase in Phase if phase is not Phase.REQUEST), "=~")
_BY: Final = (names.MODEL, names.TOKEN_TYPE)
_TOKENS: Final = chosen(names.TOKENS)
_INPUT: Final = _TOKENS.where(names.TOKEN_TYPE, "input")

_LOST: Final = (
    f"({of_histogram('sum', _INPUT, WHOLE, *_BY)}\n/ ({of_histogram('count', _INPUT, WHOLE, *_BY)} > 0))\n"
    f"* on ({names.MODEL}) group_left () {calls(_BEGUN, WHOLE, names.MODEL)}"
)
"""By model. The metric of tokens does not say which calls failed; their number and the mean of their model do."""

_LOST_TOKENS: Final = _Loss("input tokens", "short", total(_LOST), of_histogram("sum", _INPUT, WHOLE), _STREAMING).tile(
    "Tokens lost",
    "Input tokens of streams that failed after they had begun, and their share of all input tokens: an estimate, the "
    "number of these streams times the mean of their model. What they had already generated is not known.",
)

_LOST_MONEY: Final = _Loss(
    "money", "short", at_prices(_LOST), at_prices(of_histogram("sum", _TOKENS, WHOLE, *_BY)), _STREAMING
).tile(
    "Money lost",
    "The price of these input tokens, in the currency of your prices, and its share of the price of all tokens. "
    "`midstream dashboards export --prices FILE` makes the rules with your prices; without them this is empty.",
)

_RESENT: Final = chosen(names.RESENDS)
_RETRIED: Final = calls(_RESENT.ended(Outcome.COMPLETED), WHOLE)

_SAVED: Final = Tile(
    title="Saved by retries",
    description="Requests that the SDK sent again for calls that then completed, and their share of all that it sent "
    "again. Without its retries, these calls would have failed.",
    queries=(
        Query(or_why_not(_RETRIED), "resends of calls that completed"),
        Query(ratio(_RETRIED, calls(_RESENT, WHOLE)), "of all resends", unit="percentunit"),
    ),
    moved_by=frozenset(),
    decimals=0,
    nothing=NONE,
    leads_on=False,
)

_CORRECTABLE: Final = LEAKING | {Outcome.IN_BAND_ERROR, Outcome.TRUNCATED}
_WRONG: Final = ERRORS.ended(*(outcome for outcome in Outcome if outcome in _CORRECTABLE))
_CORRECTED: Final = calls(_WRONG.where(names.CORRECTED, "true"), WHOLE)

_HANDLED: Final = Tile(
    title="Saved by correcting errors",
    description="Failures for which the application got the corrected exception, in place of a wrong status, a leaked "
    "exception or none, and their share of the failures that can be corrected. None unless corrected errors are on.",
    queries=(
        Query(or_why_not(_CORRECTED), "failures that code can handle"),
        Query(ratio(_CORRECTED, calls(_WRONG, WHOLE)), "of those that can be corrected", unit="percentunit"),
    ),
    moved_by=frozenset(),
    decimals=0,
    nothing=NONE,
)

LOSSES: Final = (_TIME, _LOST_TOKENS, _LOST_MONEY)
SAVINGS: Final = (_SAVED, _HANDLED)

RESENDS: Final = Bars(
    title="Resends",
    description="Requests that the SDK sent again in the interval before each point, by how their call ended. A call "
    "that a retry saved is completed.",
    queries=(Query(calls(_RESENT, STEP, names.OUTCOME), called(names.OUTCOME)),),
    moved_by=frozenset(),
    decimals=0,
    nothing=NONE,
    colours=colours.OUTCOMES,
)
