"""The board "Leaked exceptions"."""

from __future__ import annotations

from typing import Final

from midstream._outcomes import Outcome
from source import colours, names
from source.board import Board, Row, Section
from source.links import to
from source.measures import ERRORS, FAILED, LEAKED, LEAKING, OPERATIONS, STEP, WHOLE, calls, of_histogram, share
from source.panels import Bars, Lines, Query
from source.parts import NONE, PHASES, called, count, errors_over_time, share_of_errors
from source.queries import quantile, total
from source.tables import Column, Table
from source.variables import chosen

__all__ = ("BOARD",)

_TRANSPORT: Final = (Outcome.TRANSPORT_ERROR, Outcome.CONNECTION_ERROR)
_OF_TRANSPORT: Final = OPERATIONS.ended(*_TRANSPORT)
_TRUNCATED: Final = OPERATIONS.ended(Outcome.TRUNCATED)
_DETAILED: Final = ERRORS.where(names.LEAKED, "true")
_UNCAUGHT: Final = LEAKING | {Outcome.TRUNCATED}

_A_CLASS: Final = ".*[.].*|[A-Z].*"
"""The values of `error.type` that are exception classes: only these have a dot or begin with a capital."""


def _missed(window: str) -> str:
    """By outcome, the failures that `except anthropic.APIError` never sees."""
    return calls(LEAKED, window, names.OUTCOME) + " or " + calls(_TRUNCATED, window, names.OUTCOME)


_COUNT: Final = count(
    "Leaked exceptions",
    "Failures whose exception is not an exception of the SDK: the application got one of the HTTP client, or of a "
    "decoder.",
    lambda window: calls(LEAKED, window),
    "calls raised no APIError",
    LEAKING,
)

_MISSED: Final = count(
    "Missed by except APIError",
    "Failures that `except anthropic.APIError` never sees: another exception was raised, or none, as for a truncated "
    "stream.",
    lambda window: total(_missed(window)),
    "failures are not caught",
    _UNCAUGHT,
)

_MISSED_SHARE: Final = share_of_errors(
    "Share that it misses",
    "The same, as a share of all failures.",
    lambda window: share(total(_missed(window)), FAILED, window),
    "of all failures",
    _UNCAUGHT,
)

_LEAKED_SHARE: Final = share_of_errors(
    "Transport errors that leak",
    "The share of transport failures whose exception the SDK did not wrap. With an SDK that wraps them, it is zero.",
    lambda window: share(calls(_OF_TRANSPORT.where(names.LEAKED, "true"), window), _OF_TRANSPORT, window),
    "not wrapped",
    frozenset({Outcome.TRANSPORT_ERROR}),
)

_CLASSES: Final = errors_over_time(
    "By exception class",
    "Leaked exceptions in the interval before each point, by exception class.",
    _DETAILED,
    (names.ERROR_TYPE,),
    LEAKING,
)

_BESIDE: Final = Bars(
    title="Leaked beside wrapped",
    description="Failures of the transport in the interval before each point: leaked to the application, and "
    "wrapped by the SDK into an `APIConnectionError`, as before the response.",
    queries=(
        Query(calls(_OF_TRANSPORT.where(names.LEAKED, "true"), STEP), "leaked"),
        Query(calls(_OF_TRANSPORT.where(names.LEAKED, "false"), STEP), "wrapped"),
    ),
    moved_by=frozenset(_TRANSPORT),
    decimals=0,
    nothing=NONE,
    colours={"leaked": colours.LEAKED, "wrapped": colours.WRAPPED},
)

_PHASES: Final = errors_over_time(
    "By phase",
    f"Leaked exceptions in the interval before each point, by phase: {PHASES}.",
    _DETAILED,
    (names.PHASE,),
    LEAKING,
)

_WAITS: Final = Lines(
    title="Waits before the break",
    description="The longest wait for bytes in the streams whose transport broke. Near the read timeout, they were "
    "silent; near zero, they were cut off. The lines are the 50th and 95th percentile.",
    queries=tuple(
        Query(
            quantile(part, chosen(names.LONGEST_WAIT).ended(Outcome.TRANSPORT_ERROR), STEP),
            name,
            exemplar=True,
        )
        for part, name in ((0.5, "failed, 50 %"), (0.95, "failed, 95 %"))
    ),
    moved_by=frozenset({Outcome.TRANSPORT_ERROR}),
    unit="s",
    nothing=NONE,
    colours=colours.PERCENTILES,
)

_CLASSED: Final = chosen(names.DURATION).where(names.ERROR_TYPE, _A_CLASS, "=~")

_SERVERS: Final = Bars(
    title="By server",
    description="Calls that ended with an exception of the transport or of a decoder, in the interval before each "
    "point, by host. Leaked and wrapped exceptions, because the metric with the host does not distinguish them. "
    "Inference only.",
    queries=(Query(of_histogram("count", _CLASSED, STEP, names.SERVER), called(names.SERVER)),),
    moved_by=LEAKING | {Outcome.CONNECTION_ERROR},
    decimals=0,
    nothing=NONE,
)

_MISSED_OVER_TIME: Final = Bars(
    title="What except APIError misses",
    description="Failures that `except anthropic.APIError` never sees, in the interval before each point, by "
    "outcome. A truncated stream raises nothing.",
    queries=(Query(_missed(STEP), called(names.OUTCOME)),),
    moved_by=_UNCAUGHT,
    decimals=0,
    nothing=NONE,
    colours=colours.OUTCOMES,
)

_DETAIL: Final = (
    names.ERROR_TYPE,
    names.OUTCOME,
    names.PHASE,
    names.MODEL,
    names.PROVIDER,
    names.OPERATION,
    names.CORRECTED,
)

_DETAILS: Final = Table(
    title="In detail",
    description="Leaked exceptions by every label. Corrected: the application received an `APIConnectionError`. "
    "Click a model to see this board for that model only.",
    queries=(Query(f"{calls(_DETAILED, WHOLE, *_DETAIL)} > 0"),),
    moved_by=LEAKING,
    nothing=NONE,
    columns=(
        Column("Value", "Calls", 65, decimals=0),
        Column(names.ERROR_TYPE, "Exception class", 205),
        Column(names.OUTCOME, "Outcome", 120),
        Column(names.PHASE, "Phase", 75),
        Column(names.CORRECTED, "Corrected", 75),
        Column(names.MODEL, "Model", links=(("This model only", to("midstream-leaked", model="${__value.raw}")),)),
        Column(names.PROVIDER, "Provider", 90),
        Column(names.OPERATION, "Operation", 95),
    ),
    sort_by="Calls",
)

BOARD: Final = Board(
    uid="midstream-leaked",
    name="Leaked exceptions",
    description="Exceptions of the HTTP client and of decoders that the SDK does not wrap: "
    "`except anthropic.APIError` does not catch them. Panels about transport errors do not count decoding errors.",
    sections=(
        Section(
            rows=(
                Row(6, ((6, _COUNT), (6, _MISSED), (6, _MISSED_SHARE), (6, _LEAKED_SHARE))),
                Row(8, ((12, _CLASSES), (12, _BESIDE))),
                Row(8, ((8, _PHASES), (8, _WAITS), (8, _SERVERS))),
            ),
        ),
        Section("Details", (Row(10, ((7, _MISSED_OVER_TIME), (17, _DETAILS))),)),
    ),
)
