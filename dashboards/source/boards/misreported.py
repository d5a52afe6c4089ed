"""The board "Misreported 200s"."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from midstream._outcomes import Outcome
from source import colours, names
from source.board import Board, Row, Section
from source.links import to
from source.measures import ERRORS, FAILED, IN_BAND, MISREPORTED, OPERATIONS, STEP, WHOLE, calls, share
from source.panels import Lines, Query, Tile
from source.parts import HIDDEN, NO_TRAFFIC, NONE, PHASES, called, count, errors_over_time, share_of_errors, with_trend
from source.queries import JUDGED, ratio
from source.tables import Column, Table

__all__ = ("BOARD",)

_BY: Final = frozenset({Outcome.IN_BAND_ERROR})
_DETAILED: Final = ERRORS.ended(Outcome.IN_BAND_ERROR)
_BY_THE_API: Final = (Outcome.HTTP_ERROR, Outcome.IN_BAND_ERROR)

_WORTH_A_RETRY: Final = "408|409|429|5.."

_COUNT: Final = count(
    "In-band errors",
    "Calls with status 200 that failed with an error event inside the stream.",
    lambda window: calls(IN_BAND, window),
    "in 200 streams",
    _BY,
)

_SHARE: Final = Tile(
    title="In-band errors per call",
    description="The share of calls that failed with an error event inside a 200 stream. Cancelled and abandoned calls "
    "are not counted.",
    queries=with_trend(
        lambda window: ratio(calls(IN_BAND, window), calls(OPERATIONS.ended(*JUDGED), window)), "of all calls"
    ),
    moved_by=_BY,
    unit="percentunit",
    decimals=2,
    nothing=NO_TRAFFIC,
    thresholds=HIDDEN,
)

_MISSED: Final = count(
    "Missed by a status check",
    "Failures whose exception does not have the effective status. Code that checks for 429, 529 or 500 and above "
    "sees a 200.",
    lambda window: calls(MISREPORTED, window),
    "with a wrong status",
    _BY,
)

_MISSED_SHARE: Final = share_of_errors(
    "Share that it misses",
    "The same, as a share of all failures. With an SDK that reports the effective status, it is zero.",
    lambda window: share(calls(MISREPORTED, window), FAILED, window),
    "of all failures",
    _BY,
)

_RETRY: Final = replace(
    share_of_errors(
        "Worth a retry",
        "The share of in-band errors whose effective status is 408, 409, 429, or 500 and above. The SDK retries these "
        "errors, but only before the stream has begun.",
        lambda window: share(calls(_DETAILED.where(names.STATUS, _WORTH_A_RETRY, "=~"), window), _DETAILED, window),
        "of in-band",
        _BY,
    ),
    thresholds=None,  # neither is better
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
    "In-band errors in the interval before each point, by the status of the same HTTP error. All of them had "
    "status 200.",
    _DETAILED,
    (names.STATUS,),
    _BY,
)

_PHASES: Final = errors_over_time(
    "By phase",
    f"In-band errors in the interval before each point, by phase: {PHASES}.",
    _DETAILED,
    (names.PHASE,),
    _BY,
)

_MODELS: Final = errors_over_time(
    "By model",
    "In-band errors in the interval before each point, by requested model. Operations without a model are not shown.",
    IN_BAND.where(names.MODEL, "", "!="),
    (names.MODEL,),
    _BY,
)

_PLACES: Final = Lines(
    title="Before the stream, and inside it",
    description="Errors of the API in the interval before each point: HTTP errors and in-band errors. HTTP dashboards "
    "do not see the in-band errors.",
    queries=(Query(calls(OPERATIONS.ended(*_BY_THE_API), STEP, names.OUTCOME), called(names.OUTCOME)),),
    moved_by=frozenset(_BY_THE_API),
    decimals=0,
    nothing=NONE,
    colours=colours.of(*_BY_THE_API),
)

_BOTH_WAYS: Final = Table(
    title="The same error, both ways",
    description="Each error type of the API: how often it was an in-band error, and how often an HTTP error, which a "
    "status check sees.",
    queries=tuple(
        Query(f"{calls(selection, WHOLE, names.ERROR_TYPE, names.STATUS)} > 0")
        for selection in (_DETAILED, ERRORS.ended(Outcome.HTTP_ERROR))
    ),
    moved_by=frozenset(_BY_THE_API),
    nothing="-",
    columns=(
        Column(names.ERROR_TYPE, "Error type"),
        Column(names.STATUS, "Effective", 75),
        Column("Value #A", "In band", 80, decimals=0),
        Column("Value #B", "HTTP error", 90, decimals=0),
    ),
    sort_by="In band",
)

_DETAIL: Final = (
    names.MODEL,
    names.PROVIDER,
    names.OPERATION,
    names.ERROR_TYPE,
    names.STATUS,
    names.PHASE,
    names.CORRECTED,
)

_DETAILS: Final = Table(
    title="In detail",
    description="In-band errors by every label. Corrected: the application received the exception with the effective "
    "status. Click a model to see this board for that model only.",
    queries=(Query(f"{calls(_DETAILED, WHOLE, *_DETAIL)} > 0"),),
    moved_by=_BY,
    nothing=NONE,
    columns=(
        Column("Value", "Calls", 60, decimals=0),
        Column(names.ERROR_TYPE, "Error type"),
        Column(names.STATUS, "Effective", 80),
        Column(names.PHASE, "Phase", 80),
        Column(names.CORRECTED, "Corrected", 85),
        Column(names.MODEL, "Model", links=(("This model only", to("midstream-misreported", model="${__value.raw}")),)),
        Column(names.PROVIDER, "Provider", 95),
        Column(names.OPERATION, "Operation", 100),
    ),
    sort_by="Calls",
)

BOARD: Final = Board(
    uid="midstream-misreported",
    name="Misreported 200s",
    description="Errors that the API sends inside a 200 stream. HTTP and the status of the exception show a success.",
    sections=(
        Section(
            rows=(
                Row(6, ((5, _COUNT), (5, _SHARE), (5, _MISSED), (5, _MISSED_SHARE), (4, _RETRY))),
                Row(8, ((12, _TYPES), (12, _STATUSES))),
                Row(8, ((8, _PLACES), (8, _PHASES), (8, _MODELS))),
            ),
        ),
        Section("Details", (Row(10, ((8, _BOTH_WAYS), (16, _DETAILS))),)),
    ),
)
