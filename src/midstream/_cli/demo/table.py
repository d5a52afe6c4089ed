"""The results of the demo for people: one table, and what it adds up to."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Final

from rich.text import Text

from midstream._cli.demo.results import Style
from midstream._outcomes import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import Console

    from midstream._cli.demo.results import Call, Counts, Results, Truth


_GAP: Final = "  "
_STATUS_WIDTH: Final = len("status")
_ODD: Final = "! "
"""Stands before a call that did not end as its scenario says."""

_BAD, _HEADING, _FAINT, _PLAIN = "red", "bold", "dim", ""

_MEANINGS: Final = {
    Outcome.COMPLETED: "the answer arrived whole",
    Outcome.HTTP_ERROR: "the API answered with an error status",
    Outcome.CONNECTION_ERROR: "the connection failed before there was a response",
    Outcome.IN_BAND_ERROR: "the API sent an error in a 200 response",
    Outcome.TRANSPORT_ERROR: "the connection failed in mid-answer",
    Outcome.TRUNCATED: "the answer was cut off, and the stream just ended",
    Outcome.MALFORMED: "what arrived is not an answer",
    Outcome.CLIENT_ERROR: "the SDK itself failed",
    Outcome.CANCELLED: "the application cancelled the call",
    Outcome.ABANDONED: "the application left before the end",
}
_ORDER: Final = {outcome: place for place, outcome in enumerate(_MEANINGS)}
_LEAKED: Final = "`except APIError` misses it"
_MISREPORTED: Final = "the status is reported wrong"
_NOT_TOLD: Final = "not told: midstream exported no outcome"


@dataclass(frozen=True)
class _Cell:
    """A name, and a status at the right end of its cell. Either may be missing."""

    name: str
    status: int | None = None
    name_style: str = _PLAIN
    status_style: str = _PLAIN

    @property
    def width(self) -> int:
        """The columns that it takes. A name without a status may use the place of the status."""
        return len(self.name) + (0 if self.status is None else _STATUS_WIDTH)

    def parts(self, width: int) -> tuple[tuple[str, str], ...]:
        """Its text, `width` wide, piece by piece with the style of each."""
        number = "" if self.status is None else str(self.status)
        return (
            (self.name, self.name_style),
            (" " * (width - len(self.name) - len(number)), _PLAIN),
            (number, self.status_style),
        )


_Line = tuple[_Cell, ...]


@dataclass(frozen=True)
class _Head:
    """The two lines above a column."""

    over: str
    name: str
    has_status: bool = False

    @property
    def width(self) -> int:
        """The columns that it takes."""
        return max(len(self.over), len(self.name) + (_STATUS_WIDTH + 1 if self.has_status else 0))

    def line(self, width: int) -> str:
        """The second line, `width` wide."""
        return f"{self.name:<{width - _STATUS_WIDTH}}status" if self.has_status else f"{self.name:<{width}}"


_HEADS: Final = (
    _Head("", "fault"),
    _Head("your code saw", "exception", has_status=True),
    _Head("what really happened", "error.type", has_status=True),
    _Head("", "phase"),
)


def print_table(results: Results, console: Console) -> None:
    """Prints the results. The lines are as long as they need to be: 100 columns are enough for the examples."""
    calls = [call for row in results.rows for call in row.distinct_calls]
    apart = {row.scenario.name for row in results.rows if len(row.distinct_calls) > 1}
    lines = {call: _line(call, with_style=call.scenario.name in apart) for call in calls}
    widths = [max(head.width, *(line[place].width for line in lines.values())) for place, head in enumerate(_HEADS)]
    text = [*_head(widths)]
    for _, group in groupby(sorted(calls, key=_group_key), _group_key):
        members = list(group)
        text += [Text(), _heading(members[0].truth), *(_joined(lines[call], widths) for call in members)]
    text += [Text(), *_summary(results)]
    for line in text:
        # Nothing is cut or folded where the output goes to a file or to a narrow terminal.
        console.print(line, soft_wrap=True, highlight=False)


def _line(call: Call, *, with_style: bool) -> _Line:
    seen, truth = call.seen, call.truth
    failed = truth is not None and truth.outcome.is_failure
    name = f"{'' if call.as_expected else _ODD}{call.scenario.name}{f' ({call.style.value})' if with_style else ''}"
    return (
        _Cell(name, name_style=_PLAIN if call.as_expected else _BAD),
        _Cell(
            _short(seen.exception),
            seen.status,
            name_style=_BAD if failed and not seen.is_api_error else _PLAIN,
            status_style=_BAD if truth is not None and truth.misreported else _PLAIN,
        ),
        _Cell("") if truth is None else _Cell(truth.error_type or "", truth.status),
        _Cell("" if truth is None or truth.phase is None else truth.phase.value),
    )


def _short(exception: str | None) -> str:
    """The name of an exception class as the table has it: those of the SDK without their module."""
    if exception is None:
        return "nothing was raised"
    return exception.rpartition(".")[2] if exception.startswith("anthropic.") else exception


def _head(widths: Sequence[int]) -> Iterator[Text]:
    columns = tuple(zip(_HEADS, widths, strict=True))
    yield Text(_GAP.join(head.over.ljust(width) for head, width in columns).rstrip(), _HEADING)
    yield Text(_GAP.join(head.line(width) for head, width in columns).rstrip(), _FAINT)


def _joined(line: _Line, widths: Sequence[int]) -> Text:
    text = Text()
    for place, (cell, width) in enumerate(zip(line, widths, strict=True)):
        text.append_tokens([(_GAP if place else "", _PLAIN), *cell.parts(width)])
    text.rstrip()
    return text


def _group_key(call: Call) -> tuple[int, bool, bool]:
    truth = call.truth
    return (len(_ORDER), False, False) if truth is None else (_ORDER[truth.outcome], truth.leaked, truth.misreported)


def _heading(truth: Truth | None) -> Text:
    """The line above the calls that ended as `truth` did. Says what they have in common, once for all of them."""
    if truth is None:
        return Text(_NOT_TOLD, _BAD)
    flags = [(truth.leaked, "leaked", _LEAKED), (truth.misreported, "misreported", _MISREPORTED)]
    names = [truth.outcome.value, *(name for holds, name, _ in flags if holds)]
    meanings = [_MEANINGS[truth.outcome], *(meaning for holds, _, meaning in flags if holds)]
    return Text.assemble((", ".join(names), _HEADING), (f": {'; '.join(meanings)}", _PLAIN))


def _summary(results: Results) -> Iterator[Text]:
    counts = {style.value: results.counts(style) for style in Style}
    found = set(counts.values())
    for styles, count in counts.items() if len(found) > 1 else [("sync and async alike", found.pop())]:
        yield from _in_words(count, styles)
    yield Text()
    yield from _judgement(results)


def _in_words(counts: Counts, styles: str) -> Iterator[Text]:
    yield Text(f"Of {counts.failures} failures, {styles}:", _HEADING)
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
    odd = [call for call in calls if not call.as_expected]
    if odd:
        yield Text(f"midstream told {len(odd)} of {len(calls)} calls of {results.sdk} wrong:", _BAD)
        for call in odd:
            yield Text(f"{_ODD}{call.scenario.name} ({call.style.value})", _BAD)
            yield Text(f"    told:  {_in_line(call.truth, call.seen.status)}")
            yield Text(f"    truth: {_in_line(call.expected, call.expected.reported_status)}")
    else:
        yield Text(f"midstream told all {len(calls)} calls of {results.sdk} right.")
    yield Text("`midstream faults --list` explains the faults.", _FAINT)


def _in_line(truth: Truth | None, seen_status: int | None) -> str:
    seen = f"the exception's status is {seen_status}" if seen_status else "no status on an exception"
    if truth is None:
        return f"nothing; {seen}"
    phase = None if truth.phase is None else truth.phase.value
    flags = ("leaked" if truth.leaked else None, "misreported" if truth.misreported else None)
    words = (truth.outcome.value, truth.error_type, truth.status, *flags, phase)
    return f"{', '.join(str(word) for word in words if word is not None)}; {seen}"
