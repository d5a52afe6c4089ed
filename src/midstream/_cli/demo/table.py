"""The results of the demo for people: a table, and its totals in words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Final

from rich.console import Console, RenderableType
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from midstream._cli.demo.results import Counts, DemoCall, Flavor, Results
from midstream._outcomes import Outcome
from midstream.faults import Expectation

_MARK: Final = "! "
"""Precedes a call that did not end as its scenario says."""

_BAD, _HEADING, _FAINT, _PLAIN = "red", "bold", "dim", ""
_GAP: Final = 2
_ANY_WIDTH: Final = 10_000

_MEANINGS: Final = {
    Outcome.COMPLETED: "the response arrived completely",
    Outcome.HTTP_ERROR: "the API responded with an error status",
    Outcome.CONNECTION_ERROR: "the connection failed before there was a response",
    Outcome.IN_BAND_ERROR: "the API sent an error in a 200 response",
    Outcome.TRANSPORT_ERROR: "the connection failed mid-response",
    Outcome.TRUNCATED: "the response was cut off, and the stream just ended",
    Outcome.MALFORMED: "the response is not what was requested",
    Outcome.CLIENT_ERROR: "the SDK itself failed",
    Outcome.CANCELLED: "the application cancelled the call",
    Outcome.ABANDONED: "the application left before the end",
}
_ORDER: Final = {outcome: place for place, outcome in enumerate(_MEANINGS)}
_FLAGS: Final = {"leaked": "`except APIError` misses it", "misreported": "the reported status is wrong"}
_NOT_RECORDED: Final = "not recorded: midstream exported no outcome"


def print_table(results: Results, console: Console) -> None:
    """Prints the results: a line per call, which takes 100 columns, or two in a terminal that is narrower."""
    calls = sorted((call for row in results.rows for call in row.distinct_calls), key=_group)
    differing = {row.scenario.name for row in results.rows if len(row.distinct_calls) > 1}
    headings = (
        ("", Text("your code saw", _HEADING), Text("what really happened", _HEADING)),
        (
            Text("fault", _FAINT),
            _cell("exception", "status", _FAINT, _FAINT),
            _cell("error.type", "status", _FAINT, _FAINT),
            Text("phase", _FAINT),
        ),
    )
    rows = [*headings, *(tuple(_cells(call, with_flavor=call.scenario.name in differing)) for call in calls)]
    lines = _lines(_table(rows), console)
    per_row = 1
    if console.is_terminal and max(map(len, lines)) > console.width:
        lines = _lines(_table(_folded(rows)), console)
        per_row = 2
    taken = iter(lines)
    text = [next(taken) for _ in range(len(headings) * per_row)]
    for _, group in groupby(calls, _group):
        first, *others = group
        of_calls = [next(taken) for _ in range(len((first, *others)) * per_row)]
        text += [Text(), _heading(first.recorded), *filter(len, of_calls)]
    for line in (*text, Text(), *_summary(results)):
        console.print(line, soft_wrap=not console.is_terminal, highlight=False)


def _table(rows: Iterable[Sequence[RenderableType]]) -> Table:
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, _GAP, 0, 0))
    for row in rows:
        table.add_row(*row)
    return table


def _folded(rows: Iterable[Sequence[RenderableType]]) -> Iterator[Sequence[RenderableType]]:
    """Two rows for each: what your code saw, and below it what really happened."""
    for name, seen, *happened in rows:
        yield name, seen
        yield "", *happened


def _cell(name: str, status: object = None, name_style: str = _PLAIN, status_style: str = _PLAIN) -> RenderableType:
    """A name, and a status at the right end. A name without a status may take the place of the status."""
    if status is None:
        return Text(name, name_style)
    cell = Table.grid(expand=True, padding=(0, 1))
    cell.add_column()
    cell.add_column(justify="right")
    cell.add_row(Text(name, name_style), Text(str(status), status_style))
    return cell


def _cells(call: DemoCall, *, with_flavor: bool) -> Iterator[RenderableType]:
    seen, recorded = call.seen, call.recorded
    name = f"{call.scenario.name} ({call.flavor.value})" if with_flavor else call.scenario.name
    yield Text(name) if call.as_expected else Text(f"{_MARK}{name}", _BAD)
    failed = recorded is not None and recorded.outcome.is_failure
    misreported = recorded is not None and recorded.misreported
    yield _cell(
        _short(seen.exception),
        seen.status,
        _BAD if failed and not seen.is_api_error else _PLAIN,
        _BAD if misreported else _PLAIN,
    )
    if recorded is not None:
        yield _cell(recorded.error_type or "", recorded.status_code)
        yield recorded.phase.value if recorded.phase else ""


def _short(exception: str | None) -> str:
    """The name of an exception class as the table has it: the SDK's without their module."""
    if exception is None:
        return "nothing was raised"
    return exception.rpartition(".")[2] if exception.startswith("anthropic.") else exception


def _lines(table: Table, console: Console) -> list[Text]:
    """The lines of `table` as wide as it wants to be, without spaces at the end: terminals would fold these, too."""
    options = console.options.update(width=_ANY_WIDTH)
    width = Measurement.get(console, options, table).maximum
    lines = [
        Text.assemble(*((segment.text, segment.style or _PLAIN) for segment in line))
        for line in console.render_lines(table, options.update(width=width))
    ]
    for text in lines:
        text.rstrip()
    return lines


def _group(call: DemoCall) -> tuple[int, bool, bool]:
    ended = call.recorded
    return (len(_ORDER), False, False) if ended is None else (_ORDER[ended.outcome], ended.leaked, ended.misreported)


def _flags(ended: Expectation) -> list[str]:
    return [flag for flag in _FLAGS if getattr(ended, flag)]


def _heading(ended: Expectation | None) -> Text:
    """The line above calls that ended alike: what they have in common."""
    if ended is None:
        return Text(_NOT_RECORDED, _BAD)
    flags = _flags(ended)
    meanings = (_MEANINGS[ended.outcome], *map(_FLAGS.__getitem__, flags))
    return Text.assemble((", ".join((ended.outcome.value, *flags)), _HEADING), f": {'; '.join(meanings)}")


def _summary(results: Results) -> Iterator[Text]:
    counts = {flavor.value: results.counts(flavor) for flavor in Flavor}
    distinct = set(counts.values())
    for flavors, count in counts.items() if len(distinct) > 1 else [("sync and async alike", distinct.pop())]:
        yield from _in_words(count, flavors)
    yield Text()
    yield from _judgement(results)


def _in_words(counts: Counts, flavors: str) -> Iterator[Text]:
    yield Text(f"Of {counts.failures} failures, {flavors}:", _HEADING)
    yield Text(
        f"  `except anthropic.APIError` misses {counts.missed_by_except}: "
        f"{counts.raised_another} raise something else, {counts.raised_nothing} raise nothing at all"
    )
    yield Text(
        f"  a check for a status >= 400 misses {counts.missed_by_status}: "
        f"{counts.reported_success} have a status below, {counts.without_status} have none"
    )


def _judgement(results: Results) -> Iterator[Text]:
    calls = [call for row in results.rows for call in row.calls]
    wrong = [call for call in calls if not call.as_expected]
    if wrong:
        yield Text(f"midstream recorded {len(wrong)} of {len(calls)} calls of {results.sdk} incorrectly:", _BAD)
        for call in wrong:
            yield Text(f"{_MARK}{call.scenario.name} ({call.flavor.value})", _BAD)
            yield Text(f"    recorded: {_in_line(call.recorded, call.seen.status)}")
            yield Text(f"    expected: {_in_line(call.expected, call.expected.reported_status_code)}")
    else:
        yield Text(f"midstream recorded all {len(calls)} calls of {results.sdk} correctly.")
    yield Text("`midstream faults --list` explains the faults.", _FAINT)


def _in_line(ended: Expectation | None, seen_status: int | None) -> str:
    seen = f"the exception's status is {seen_status}" if seen_status else "no status on an exception"
    if ended is None:
        return f"nothing; {seen}"
    words = (
        ended.outcome.value,
        ended.error_type,
        ended.status_code,
        *_flags(ended),
        ended.phase and ended.phase.value,
    )
    return f"{', '.join(str(word) for word in words if word is not None)}; {seen}"
