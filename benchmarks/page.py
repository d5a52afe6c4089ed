"""Writes docs/benchmarks.md: what was measured, as text. A pure function of the results."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from others import ENTRANTS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from figures import Figure
    from measuring import Spread
    from results import Result

__all__ = ("PAGE", "page", "standing")

PAGE: Final = Path(__file__).resolve().parent.parent / "docs" / "benchmarks.md"

US: Final = "midstream"

_INTRODUCTION: Final = """\
<!-- Written by `make bench-others`; do not edit. -->

# Benchmarks

What midstream costs the application, and what others cost that observe the same calls.

Each figure is what is added to the same program without instrumentation, as CPU time of its process unless it says
otherwise. It is the median over rounds of bare, observed, bare in one process; the quartiles and the ratio (observed,
by bare) are of the same rounds. The control is the second bare run less the first: all of it is noise. The server is
another process, on loopback, and answers at once: a real answer takes seconds. Everybody gets the same OpenTelemetry
providers, without exporters; who has a way of its own to send has one there that drops everything.

By hand: what the same program costs more when exactly the telemetry that the observed call made (the same measurements,
spans and log events, with the same attributes and values) is said with the OpenTelemetry API where the call ends, with
nothing to find out and no instrumentation. It is measured in the same rounds, between bare runs of its own. What is
added beyond it is the instrumentation's own.
"""

_QUICK: Final = """\
**Some of these figures come from a run with `--quick`: they show that everything runs, and say nothing else.**
"""

_WHO: Final = """\
## Who was measured

What they record is not the same, and neither is what they see: who records less has less to do. That one costs less
does not make it better.
"""

_COMPARED: Final = """\
## Side by side

Medians of what is added. The last column compares quartiles: midstream **leads** where its upper quartile is below the
lower quartile of everybody else, is **level with** those whose quartiles overlap its own, and **behind** those whose
upper quartile is below its lower one.
"""

_DETAILS: Final = """\
## Every figure

Added: the median and the quartiles. Told: the records of metrics, spans and log events that reach the OpenTelemetry
providers for one call; logfire, sentry-sdk and ddtrace have their own ways. By hand: what it costs to say just that.
"""

_GOALS: Final = """\
## Goals and what was measured

midstream alone, at full length: `make bench-others ARGS="--only goals"`; `make bench` prints the same.

The goals for calls are for a machine on which OpenTelemetry takes 8 us for a record, and 25 us for a span or a log
event. What it takes here is measured in two ways. The floor is a loop of nothing else: the least there is. Said by
hand, the same stands between calls, where caches are full of other things: what OpenTelemetry takes of a program. A
goal is scaled by each, and is reached when it is by both; an attribute that is added to the SDK's span counts as a
twelfth of a span. Its own is what is added less what is said by hand.

A ratio is unclear where its quartiles are on both sides of the goal: then the machine's noise is larger than what is
looked for. What midstream itself adds to an event is told by the iterators alone, around events that are there already,
and by the machine instructions, the ratio of which is higher than with a server: bare is without HTTP/1.1 there.
"""

_NOT_MEASURED: Final = """\
## Not measured

- Content capture: it is off for everybody who can switch it off. logfire cannot: its figures have that work in them.
- Memory that no Python object has: extensions (ddtrace has some) may hold more than is told.
- Exporters: nothing is encoded or sent. With real ones everybody costs more, by spans, metrics and logs that it makes.
- openlit and langsmith, which do not work with this version of the SDK, langfuse and mlflow.
- Two instrumentations in one process, but for midstream on top of the SDK's own spans.
- Other versions of Python, and other machines than the one above: what it says about ratios may differ there.
- Bedrock, Vertex and the beta endpoints; prompts and answers of many megabytes; tools.
- A network: on loopback nobody waits, so the share of the instrumentation is larger than in production.
"""

_GROUPS: Final = (
    ("Per event", "of a stream, by how it is read and how it arrives", ("event: ",)),
    ("Per stream", "of its whole length", ("whole stream: ",)),
    ("Per call", "and per short stream, start and end together", ("call", "stream ")),
    (
        "Machine instructions per event",
        "counted, whatever else the machine does; over a transport in memory, so that bare is without HTTP/1.1",
        ("instructions of an event: ",),
    ),
    ("Machine instructions per call", "and per short stream, counted in the same way", ("instructions of a call: ",)),
    ("Start", "import and instrumentation, in a process that has the SDK and OpenTelemetry already", ("start: ",)),
    ("Memory", "of an open stream", ("memory: ",)),
    ("Many streams at once", "in one event loop", ("throughput: ",)),
)
"""Title, what it is about, and how the keys of its figures begin."""


def page(results: Mapping[str, Result], goals: Result | None) -> str:
    """The page: `results` by the name of who was measured, and all about midstream."""
    parts = [_INTRODUCTION]
    everything = [*results.values(), *([goals] if goals else [])]
    if any(one.quick for one in everything):
        parts.append(_QUICK)
    parts += [*_machines(everything), _WHO, _versions(results), _records()]
    for heading, table in ((_COMPARED, _side_by_side), (_DETAILS, _every_figure)):
        parts.append(heading)
        for title, about, starts in _GROUPS:
            keys = _keys(results, starts)
            if keys:
                parts += [
                    f"### {title}\n\n{about[0].upper()}{about[1:]}.\n"
                    if table is _side_by_side
                    else f"### {title}: figures\n"
                ]
                parts.append(table(results, keys))
    counted = [one for one in results[US].figures.values() if one.goal is not None] if US in results else []
    parts += [_GOALS, _goals([*goals.figures.values(), *counted]) if goals else "Not run.\n", _NOT_MEASURED]
    return "\n".join(parts)


def standing(key: str, results: Mapping[str, Result]) -> str:
    """Where midstream is with this figure, in words."""
    if US not in results or key not in results[US].figures:
        return ""
    ours = results[US].figures[key].comparison.added
    others = {
        ENTRANTS[name].subject.name: result.figures[key].comparison.added
        for name, result in results.items()
        if name != US and key in result.figures
    }
    behind = [name for name, theirs in others.items() if theirs.high < ours.low]
    level = [name for name, theirs in others.items() if theirs.low <= ours.high and ours.low <= theirs.high]
    if behind:
        return f"behind {', '.join(behind)}"
    if level:
        return f"level with {', '.join(level)}"
    return "**leads**" if others else ""


def _machines(results: Sequence[Result]) -> Iterator[str]:
    for machine in dict.fromkeys(one.machine for one in results):
        here = [one for one in results if one.machine == machine]
        pythons = ", ".join(dict.fromkeys(one.environment["python"] for one in here))
        minutes = sum(one.seconds for one in here) / 60
        yield f"Measured on: {machine}; {pythons}. It took {minutes:.0f} min in all.\n"


def _versions(results: Mapping[str, Result]) -> str:
    def row(name: str) -> tuple[str, ...]:
        entrant, result = ENTRANTS[name], results.get(name)
        package = f"`{entrant.subject.distribution}`"
        if result is None:
            return (entrant.subject.name, package, "not run", "", "", "")
        versions = result.environment
        told = (entrant.subject.distribution, "anthropic", "opentelemetry-sdk")
        return (entrant.subject.name, package, *(versions[one] for one in told), result.date)

    header = ("who", "package", "version", "SDK", "OpenTelemetry SDK", "date")
    return _table(header, map(row, ENTRANTS), numbers=False)


def _records() -> str:
    lines: list[str] = []
    for entrant in ENTRANTS.values():
        settings = ", ".join(f"`{name}={value}`" for name, value in entrant.settings.items())
        lines.append(f"- **{entrant.subject.name}**: {entrant.records}" + (f" Set: {settings}." if settings else ""))
    return "\n".join(lines) + "\n"


def _keys(results: Mapping[str, Result], starts: tuple[str, ...]) -> list[str]:
    """Of figures that there are for midstream and for somebody else, or only for others."""
    told = dict.fromkeys(key for result in results.values() for key in result.figures)
    return [key for key in told if key.startswith(starts)]


def _side_by_side(results: Mapping[str, Result], keys: Sequence[str]) -> str:
    def cell(name: str, key: str) -> str:
        figure = results[name].figures.get(key)
        return "" if figure is None else f"{_number(figure.comparison.added.median)} {figure.unit}"

    header = ("", *(ENTRANTS[name].subject.name for name in results), US)
    rows = ((key, *(cell(name, key) for name in results), standing(key, results)) for key in keys)
    return _table(header, rows)


def _every_figure(results: Mapping[str, Result], keys: Sequence[str]) -> str:
    def rows() -> Iterator[tuple[str, ...]]:
        for key in keys:
            for name, result in results.items():
                if key in result.figures:
                    figure = result.figures[key]
                    yield key, ENTRANTS[name].subject.name, *_figure(figure), _told(figure), _by_hand(figure)

    header = ("", "who", "bare", "added", "quartiles", "ratio", "quartiles", "control", "rounds", "told", "by hand")
    return _table(header, rows())


def _figure(figure: Figure) -> tuple[str, ...]:
    told = figure.comparison
    return (
        f"{_number(told.bare.median)} {figure.unit}",
        f"{_number(told.added.median)} {figure.unit}",
        _quartiles(told.added),
        f"{told.ratio.median:.4f}",
        f"{told.ratio.low:.4f} to {told.ratio.high:.4f}",
        f"{_number(told.control.median)} {figure.unit}",
        str(told.pairs),
    )


def _goals(figures: Sequence[Figure]) -> str:
    def rows() -> Iterator[tuple[str, ...]]:
        for figure in figures:
            bare, added, quartiles, ratio, _, control, _ = _figure(figure)
            floor = "" if figure.budget is None else f"{_number(figure.budget.floor)} {figure.unit}"
            costs = (_told(figure), floor, _by_hand(figure), _own(figure))
            yield figure.key, bare, added, quartiles, ratio, control, *costs, _goal(figure), _verdict(figure)

    header = ("", "bare", "added", "quartiles", "ratio", "control", "told", "floor", "by hand", "its own", "goal", "")
    return _table(header, rows())


def _told(figure: Figure) -> str:
    budget = figure.budget
    if budget is None:
        return ""
    counts = (("record", budget.records), ("span", budget.spans), ("log event", budget.logs))
    return ", ".join(f"{count:g} {what}{'s' * (count != 1)}" for what, count in counts if count)


def _by_hand(figure: Figure) -> str:
    said = None if figure.budget is None else figure.budget.by_hand
    return "" if said is None else f"{_number(said.median)} {figure.unit}"


def _own(figure: Figure) -> str:
    own = None if figure.budget is None else figure.budget.own
    return "" if own is None else f"{_number(own.median)} {figure.unit} ({_quartiles(own)})"


def _verdict(figure: Figure) -> str:
    if not figure.is_clear:
        return "unclear"
    if figure.reached_by_hand is None or figure.reached_by_hand == figure.reached_by_floor:
        return _VERDICTS[figure.reached]
    by_floor, by_hand = _VERDICTS[figure.reached_by_floor], _VERDICTS[figure.reached_by_hand]
    return f"{by_floor} by the floor, {by_hand} by hand"


def _goal(figure: Figure) -> str:
    if figure.goal is None:
        return ""
    most: list[str] = []
    if figure.goal.added is not None:
        most.append(f"{figure.goal.added:,.0f} {figure.unit}")
        here = _goals_here(figure)
        if here:
            most.append(f"({', '.join(here)})")
    if figure.goal.ratio is not None:
        most.append(f"ratio {figure.goal.ratio:.4g}")
    return " ".join(most)


def _goals_here(figure: Figure) -> list[str]:
    """The goal of this machine, by each of its measures."""
    if figure.budget is None:
        return []
    goals = (("the floor", figure.budget.goal), ("hand", figure.budget.goal_by_hand))
    return [f"{_number(goal)} {figure.unit} here by {what}" for what, goal in goals if goal is not None]


_VERDICTS: Final[Mapping[bool | None, str]] = {True: "reached", False: "**not reached**", None: ""}

_FEW: Final = 10


def _number(value: float) -> str:
    return f"{value:,.2f}" if abs(value) < _FEW else f"{value:,.0f}"


def _quartiles(spread: Spread) -> str:
    return f"{_number(spread.low)} to {_number(spread.high)}"


def _table(header: Sequence[str], rows: Iterable[Sequence[str]], *, numbers: bool = True) -> str:
    rules = ["---", *(("---:" if numbers else "---") for _ in header[1:])]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (header, rules, *rows)) + "\n"
