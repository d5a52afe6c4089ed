"""The board "What really happened"."""

from __future__ import annotations

from typing import Final

from midstream._outcomes import Outcome
from source import colours, names
from source.board import Board, Row, Section, to
from source.boards.truth import STATUSES
from source.measures import (
    ERRORS,
    LEAKING,
    OPERATIONS,
    STEP,
    WHOLE,
    calls,
    gap,
    success_as_http_tells,
    success_as_it_was,
)
from source.panels import Bars, Column, Lines, Query, Table, Thresholds, Tile
from source.parts import ALLOWED, NO_TRAFFIC, NONE, PHASES, WITHIN_OBJECTIVE, called, errors_over_time
from source.queries import FAILURES, HIDDEN_FROM_HTTP, SEEN_BY_HTTP, quantile, total
from source.variables import chosen

__all__ = ("BOARD",)

_EVERY_CALL: Final = None

_AS_HTTP_TELLS: Final = Tile(
    title="Success, according to HTTP",
    description="The share of calls that HTTP monitoring counts as a success: only an error status, and a connection "
    "that failed before the response, are failures. Cancelled and abandoned calls are not counted.",
    queries=(Query(success_as_http_tells(WHOLE), "of calls succeeded according to HTTP"),),
    moved_by=frozenset(SEEN_BY_HTTP),
    at_rest=1,
    unit="percentunit",
    decimals=2,
    nothing=NO_TRAFFIC,
    colour=colours.AS_HTTP_TELLS,
)

_AS_IT_WAS: Final = Tile(
    title="Actual success",
    description="The share of calls that really succeeded: the whole response arrived. Cancelled and abandoned calls "
    "are not counted. Green is within the objective.",
    queries=(Query(success_as_it_was(WHOLE), "of calls got the whole response"),),
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
    queries=(Query(gap(WHOLE), "of calls failed, hidden from HTTP"),),
    moved_by=frozenset(HIDDEN_FROM_HTTP),
    unit="percentunit",
    decimals=2,
    nothing=NO_TRAFFIC,
    thresholds=Thresholds(colours.GOOD, ((0.0001, colours.WARNING), (ALLOWED, colours.BAD))),
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

_MODELED: Final = OPERATIONS.where(names.MODEL, "", "!=")
"""Without batch results, session events and downloads, whose calls have no model."""

_CALLED: Final = f"{calls(_MODELED, WHOLE, names.MODEL)} > 0"
"""The calls of each model that was called: the others have no row."""

_MODELS: Final = Table(
    title="By model",
    description="Each requested model: its calls, success according to HTTP and actual success, and its in-band errors "
    "and leaked exceptions. The cells link to the boards for that model.",
    queries=(
        Query(_CALLED),
        Query(success_as_http_tells(WHOLE, names.MODEL, of=_MODELED)),
        Query(success_as_it_was(WHOLE, names.MODEL, of=_MODELED)),
        Query(f"{calls(_MODELED.ended(Outcome.IN_BAND_ERROR), WHOLE, names.MODEL)} and {_CALLED}"),
        Query(f"{calls(_MODELED.where(names.LEAKED, 'true'), WHOLE, names.MODEL)} and {_CALLED}"),
    ),
    moved_by=_EVERY_CALL,
    nothing="-",
    columns=(
        Column(names.MODEL, "Model", links=(("This model only", to("midstream-outcomes", model="${__value.raw}")),)),
        Column("Value #A", "Calls", 80, decimals=0),
        Column("Value #B", "According to HTTP", 120, "percentunit", 1),
        Column("Value #C", "Actual", 100, "percentunit", 1, WITHIN_OBJECTIVE),
        Column(
            "Value #D",
            "In band",
            80,
            decimals=0,
            links=(("In-band errors of this model", to("midstream-misreported", model="${__data.fields.Model}")),),
        ),
        Column(
            "Value #E",
            "Leaked",
            80,
            decimals=0,
            links=(("Leaks of this model", to("midstream-leaked", model="${__data.fields.Model}")),),
        ),
    ),
    sort_by="Calls",
)


def _seconds(title: str, description: str, histogram: str, nothing: str) -> Lines:
    shares = ((0.5, "50 %"), (0.95, "95 %"), (0.99, "99 %"))
    return Lines(
        title=title,
        description=f"{description} The lines are the 50th, 95th and 99th percentile.",
        queries=tuple(Query(quantile(share, chosen(histogram), STEP), name, exemplar=True) for share, name in shares),
        moved_by=_EVERY_CALL,
        unit="s",
        nothing=nothing,
        colours=colours.PERCENTILES,
    )


_DURATION: Final = _seconds(
    "Duration",
    "The time from the start of a call to its end, with retries and the reading of the stream.",
    names.DURATION,
    NO_TRAFFIC,
)

_FIRST_CHUNK: Final = _seconds(
    "Time to first chunk",
    "The time from the start of a call to the first content of its stream.",
    names.FIRST_CHUNK,
    "No streams",
)

_MAX_WAIT: Final = _seconds(
    "Longest wait within a stream",
    "The longest time that the reader of a stream waited for bytes. It approaches the read timeout before streams "
    "time out.",
    names.LONGEST_WAIT,
    "No streams",
)

_RESENDS: Final = Bars(
    title="Resends",
    description="Retries of the SDK in the interval before each point, by model. A call that a retry saved is "
    "completed.",
    queries=(Query(calls(chosen(names.RESENDS), STEP, names.MODEL), called(names.MODEL)),),
    moved_by=frozenset(),
    decimals=0,
    nothing=NONE,
)

_TOKENS: Final = Lines(
    title="Tokens",
    description="Tokens in the interval before each point, by type. A stream that ended before its final event has no "
    "output tokens here, although they may be billed.",
    queries=(Query(calls(chosen(f"{names.TOKENS}_sum"), STEP, names.TOKEN_TYPE), called(names.TOKEN_TYPE)),),
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
)

BOARD: Final = Board(
    uid="midstream-outcomes",
    name="What really happened",
    description="How calls of the Anthropic SDK really ended, compared with HTTP.",
    sections=(
        Section(
            rows=(
                Row(6, ((8, _AS_HTTP_TELLS), (8, _AS_IT_WAS), (8, _GAP))),
                Row(9, ((14, _OUTCOMES), (10, _SUCCESS))),
            ),
        ),
        Section(
            "What failed",
            (
                Row(9, ((12, _IN_BAND), (12, _LEAKED))),
                Row(7, ((12, _DAMAGED), (12, _PHASES))),
                Row(9, ((12, STATUSES), (12, _MODELS))),
            ),
        ),
        Section(
            "How long, and how much",
            (
                Row(7, ((8, _DURATION), (8, _FIRST_CHUNK), (8, _MAX_WAIT))),
                Row(7, ((8, _RESENDS), (8, _TOKENS), (8, _STREAMS))),
            ),
        ),
    ),
)
