"""What failures cost, and what retries and corrected errors have saved."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from midstream._outcomes import Outcome, Phase
from source import colours, names
from source.measures import ERRORS, LEAKING, STEP, WHOLE, calls, of_histogram
from source.panels import Bars, Query, Thresholds, Tile
from source.parts import ALLOWED, NONE, called, with_trend
from source.prices import at_prices
from source.queries import FAILURES, any_of, ratio, total
from source.variables import chosen

if TYPE_CHECKING:
    from collections.abc import Callable

    from source.queries import Selection

__all__ = ("LOSSES", "RESENDS", "SAVINGS")

_STREAMING: Final = frozenset(
    outcome
    for outcome in FAILURES
    if outcome not in {Outcome.HTTP_ERROR, Outcome.CONNECTION_ERROR, Outcome.CLIENT_ERROR}
)
"""The outcomes of calls that failed after their stream had begun."""

_OF_ALL: Final = Thresholds(colours.GOOD, ((ALLOWED, colours.WARNING), (5 * ALLOWED, colours.BAD)))
"""For a share of all that was spent: what the objective allows, and five times as much."""

_ANY_IS_GOOD: Final = Thresholds("text", ((0.5, colours.GOOD),))
"""For what was saved."""


@dataclass(frozen=True)
class _Loss:
    """Something that calls cost: how much was lost with those that failed, and how much all of them cost."""

    what: str
    unit: str
    lost: Callable[[str], str]
    spent: Callable[[str], str]
    """Both in a window."""
    moved_by: frozenset[Outcome]

    def tile(self, title: str, description: str) -> Tile:
        """The share that was lost, and the amount."""
        share, last = with_trend(
            lambda window: ratio(self.lost(window), self.spent(window)), f"of all {self.what} lost"
        )
        return Tile(
            title=title,
            description=description,
            queries=(share, Query(self.lost(WHOLE), "lost", unit=self.unit), last),
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
    lambda window: of_histogram("sum", _SECONDS.where(names.ERROR_TYPE, "", "!="), window),
    lambda window: of_histogram("sum", _SECONDS, window),
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


def _lost(window: str) -> str:
    """By model. The metric of tokens does not say which calls failed; their number and the mean of their model do."""
    return (
        f"({of_histogram('sum', _INPUT, window, *_BY)}\n/ ({of_histogram('count', _INPUT, window, *_BY)} > 0))\n"
        f"* on ({names.MODEL}) group_left () {calls(_BEGUN, window, names.MODEL)}"
    )


_LOST_TOKENS: Final = _Loss(
    "input tokens",
    "short",
    lambda window: total(_lost(window)),
    lambda window: of_histogram("sum", _INPUT, window),
    _STREAMING,
).tile(
    "Tokens lost",
    "Input tokens of streams that failed after they had begun, and their share of all input tokens: an estimate, the "
    "number of these streams times the mean of their model. What they had already generated is not known.",
)

_LOST_MONEY: Final = _Loss(
    "money",
    "short",
    lambda window: at_prices(_lost(window)),
    lambda window: at_prices(of_histogram("sum", _TOKENS, window, *_BY)),
    _STREAMING,
).tile(
    "Money lost",
    "The price of these input tokens, in the currency of your prices, and its share of the price of all tokens. "
    "`midstream dashboards export --prices FILE` makes the rules with your prices; without them this is empty.",
)

_RESENT: Final = chosen(names.RESENDS)


def _of(part: Selection, whole: Selection, sentence: str, of: str) -> tuple[Query, ...]:
    """How many, their share, and how many lately."""
    number, last = with_trend(lambda window: calls(part, window), sentence)
    return (number, Query(ratio(calls(part, WHOLE), calls(whole, WHOLE)), of, unit="percentunit"), last)


_SAVED: Final = Tile(
    title="Saved by retries",
    description="Requests that the SDK sent again for calls that then completed, and their share of all that it sent "
    "again. Without its retries, these calls would have failed.",
    queries=_of(_RESENT.ended(Outcome.COMPLETED), _RESENT, "resends that helped", "of all resends"),
    moved_by=frozenset(),
    decimals=0,
    nothing=NONE,
    thresholds=_ANY_IS_GOOD,
    leads_on=False,
)

_CORRECTABLE: Final = LEAKING | {Outcome.IN_BAND_ERROR, Outcome.TRUNCATED}
_WRONG: Final = ERRORS.ended(*(outcome for outcome in Outcome if outcome in _CORRECTABLE))

_HANDLED: Final = Tile(
    title="Saved by correcting errors",
    description="Failures for which the application got the corrected exception, in place of a wrong status, a leaked "
    "exception or none, and their share of the failures that can be corrected. None unless corrected errors are on.",
    queries=_of(_WRONG.where(names.CORRECTED, "true"), _WRONG, "corrected failures", "of correctable ones"),
    moved_by=frozenset(),
    decimals=0,
    nothing=NONE,
    thresholds=_ANY_IS_GOOD,
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
