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
    title="Success, as HTTP tells it",
    description="The share of calls that are a success for whoever goes by HTTP: only an error status, and a "
    "connection that failed before the response, count as failures. Cancelled and abandoned calls are left out.",
    queries=(Query(success_as_http_tells(WHOLE), "of calls look good to HTTP"),),
    moved_by=frozenset(SEEN_BY_HTTP),
    at_rest=1,
    unit="percentunit",
    decimals=2,
    nothing=NO_TRAFFIC,
    colour=colours.AS_HTTP_TELLS,
)

_AS_IT_WAS: Final = Tile(
    title="Success, as it was",
    description="The share of calls that really succeeded: the whole answer arrived. Cancelled and abandoned calls are "
    "left out. Green is within the objective.",
    queries=(Query(success_as_it_was(WHOLE), "of calls got their whole answer"),),
    moved_by=frozenset(FAILURES),
    at_rest=1,
    unit="percentunit",
    decimals=2,
    nothing=NO_TRAFFIC,
    thresholds=WITHIN_OBJECTIVE,
)

_GAP: Final = Tile(
    title="The gap",
    description="The difference between the two: calls that failed although HTTP calls them a success, most of them "
    "inside a 200 stream. No HTTP metric shows them.",
    queries=(Query(gap(WHOLE), "of calls failed unseen by HTTP"),),
    moved_by=frozenset(HIDDEN_FROM_HTTP),
    unit="percentunit",
    decimals=2,
    nothing=NO_TRAFFIC,
    thresholds=Thresholds(colours.GOOD, ((0.0001, colours.WARNING), (ALLOWED, colours.BAD))),
)

_OUTCOMES: Final = Bars(
    title="How calls ended",
    description="Calls in the interval before each point, by how they really ended. Green arrived whole. Blue failed "
    "where HTTP shows it. Red, orange, purple and yellow failed unseen by HTTP. Grey was ended by the application.",
    queries=(Query(calls(OPERATIONS, STEP, names.OUTCOME), called(names.OUTCOME)),),
    moved_by=_EVERY_CALL,
    decimals=0,
    nothing=NO_TRAFFIC,
    colours=colours.OUTCOMES,
)

_SUCCESS: Final = Lines(
    title="Success over time",
    description="The ratios of the first two tiles over time. Where the lines part, calls failed unseen by HTTP.",
    queries=(Query(success_as_http_tells(STEP), "as HTTP tells it"), Query(success_as_it_was(STEP), "as it was")),
    moved_by=frozenset(FAILURES),
    at_rest=1,
    unit="percentunit",
    nothing=NO_TRAFFIC,
    colours={"as HTTP tells it": colours.AS_HTTP_TELLS, "as it was": colours.AS_IT_WAS},
    least=None,
    most=1,
)

_IN_BAND: Final = errors_over_time(
    "In-band errors",
    "Error events inside a 200 stream, in the interval before each point, by the status that they would have had as an "
    "HTTP error, and by the API's error type.",
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
    "Answers that just ended, without any exception, and answers that could not be decoded, in the interval before "
    "each point.",
    OPERATIONS.ended(*_DAMAGED_ONES),
    (names.OUTCOME,),
    frozenset(_DAMAGED_ONES),
)

_PHASES: Final = errors_over_time(
    "Failures by phase",
    f"Failed calls in the interval before each point, by where they failed: {PHASES}.",
    ERRORS,
    (names.PHASE,),
    frozenset(FAILURES),
)

_MODELED: Final = OPERATIONS.where(names.MODEL, "", "!=")
"""Without batch results, session events and downloads, whose calls have no model."""

_MODELS: Final = Table(
    title="By model",
    description="Each model that was asked for: its calls, success as HTTP tells it and as it was, and how many of its "
    "calls failed in band or leaked an exception. The cells lead on to the boards, for that model alone.",
    queries=(
        Query(f"{calls(_MODELED, WHOLE, names.MODEL)} > 0"),
        Query(success_as_http_tells(WHOLE, names.MODEL, of=_MODELED)),
        Query(success_as_it_was(WHOLE, names.MODEL, of=_MODELED)),
        Query(f"{calls(_MODELED.ended(Outcome.IN_BAND_ERROR), WHOLE, names.MODEL)} > 0"),
        Query(f"{calls(_MODELED.where(names.LEAKED, 'true'), WHOLE, names.MODEL)} > 0"),
    ),
    moved_by=_EVERY_CALL,
    nothing="-",
    columns=(
        Column(names.MODEL, "Model", links=(("This model alone", to("midstream-outcomes", model="${__value.raw}")),)),
        Column("Value #A", "Calls", 80, decimals=0),
        Column("Value #B", "As HTTP tells it", 120, "percentunit", 1),
        Column("Value #C", "As it was", 100, "percentunit", 1, WITHIN_OBJECTIVE),
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
        description=f"{description} The lines: 50, 95 and 99 % of the calls stayed below.",
        queries=tuple(Query(quantile(share, chosen(histogram), STEP), name, exemplar=True) for share, name in shares),
        moved_by=_EVERY_CALL,
        unit="s",
        nothing=nothing,
        colours=colours.PERCENTILES,
    )


_DURATION: Final = _seconds(
    "Duration",
    "The time from the start of a call to its true end: retries, and the reading of the stream, included.",
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
    "The longest time that the reader of a stream waited for its next bytes. It nears the read timeout before streams "
    "break by it.",
    names.LONGEST_WAIT,
    "No streams",
)

_RESENDS: Final = Bars(
    title="Resends",
    description="Requests that the SDK sent again by itself, in the interval before each point, by model. A call that "
    "this saved is completed.",
    queries=(Query(calls(chosen(names.RESENDS), STEP, names.MODEL), called(names.MODEL)),),
    moved_by=frozenset(),
    decimals=0,
    nothing=NONE,
)

_TOKENS: Final = Lines(
    title="Tokens",
    description="Tokens in the interval before each point, by type. An answer that ended before its final event has no output tokens here, though they "
    "may be billed.",
    queries=(Query(calls(chosen(f"{names.TOKENS}_sum"), STEP, names.TOKEN_TYPE), called(names.TOKEN_TYPE)),),
    moved_by=_EVERY_CALL,
    nothing=NO_TRAFFIC,
    colours=colours.TOKENS,
)

_STREAMS: Final = Lines(
    title="Streams in flight",
    description="Streams that are open now, by operation. A line that only rises is of streams that nobody closes.",
    queries=(Query(total(str(chosen(names.STREAMS)), names.OPERATION), called(names.OPERATION)),),
    moved_by=_EVERY_CALL,
    decimals=0,
    nothing="No streams",
)

BOARD: Final = Board(
    uid="midstream-outcomes",
    name="What really happened",
    description="How calls of the Anthropic SDK really ended, beside what HTTP tells of them.",
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
