"""The board "Error budget". It needs the recording rules."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from source import colours, names
from source.board import Board, Row, Section
from source.links import to
from source.measures import STEP, WHOLE
from source.objective import BURNS, OBJECTIVE, PERIOD, SHORTEST, WINDOWS
from source.panels import Lines, Query, Thresholds, Tile
from source.parts import ALLOWED, NO_TRAFFIC, NONE, called
from source.queries import FAILURES, JUDGED, TARGET, ratio, total
from source.recording import eligible, operations
from source.variables import chosen

if TYPE_CHECKING:
    from collections.abc import Iterable

    from midstream._outcomes import Outcome
    from source.queries import Selection
from source.states import or_why_not
from source.tables import Column, Table

__all__ = ("BOARD",)

_BY: Final = frozenset(FAILURES)
_GOAL: Final = f"{100 * OBJECTIVE:g} %"
_FACTORS: Final = sorted(burn.factor for burn in BURNS)

_RARELY: Final = "30m"
"""How often the period of the budget reads a recorded rate."""

_BURNING: Final = Thresholds(colours.GOOD, ((_FACTORS[0], colours.WARNING), (_FACTORS[-1], colours.BAD)))
_LEFT_OVER: Final = Thresholds(colours.BAD, ((0, colours.WARNING), (0.25, colours.GOOD)))


def _recorded(window: str, outcomes: Iterable[Outcome]) -> Selection:
    """Without the calls that the objective does not count."""
    return chosen(eligible(operations(window))).ended(*outcomes)


def _of_calls(window: str, *by: str) -> str:
    """The share of calls that failed in a recorded window."""
    return ratio(*(total(str(_recorded(window, outcomes)), *by) for outcomes in (FAILURES, JUDGED)))


def _in_period(*by: str) -> str:
    """The share of calls that failed in the whole period: a quiet hour counts for less than a busy one."""
    sums = (f"sum_over_time({_recorded(_RARELY, outcomes)}[{PERIOD}:{_RARELY}])" for outcomes in (FAILURES, JUDGED))
    return ratio(*(total(one, *by) for one in sums))


def _burn(share: str) -> str:
    return f"{share} / {ALLOWED}"


def _so_far(share: str, sentence: str) -> tuple[Query, ...]:
    """Of the whole period: now, and as it was before."""
    return (
        Query(or_why_not(share, WHOLE), sentence),
        Query(or_why_not(share, STEP), "over time", over_time=True),
    )


_LEFT: Final = Tile(
    title="Error budget left",
    description=f"The remaining share of the failures that the objective of {_GOAL} allows in {PERIOD}. Below zero, "
    "the objective is missed.",
    queries=_so_far(f"1 - {_burn(_in_period())}", f"of the budget of {PERIOD} is left"),
    moved_by=_BY,
    at_rest=1,
    unit="percentunit",
    decimals=1,
    nothing=NO_TRAFFIC,
    thresholds=_LEFT_OVER,
)

_SUCCESS: Final = Tile(
    title="Actual success",
    description=f"The share of calls in {PERIOD} that really succeeded, of those that the objective counts: not those "
    f"that the caller caused to fail. The objective is {_GOAL}.",
    queries=_so_far(f"1 - {_in_period()}", f"of calls in {PERIOD}; the objective is {_GOAL}"),
    moved_by=_BY,
    at_rest=1,
    unit="percentunit",
    decimals=2,
    nothing=NO_TRAFFIC,
    thresholds=Thresholds(colours.BAD, ((OBJECTIVE, colours.GOOD),)),
)

_NOW: Final = Tile(
    title="Burn rate now",
    description=f"How fast the budget is used over the last hour. At 1, it lasts exactly {PERIOD}.",
    queries=(
        Query(or_why_not(_burn(_of_calls("1h")), WHOLE), "times as fast as the budget lasts"),
        Query(or_why_not(_burn(_of_calls(SHORTEST)), STEP), f"in the last {SHORTEST}", over_time=True),
    ),
    moved_by=_BY,
    unit="none",
    decimals=1,
    nothing=NO_TRAFFIC,
    thresholds=_BURNING,
)

_ALERTS: Final = "; ".join(f"{burn.long} and {burn.short} above {burn.factor:g}" for burn in BURNS)

_PER_WINDOW: Final = Tile(
    title="Burn rate per window",
    description="How fast the budget is used, over each recorded window. An alert needs a long and a short window "
    f"above its factor: {_ALERTS}.",
    queries=tuple(Query(or_why_not(_burn(_of_calls(window)), STEP), window, over_time=True) for window in WINDOWS),
    moved_by=_BY,
    unit="none",
    decimals=1,
    nothing=NO_TRAFFIC,
    thresholds=_BURNING,
)

_LINES: Final = tuple(f"{burn.long} ({burn.severity} from {burn.factor:g})" for burn in BURNS)

_OVER_TIME: Final = Lines(
    title="Burn rate over time",
    description="The burn rate over the long window of each alert. The dashed lines are the factors at which the "
    "alerts fire.",
    queries=tuple(Query(_burn(_of_calls(burn.long)), name) for burn, name in zip(BURNS, _LINES, strict=True)),
    moved_by=_BY,
    unit="none",
    nothing=NO_TRAFFIC,
    colours=dict(zip(_LINES, colours.WINDOWS, strict=True)),
    limits=Thresholds("transparent", tuple((factor, "text") for factor in _FACTORS)),
)

_SPENDERS: Final = Lines(
    title="Where the budget goes",
    description="The share of calls that failed in the last hour, by outcome, stacked. The dashed line shows what the "
    "objective allows.",
    queries=(
        Query(
            f"{total(str(_recorded('1h', FAILURES)), names.OUTCOME)}"
            f" / on () group_left () ({total(str(_recorded('1h', JUDGED)))} > 0)",
            called(names.OUTCOME),
        ),
    ),
    moved_by=_BY,
    unit="percentunit",
    nothing=NO_TRAFFIC,
    colours=colours.of(*FAILURES),
    stacked=True,
    limits=Thresholds("transparent", ((ALLOWED, "text"),)),
)

_SERVICES: Final = Table(
    title="By service",
    description=f"The burn rate of each service over four windows, and its remaining budget of {PERIOD}.",
    queries=(
        *(Query(_burn(_of_calls(burn.long, *TARGET))) for burn in BURNS),
        Query(f"1 - {_burn(_in_period(*TARGET))}"),
    ),
    moved_by=None,
    unit="none",
    nothing="-",
    columns=(
        *(
            Column(
                one.label,
                one.title,
                links=(("What really happened", to("midstream-outcomes", **{one.variable: "${__value.raw}"})),),
            )
            for one in names.DIMENSIONS
        ),
        *(
            Column(f"Value #{letter}", burn.long, 70, decimals=1, thresholds=_BURNING)
            for letter, burn in zip("ABCD", BURNS, strict=True)
        ),
        Column("Value #E", "Budget left", 110, "percentunit", 1, _LEFT_OVER),
    ),
    sort_by=BURNS[0].long,
)

_FAILED_LATELY: Final = _recorded("3d", FAILURES)

_USERS: Final = Table(
    title="What used it in 3 days",
    description="The failures of the last 3 days by model and outcome, as a share of all failures.",
    queries=(
        Query(
            f"{total(str(_FAILED_LATELY), names.MODEL, names.OUTCOME)}"
            f" / on () group_left () ({total(str(_FAILED_LATELY))} > 0) > 0"
        ),
    ),
    moved_by=_BY,
    unit="percentunit",
    nothing=NONE,
    columns=(
        Column("Value", "Of all failures", 120, decimals=1),
        Column(names.OUTCOME, "Outcome"),
        Column(
            names.MODEL, "Model", links=(("What really happened", to("midstream-outcomes", model="${__value.raw}")),)
        ),
    ),
    sort_by="Of all failures",
)

BOARD: Final = Board(
    uid="midstream-budget",
    name="Error budget",
    description=f"The failures that the objective of {_GOAL} still allows, and how fast they are used up. Needs the "
    "recording rules.",
    sections=(
        Section(
            rows=(
                Row(6, ((8, _LEFT), (8, _SUCCESS), (8, _NOW))),
                Row(5, ((24, _PER_WINDOW),)),
                Row(9, ((12, _OVER_TIME), (12, _SPENDERS))),
                Row(9, ((14, _SERVICES), (10, _USERS))),
            ),
        ),
    ),
)
