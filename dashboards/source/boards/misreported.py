"""The board "Misreported 200s"."""

from __future__ import annotations

from typing import Final

from midstream._outcomes import Outcome
from source import colours, names
from source.board import Board, Row, Section, to
from source.measures import ERRORS, FAILED, IN_BAND, MISREPORTED, OPERATIONS, STEP, WHOLE, calls, number, share
from source.panels import Column, Lines, Query, Table, Tile
from source.parts import NO_TRAFFIC, NONE, PHASES, called, count, errors_over_time, share_of_errors
from source.queries import JUDGED, ratio

__all__ = ("BOARD",)

_BY: Final = frozenset({Outcome.IN_BAND_ERROR})
_DETAILED: Final = ERRORS.ended(Outcome.IN_BAND_ERROR)
_BY_THE_API: Final = (Outcome.HTTP_ERROR, Outcome.IN_BAND_ERROR)

_WORTH_A_RETRY: Final = "408|409|429|5.."

_COUNT: Final = count(
    "In-band errors",
    "Calls that the API answered with a 200, and then failed with an error event inside the stream.",
    Query(number(calls(IN_BAND, WHOLE)), "calls failed inside a 200 stream"),
    _BY,
)

_SHARE: Final = Tile(
    title="In-band errors per call",
    description="The share of calls that failed with an error event inside a 200 stream. Cancelled and abandoned calls "
    "are left out.",
    queries=(
        Query(
            ratio(
                calls(IN_BAND, WHOLE),
                calls(OPERATIONS.ended(*JUDGED), WHOLE),
            ),
            "of all calls",
        ),
    ),
    moved_by=_BY,
    unit="percentunit",
    decimals=2,
    nothing=NO_TRAFFIC,
)

_MISSED: Final = count(
    "Missed by a status check",
    "Failures whose exception has a status that is not the effective one. Code that looks for a 429, for a 529 or for "
    "500 and above takes them for a 200.",
    Query(number(calls(MISREPORTED, WHOLE)), "failures say the wrong status"),
    _BY,
)

_MISSED_SHARE: Final = share_of_errors(
    "Share that it misses",
    "The same, of all failures. An SDK that starts to report the effective status brings it to zero.",
    Query(share(calls(MISREPORTED, WHOLE), FAILED), "of all failures"),
    _BY,
)

_RETRY: Final = share_of_errors(
    "Worth a retry",
    "The share of in-band errors whose effective status is 408, 409, 429, or 500 and above. The SDK tries those again "
    "by itself, but only before the stream has begun.",
    Query(share(calls(_DETAILED.where(names.STATUS, _WORTH_A_RETRY, "=~"), WHOLE), _DETAILED), "of in-band errors"),
    _BY,
)

_TYPES: Final = errors_over_time(
    "By error type",
    "In-band errors in the interval before each point, by the API's error type.",
    _DETAILED,
    (names.ERROR_TYPE,),
    _BY,
)

_STATUSES: Final = errors_over_time(
    "By effective status",
    "In-band errors in the interval before each point, by the status that they would have had as an HTTP error. All of "
    "them came as a 200.",
    _DETAILED,
    (names.STATUS,),
    _BY,
)

_PHASES: Final = errors_over_time(
    "By phase",
    f"In-band errors in the interval before each point, by how far the answer was: {PHASES}.",
    _DETAILED,
    (names.PHASE,),
    _BY,
)

_MODELS: Final = errors_over_time(
    "By model",
    "In-band errors in the interval before each point, by the model that was asked for.",
    IN_BAND,
    (names.MODEL,),
    _BY,
)

_PLACES: Final = Lines(
    title="Before the stream, and inside it",
    description="Calls that the API itself failed, in the interval before each point: as HTTP errors, and in band. "
    "The more of them are in band, the less an HTTP dashboard knows.",
    queries=(Query(calls(OPERATIONS.ended(*_BY_THE_API), STEP, names.OUTCOME), called(names.OUTCOME)),),
    moved_by=frozenset(_BY_THE_API),
    decimals=0,
    nothing=NONE,
    colours=colours.of(*_BY_THE_API),
)

_BOTH_WAYS: Final = Table(
    title="The same error, both ways",
    description="Each error type of the API: how often it came in band, and how often as an HTTP error, which a status "
    "check sees.",
    queries=tuple(
        Query(f"{calls(selection, WHOLE, names.ERROR_TYPE, names.STATUS)} > 0")
        for selection in (_DETAILED, ERRORS.ended(Outcome.HTTP_ERROR))
    ),
    moved_by=frozenset(_BY_THE_API),
    nothing="-",
    columns=(
        Column(names.ERROR_TYPE, "Error type"),
        Column(names.STATUS, "Effective", 90),
        Column("Value #A", "In band", 80, decimals=0),
        Column("Value #B", "HTTP error", 100, decimals=0),
    ),
    sort_by="In band",
)

_DETAIL: Final = (names.MODEL, names.PROVIDER, names.OPERATION, names.ERROR_TYPE, names.STATUS, names.PHASE)

_DETAILS: Final = Table(
    title="In detail",
    description="In-band errors by all that is known of them. A click on the model shows this board for that model "
    "alone.",
    queries=(Query(f"{calls(_DETAILED, WHOLE, *_DETAIL)} > 0"),),
    moved_by=_BY,
    nothing=NONE,
    columns=(
        Column("Value", "Calls", 70, decimals=0),
        Column(names.ERROR_TYPE, "Error type"),
        Column(names.STATUS, "Effective", 90),
        Column(names.PHASE, "Phase", 90),
        Column(
            names.MODEL, "Model", links=(("This model alone", to("midstream-misreported", model="${__value.raw}")),)
        ),
        Column(names.PROVIDER, "Provider", 110),
        Column(names.OPERATION, "Operation", 110),
    ),
    sort_by="Calls",
)

BOARD: Final = Board(
    uid="midstream-misreported",
    name="Misreported 200s",
    description="Errors that the API sends inside a 200 stream. HTTP, and the status on the exception, tell a success.",
    sections=(
        Section(
            rows=(
                Row(6, ((5, _COUNT), (5, _SHARE), (5, _MISSED), (5, _MISSED_SHARE), (4, _RETRY))),
                Row(8, ((12, _TYPES), (12, _STATUSES))),
                Row(8, ((8, _PLACES), (8, _PHASES), (8, _MODELS))),
            ),
        ),
        Section("Details", (Row(10, ((9, _BOTH_WAYS), (15, _DETAILS))),)),
    ),
)
