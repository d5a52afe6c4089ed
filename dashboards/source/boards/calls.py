"""The board "Failed calls": from a number to the traces and log events behind it. It asks Tempo and Loki."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from midstream._outcomes import Outcome
from source import names, streams
from source.board import Board, Row, Section
from source.links import CALLS, to
from source.measures import ERRORS, STEP, calls
from source.panels import Bars, Query, Tile
from source.parts import NONE, called, count
from source.queries import FAILURES, any_of
from source.streams import LOGS, TRACES, LogEvents, LogQuery, Spans, Trace, TraceQuery, variable_of
from source.tables import Column
from source.variables import NAMES, Choice, datasource_variable, list_variable, query_variable, text_variable

__all__ = ("BOARD",)

_BY: Final = frozenset(FAILURES)

_TYPE: Final = Choice("error_type", names.ERROR_TYPE, "Error type")
_CHOSEN: Final = ERRORS.where(names.OUTCOME, "$outcome", "=~").where(names.ERROR_TYPE, "$error_type", "=~")

_VARIABLES: Final = (
    list_variable("outcome", "Outcome", (outcome.value for outcome in Outcome), any_of(FAILURES).split("|")),
    query_variable(_TYPE, ERRORS.where(names.OUTCOME, "$outcome", "=~")),
    text_variable("request_id", "Request id"),
    text_variable("trace", "Trace id"),
    datasource_variable(variable_of(TRACES), "Tempo data source", TRACES),
    datasource_variable(variable_of(LOGS), "Loki data source", LOGS),
)
_ALL: Final = (*NAMES, *(variable["name"] for variable in _VARIABLES))
_TRACE_ID: Final = "${__data.fields.traceIdHidden}"
"""Of the row that was clicked: Tempo's table has it, but does not show it."""

_LINE: Final = f"{{{{.{names.label('anthropic.request.id')}}}}} {{{{__line__}}}}"

_NO_SOURCE: Final = "No data"

_COUNT: Final = replace(
    count(
        "Failed calls",
        "Failed calls of these outcomes and error types, by the metrics.",
        lambda window: calls(_CHOSEN, window),
        "failed",
        _BY,
    ),
    leads_on=False,
)


def _of_events(title: str, description: str, expression: str, sentence: str) -> Tile:
    return Tile(
        title=title,
        description=description,
        queries=(
            LogQuery(f"{expression} or vector(0)", sentence),
            LogQuery(f"{expression} or vector(0)", "last interval", over_time=True),
        ),
        moved_by=_BY,
        decimals=0,
        nothing=_NO_SOURCE,
        leads_on=False,
    )


_EVENTS: Final = _of_events(
    "Log events",
    "The log events of these calls in Loki. As many as failed calls, unless log events are sampled or dropped on the "
    "way.",
    f"sum(count_over_time({streams.log_events()} [$__auto]))",
    "log events",
)

_TOKENS: Final = _of_events(
    "Their input tokens",
    "The input tokens of these calls, as far as the API had said their number.",
    f"sum(sum_over_time({streams.log_events()} | unwrap {names.label('gen_ai.usage.input_tokens')} [$__auto]))",
    "input tokens",
)

_OVER_TIME: Final = Bars(
    title="When they failed",
    description="These failed calls in the interval before each point, by outcome and error type.",
    queries=(Query(calls(_CHOSEN, STEP, names.OUTCOME, names.ERROR_TYPE), called(names.OUTCOME, names.ERROR_TYPE)),),
    moved_by=_BY,
    decimals=0,
    nothing=NONE,
    leads_on=False,
)

_SPANS: Final = Spans(
    title="Traces",
    description="The latest calls with these outcomes, from Tempo: completed ones too, if you choose that outcome. A "
    "click on a trace shows it below. Without Tempo, or where traces are sampled, see the log events.",
    queries=(TraceQuery(streams.spans()),),
    moved_by=_BY,
    nothing=NONE,
    columns=(
        Column("time", "Start", 165),
        Column("traceService", "Service", 140),
        Column("midstream.outcome", "Outcome", 130),
        Column("error.type", "Error type", 180),
        Column("midstream.status_code", "Effective", 85),
        Column("midstream.phase", "Phase", 85),
        Column("gen_ai.request.model", "Model", 190),
        Column("statusMessage", "What happened"),
        Column("anthropic.request.id", "Request id", 200),
        Column("duration", "Duration", 95, "ns"),
        Column("spanID", "Span", 150, links=(("Show the trace below", to(CALLS, _ALL, trace=_TRACE_ID)),)),
    ),
    sort_by="Start",
)

_TRACE: Final = Trace(
    title="The trace",
    description="The trace whose id is in the variable Trace id: a click in the table above enters it.",
    queries=(TraceQuery("${trace}"),),
    moved_by=_BY,
    nothing=NONE,
)

_LOG: Final = LogEvents(
    title="Log events, one by one",
    description="The exception events of these calls, from Loki: the request id, and the failure in one line. A click "
    "opens an event with its attributes, its trace id among them.",
    queries=(LogQuery(f"{streams.log_events()} | line_format `{_LINE}`"),),
    moved_by=_BY,
    nothing=NONE,
)

BOARD: Final = Board(
    uid=CALLS,
    name="Failed calls",
    description="The traces and log events of single calls. Every panel of the other boards leads here.",
    variables=_VARIABLES,
    sections=(
        Section(
            rows=(
                Row(6, ((8, _COUNT), (8, _EVENTS), (8, _TOKENS))),
                Row(8, ((24, _OVER_TIME),)),
            ),
        ),
        Section("From Loki", (Row(11, ((24, _LOG),)),), needs=variable_of(LOGS)),
        Section("From Tempo", (Row(10, ((24, _SPANS),)), Row(12, ((24, _TRACE),))), needs=variable_of(TRACES)),
    ),
)
