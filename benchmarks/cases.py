"""What is measured in CPU time of this process: events and calls, each in every way there is."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

from clients import SDK_TRACES, SDK_TRACING
from figures import Budget, Figure, Goal
from flavors import FLAVORS
from floor import REFERENCE, Floor, Gauge
from iterators import nanoseconds_per_event
from measuring import compared, rounds
from providers import providers, started, told
from server import SHORTEST

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from flavors import Flavor, Work
    from providers import Told
    from sizes import Size
    from subjects import Subject

__all__ = ("Case", "Measure", "calls", "events", "measure", "measure_iterator")


@dataclass(frozen=True)
class Measure:
    """One of the things that a case measures: what it is called, its unit, and how many of that are in a second."""

    key: str
    unit: str
    scale: float
    goal: Goal | None = None


@dataclass(frozen=True)
class Case:
    """Something to measure: `run(url, units)` does it so many times, and returns seconds for one, by measure.

    Bare is with `base`, if there is one, beneath what is measured.
    """

    measures: tuple[Measure, ...]
    units: int
    run: Callable[[str, int], Sequence[float]]
    base: Subject | None = None
    told: bool = False
    """Whether how much telemetry it makes is of interest."""
    patience: int = 1
    """By how much fewer rounds than others it has, as each takes long."""


def events(size: Size) -> list[Case]:
    """Streams, long ones."""
    return [
        _events(flavor, way, framing, length, size)
        for flavor in FLAVORS
        for framing in ("together", "chunked")
        for way in ("create", "helper")
        for length in size.lengths
    ]


def _events(flavor: Flavor, way: str, framing: str, length: int, size: Size) -> Case:
    work: Callable[[str], Work] = getattr(flavor, way)
    long, short = work(f"{framing} {length}"), work(f"{framing} {SHORTEST}")

    def run(url: str, streams: int) -> tuple[float, float]:
        # What a stream costs whatever its length is measured beside it, and taken off.
        ends, whole = flavor.seconds(url, [(short, size.short_streams), (long, streams)])
        return (whole / streams - ends / size.short_streams) / (length - SHORTEST), whole / streams

    key = f"{flavor.name}, {_WAYS[way]}, {_FRAMINGS[framing]}, {length:,} events"
    return Case(
        (
            Measure(f"event: {key}", "ns", 1e9, _EVENT_GOALS[flavor.name]),
            Measure(f"whole stream: {key}", "us", 1e6),
        ),
        max(1, size.events_per_run // length),
        run,
        patience=max(1, length // size.events_per_run),
    )


def calls(size: Size) -> list[Case]:
    """Calls and short streams, by themselves and on top of the SDK's own spans."""
    bases = (None, SDK_TRACING) if SDK_TRACES else (None,)
    return [case for base in bases for flavor in FLAVORS for case in _calls(flavor, base, size)]


def _calls(flavor: Flavor, base: Subject | None, size: Size) -> list[Case]:
    call, stream = _OWN_SPAN if base is None else _SDK_SPAN
    works: tuple[tuple[str, Work, Goal], ...] = (
        ("call, not streamed", flavor.call("whole"), call),
        ("call refused with status 529", flavor.failing(flavor.call("refused 529")), call),
        (f"stream of {SHORTEST} events", flavor.create(f"together {SHORTEST}"), stream),
        ("stream failing after 4 events", flavor.failing(flavor.create("failing 4")), stream),
        ("stream failing at its first event", flavor.failing(flavor.create("failing 0")), stream),
        ("stream refused with status 529", flavor.failing(flavor.create("refused 529")), call),
    )
    beside = "" if base is None else ", on the SDK's span"

    def run(work: Work) -> Callable[[str, int], Sequence[float]]:
        return lambda url, times: [flavor.seconds(url, [(work, times)])[0] / times]

    return [
        Case((Measure(f"{name}, {flavor.name}{beside}", "us", 1e6, goal),), size.calls, run(work), base, told=True)
        for name, work, goal in works
    ]


_WAYS: Final = {"create": "create(stream=True)", "helper": "messages.stream()"}
_FRAMINGS: Final = {"together": "large chunks", "chunked": "a chunk each"}
_EVENT_GOALS: Final = {"sync": Goal(ratio=1.005), "async": Goal(ratio=1.01)}
_ITERATOR_GOALS: Final = {"sync": Goal(added=60), "async": Goal(added=150)}
_OWN_SPAN: Final = (Goal(added=100), Goal(added=140))
_SDK_SPAN: Final = (Goal(added=60), Goal(added=100))
"""For a call and for a stream."""


def measure(case: Case, url: str, subject: Subject, pairs: int, *, warm: bool) -> list[Figure]:
    """Runs `case` with and without `subject` in turn: a figure for each of its measures."""
    given, gauge = providers(), Gauge()
    floors: list[Floor] = []

    def bare() -> Sequence[float]:
        if case.told:
            floors.append(gauge.read())
        with started(given, case.base):
            return case.run(url, case.units)

    def observed() -> Sequence[float]:
        with started(given, case.base, subject):
            return case.run(url, case.units)

    by_measure = zip(*rounds(bare, observed, max(1, pairs // case.patience), warm=warm), strict=True)
    floor = Floor.median(floors) if case.told else None
    return [
        Figure(
            measure.key,
            subject.name,
            measure.unit,
            compared(of_measure).in_units(measure.scale),
            measure.goal,
            None if floor is None else _budget(case, measure, url, subject, floor),
        )
        for measure, of_measure in zip(case.measures, by_measure, strict=True)
    ]


def _budget(case: Case, measure: Measure, url: str, subject: Subject, floor: Floor) -> Budget:
    def one(*subjects: Subject | None) -> Told:
        # What a second call makes: the first may make more, once and for all.
        less, more = (told(partial(case.run, url, times), *subjects) for times in (1, 2))
        return more.less(less)

    observed = one(case.base, subject)
    added = observed.less(one(case.base))
    goal = None if measure.goal is None else measure.goal.added
    reference = REFERENCE.of(added)  # 0 for who does not tell it to us
    return Budget(
        added.records,
        added.spans,
        added.logs,
        observed.attributes,
        floor.of(added) * measure.scale,
        None if goal is None or not reference else goal * floor.of(added) / reference,
    )


def measure_iterator(flavor: str, pairs: int, *, warm: bool) -> Figure:
    """Midstream's event iterator by itself, `sync` or `async`, around prebuilt events."""
    told = rounds(
        lambda: [nanoseconds_per_event(flavor, observed=False)],
        lambda: [nanoseconds_per_event(flavor, observed=True)],
        pairs,
        warm=warm,
    )
    return Figure(
        f"event: {flavor}, the iterator alone",
        "midstream",
        "ns",
        compared([one for (one,) in told]),
        _ITERATOR_GOALS[flavor],
    )
