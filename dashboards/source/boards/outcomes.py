"""The board "What really happened"."""

from __future__ import annotations

from typing import Final

from midstream._outcomes import Outcome
from source import colours, names
from source.board import Board, Row, Section
from source.boards.latency import LATENCIES
from source.boards.losses import LOSSES, RESENDS, SAVINGS
from source.boards.truth import STATUSES
from source.boards.worst import MODELS, SERVICES
from source.measures import (
    ERRORS,
    LEAKING,
    OPERATIONS,
    STEP,
    calls,
    gap,
    of_histogram,
    success_as_http_tells,
    success_as_it_was,
)
from source.panels import Bars, Lines, Query, Tile
from source.parts import HIDDEN, NO_TRAFFIC, PHASES, WITHIN_OBJECTIVE, called, errors_over_time, with_trend
from source.queries import FAILURES, HIDDEN_FROM_HTTP, SEEN_BY_HTTP, total
from source.variables import chosen

__all__ = ("BOARD",)

_EVERY_CALL: Final = None


_AS_HTTP_TELLS: Final = Tile(
    title="Success, according to HTTP",
    description="The share of calls that HTTP monitoring counts as a success: only an error status, and a connection "
    "that failed before the response, are failures. Cancelled and abandoned calls are not counted.",
    queries=with_trend(success_as_http_tells, "of calls succeeded according to HTTP"),
    moved_by=frozenset(SEEN_BY_HTTP),
    at_rest=1,
    unit="percentunit",
    decimals=2,
    nothing=NO_TRAFFIC,
    thresholds=WITHIN_OBJECTIVE,
)

_AS_IT_WAS: Final = Tile(
    title="Actual success",
    description="The share of calls that really succeeded: the whole response arrived. Cancelled and abandoned calls "
    "are not counted. Green is within the objective.",
    queries=with_trend(success_as_it_was, "of calls got the whole response"),
    moved_by=frozenset(FAILURES),
    at_rest=1,
    unit="percentunit",
    decimals=2,
    nothing=NO_TRAFFIC,
    thresholds=WITHIN_OBJECTIVE,
)

_GAP: Final = Tile(
    title="The gap",
    description="The difference between the two: failed calls that HTTP counts as a success, most of them inside a 200 "
    "stream. No HTTP metric shows them.",
    queries=with_trend(gap, "of calls failed, hidden from HTTP"),
    moved_by=frozenset(HIDDEN_FROM_HTTP),
    unit="percentunit",
    decimals=2,
    nothing=NO_TRAFFIC,
    thresholds=HIDDEN,
)

_OUTCOMES: Final = Bars(
    title="How calls ended",
    description="Calls in the interval before each point, by outcome. Green completed. Blue failed, and HTTP shows "
    "it. Red, orange, purple and yellow failed, and HTTP does not show it. The application ended the grey ones.",
    queries=(Query(calls(OPERATIONS, STEP, names.OUTCOME), called(names.OUTCOME)),),
    moved_by=_EVERY_CALL,
    decimals=0,
    nothing=NO_TRAFFIC,
    colours=colours.OUTCOMES,
)

_SUCCESS: Final = Lines(
    title="Success over time",
    description="The ratios of the first two tiles over time. Where the lines part, calls failed hidden from HTTP.",
    queries=(Query(success_as_http_tells(STEP), "according to HTTP"), Query(success_as_it_was(STEP), "actual")),
    moved_by=frozenset(FAILURES),
    at_rest=1,
    unit="percentunit",
    nothing=NO_TRAFFIC,
    colours={"according to HTTP": colours.AS_HTTP_TELLS, "actual": colours.AS_IT_WAS},
    least=None,
    most=1,
)

_HTTP: Final = errors_over_time(
    "HTTP errors",
    "Calls that the API refused with an error status, in the interval before each point, by status and by the error "
    "type of the API.",
    ERRORS.ended(Outcome.HTTP_ERROR),
    (names.STATUS, names.ERROR_TYPE),
    frozenset({Outcome.HTTP_ERROR}),
)

_CONNECTIONS: Final = errors_over_time(
    "Connection errors",
    "Calls that got no response, in the interval before each point, by exception class.",
    ERRORS.ended(Outcome.CONNECTION_ERROR),
    (names.ERROR_TYPE,),
    frozenset({Outcome.CONNECTION_ERROR}),
)

_IN_BAND: Final = errors_over_time(
    "In-band errors",
    "Error events inside a 200 stream, in the interval before each point, by the status of the same HTTP error, and by "
    "the error type of the API.",
    ERRORS.ended(Outcome.IN_BAND_ERROR),
    (names.STATUS, names.ERROR_TYPE),
    frozenset({Outcome.IN_BAND_ERROR}),
)

_LEAKED: Final = errors_over_time(
    "Leaked exceptions",
    "Exceptions that are not the SDK's, in the interval before each point, by class: those of the HTTP client, after a "
    "connection broke, and those of decoders, after malformed data. `except anthropic.APIError` does not catch them.",
    ERRORS.where(names.LEAKED, "true"),
    (names.ERROR_TYPE,),
    LEAKING,
)

_DAMAGED_ONES: Final = (Outcome.TRUNCATED, Outcome.MALFORMED)

_DAMAGED: Final = errors_over_time(
    "Truncated and malformed",
    "Streams that ended early without an exception, and responses that could not be decoded, in the interval before "
    "each point.",
    OPERATIONS.ended(*_DAMAGED_ONES),
    (names.OUTCOME,),
    frozenset(_DAMAGED_ONES),
)

_PHASES: Final = errors_over_time(
    "Failures by phase",
    f"Failed calls in the interval before each point, by phase: {PHASES}.",
    ERRORS,
    (names.PHASE,),
    frozenset(FAILURES),
)

_TOKENS: Final = Lines(
    title="Tokens",
    description="Tokens in the interval before each point, by type. A stream that ended before its final event has no "
    "output tokens here, although they may be billed.",
    queries=(Query(of_histogram("sum", chosen(names.TOKENS), STEP, names.TOKEN_TYPE), called(names.TOKEN_TYPE)),),
    moved_by=_EVERY_CALL,
    nothing=NO_TRAFFIC,
    colours=colours.TOKENS,
)

_STREAMS: Final = Lines(
    title="Streams in flight",
    description="Streams that are open now, by operation. A line that only rises shows streams that are never closed.",
    queries=(Query(total(str(chosen(names.STREAMS)), names.OPERATION), called(names.OPERATION)),),
    moved_by=_EVERY_CALL,
    decimals=0,
    nothing="No streams",
    leads_on=False,
)

BOARD: Final = Board(
    uid="midstream-outcomes",
    name="What really happened",
    description="How calls of the Anthropic SDK really ended, compared with HTTP.",
    sections=(
        Section(
            rows=(
                Row(6, ((8, _AS_HTTP_TELLS), (8, _AS_IT_WAS), (8, _GAP))),
                Row(8, ((12, SERVICES), (12, MODELS))),
                Row(8, ((12, _OUTCOMES), (12, _SUCCESS))),
            ),
        ),
        Section(
            "What failed",
            (
                Row(8, ((12, _HTTP), (12, _IN_BAND))),
                Row(8, ((8, _CONNECTIONS), (8, _LEAKED), (8, _DAMAGED))),
                Row(9, ((15, STATUSES), (9, _PHASES))),
            ),
        ),
        Section(
            "What it cost, and what was saved",
            (
                Row(5, tuple((8, panel) for panel in LOSSES)),
                Row(6, (*((8, panel) for panel in SAVINGS), (8, RESENDS))),
            ),
        ),
        Section(
            "How long, and how much",
            (
                Row(8, tuple((8, panel) for panel in LATENCIES)),
                Row(7, ((12, _TOKENS), (12, _STREAMS))),
            ),
        ),
    ),
)
