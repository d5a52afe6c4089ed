"""What is measured in CPU time of this process: events and calls, each in every way there is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from by_hand import by_hand
from clients import SDK_TRACES, SDK_TRACING
from figures import Budget, Figure, Goal
from flavors import FLAVORS
from floor import REFERENCE, Floor, Gauge
from iterators import nanoseconds_per_event
from measuring import by_yardstick, compared, rounds
from providers import providers, started
from server import SHORTEST
from telling import Told, told

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flavors import Flavor, Work
    from measuring import Round, Yardstick
    from sizes import Size
    from subjects import Providers, Subject

__all__ = (
    "EVENT_GOALS",
    "Case",
    "Measure",
    "Telemetry",
    "calls",
    "events",
    "measure",
    "measure_iterator",
    "telemetry_of",
    "told_of_a_call",
)


@dataclass(frozen=True)
class Measure:
    """One of the things that a case measures: what it is called, its unit, and how many of that are in a second."""

    key: str
    unit: str
    scale: float
    goal: Goal | None = None


Run = Callable[[str, int], "Sequence[float]"]
"""Does something so many times with the server at a URL, and returns seconds for one, by measure."""


@dataclass(frozen=True)
class Case:
    """Something to measure.

    Bare is with `base`, if there is one, beneath what is measured.
    """

    measures: tuple[Measure, ...]
    units: int
    run: Run
    ending: Callable[[Callable[[], None]], Run] | None = None
    """Makes a run at the end of each of which something is done. `None` where nobody asks what telemetry it makes."""
    base: Subject | None = None
    rounds: int = 1
    """How many it has for each of another case, as each takes so little."""
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
            Measure(f"event: {key}", "ns", 1e9, EVENT_GOALS[flavor.name]),
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

    def run(work: Work) -> Run:
        return lambda url, times: [flavor.seconds(url, [(work, times)])[0] / times]

    def case(name: str, work: Work, goal: Goal) -> Case:
        return Case(
            (Measure(f"{name}, {flavor.name}{beside}", "us", 1e6, goal),),
            size.calls,
            run(work),
            lambda then: run(flavor.ending(work, then)),
            base,
            rounds=size.call_rounds,
        )

    return [case(*one) for one in works]


_WAYS: Final = {"create": "create(stream=True)", "helper": "messages.stream()"}
_FRAMINGS: Final = {"together": "large chunks", "chunked": "a chunk each"}
EVENT_GOALS: Final = {"sync": Goal(ratio=1.005), "async": Goal(ratio=1.01)}
_ITERATOR_GOALS: Final = {"sync": Goal(added=60), "async": Goal(added=150)}
_OWN_SPAN: Final = (Goal(added=100), Goal(added=140))
_SDK_SPAN: Final = (Goal(added=60), Goal(added=100))
"""For a call and for a stream."""


def measure(case: Case, url: str, subject: Subject, pairs: int, *, warm: bool) -> list[Figure]:
    """Runs `case` with and without `subject` in turn: a figure for each of its measures.

    If it tells something, a third kind of run is bare, with just that said by hand at the end of each call.
    """
    given, gauge = providers(), Gauge()
    floors: list[Floor] = []
    telemetry = None if case.ending is None else telemetry_of(case, url, subject)

    def bare() -> Sequence[float]:
        if telemetry is not None:
            floors.append(gauge.read())
        with started(given, case.base):
            return case.run(url, case.units)

    def observed() -> Sequence[float]:
        with started(given, case.base, subject):
            return case.run(url, case.units)

    said = None if telemetry is None else _said(case, url, telemetry.added)
    number = max(1, pairs * case.rounds // case.patience)
    by_measure = zip(*rounds(bare, observed, number, warm=warm, yardstick=said), strict=True)
    return [
        _figure(measure, subject, of_measure, None if telemetry is None else (telemetry, Floor.median(floors)))
        for measure, of_measure in zip(case.measures, by_measure, strict=True)
    ]


@dataclass(frozen=True)
class Telemetry:
    """What a call tells."""

    added: Told
    """By who is measured."""
    attributes: int
    """On its span, whoever made it."""


def telemetry_of(case: Case, url: str, subject: Subject) -> Telemetry:
    """What a call of `case` tells with `subject`."""
    observed = told_of_a_call(lambda _: case.run, url, case.base, subject)
    base = told_of_a_call(lambda _: case.run, url, case.base)
    return Telemetry(observed.beyond(base), observed.attributes)


def told_of_a_call(run: Callable[[Providers], Run], url: str, *subjects: Subject | None) -> Told:
    """What the last call of a run tells. The first may tell more, once and for all."""
    once = told(lambda given: run(given)(url, 1), *subjects)
    twice = told(lambda given: run(given)(url, 2), *subjects)
    return twice.after(once)


def _said(case: Case, url: str, added: Told) -> Callable[[], Sequence[float]] | None:
    """A run in which `added` is said by hand. `None` if that is nothing."""
    if case.ending is None or added == Told():
        return None
    given = providers()
    run = case.ending(by_hand(added, given))

    def said() -> Sequence[float]:
        with started(given, case.base):
            return run(url, case.units)

    return said


def _figure(
    measure: Measure, subject: Subject, told: Sequence[Round], floored: tuple[Telemetry, Floor] | None
) -> Figure:
    said = by_yardstick(told)
    return Figure(
        measure.key,
        subject.name,
        measure.unit,
        compared(told).in_units(measure.scale),
        measure.goal,
        None if floored is None else _budget(measure, *floored, None if said is None else said.in_units(measure.scale)),
    )


def _budget(measure: Measure, telemetry: Telemetry, floor: Floor, said: Yardstick | None) -> Budget:
    added = telemetry.added
    goal = None if measure.goal is None else measure.goal.added

    def scaled(here: float, there: float) -> float | None:
        there *= measure.scale  # 0 for who does not tell it to us
        return None if goal is None or not there else goal * here / there

    least = floor.of(added) * measure.scale
    budget = Budget(
        len(added.records),
        len(added.spans),
        len(added.events),
        telemetry.attributes,
        least,
        scaled(least, REFERENCE.of(added)),
    )
    if said is None:
        return budget
    return replace(
        budget,
        by_hand=said.added,
        own=said.beyond,
        goal_by_hand=scaled(said.added.median, REFERENCE.with_additions(added)),
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
