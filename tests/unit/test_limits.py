from __future__ import annotations

import os
import random
import signal
import sys
from threading import Barrier, Thread
from typing import TYPE_CHECKING

import pytest

from midstream._guard import Guards
from midstream._outcomes import Outcome, Phase
from midstream._telemetry import limits as module
from midstream._telemetry.limits import BOUNDED_ATTRIBUTES, MAX_SERIES, MAX_VALUE_LENGTH, MAX_VALUES, Limits
from midstream._telemetry.metrics import METRICS, NEXT_METRICS, Metric
from midstream._telemetry.operation import Operation
from telemetry_contract import most_series

if TYPE_CHECKING:
    from midstream._telemetry.call_record import Value

MODEL = "gen_ai.request.model"
PORT = "server.port"
ERRORS = "midstream.client.errors"
ACTIVE = "midstream.client.stream.active"
THREADS = 16
BROUGHT = 128 * THREADS
"""More than there are series; a multiple of the threads, so that they can bring the same in different orders."""


@pytest.fixture(name="full")
def full_() -> Limits:
    limits = Limits()
    for name in BOUNDED_ATTRIBUTES:
        for n in range(MAX_VALUES):
            value = n if name == PORT else f"value {n}"
            assert limits.value(name, value) == value
    return limits


def model(n: int) -> dict[str, Value]:
    return {"gen_ai.operation.name": "chat", MODEL: f"model {n}"}


@pytest.fixture(name="full_of_series")
def full_of_series_() -> Limits:
    limits = Limits()
    for n in range(MAX_SERIES):
        assert limits.series(ERRORS, model(n)) == model(n)
    return limits


def test_a_text_too_many_is_other(full: Limits) -> None:
    assert full.of({MODEL: "one more", "server.address": "one more"}) == {MODEL: "_OTHER", "server.address": "_OTHER"}


def test_a_number_too_many_is_left_out(full: Limits) -> None:
    assert full.of({PORT: MAX_VALUES, "server.address": "value 0"}) == {"server.address": "value 0"}


def test_what_was_there_in_time_stays(full: Limits) -> None:
    known: dict[str, Value] = {MODEL: "value 99", PORT: 99, "gen_ai.response.model": "value 0"}
    assert full.of(known) == known


def test_a_text_that_is_too_long_is_other_and_takes_no_place() -> None:
    limits = Limits()
    for n in range(MAX_VALUES):
        assert limits.value(MODEL, f"{n}".rjust(MAX_VALUE_LENGTH + 1, "x")) == "_OTHER"
    longest = "x" * MAX_VALUE_LENGTH
    assert limits.value(MODEL, longest) == longest


def test_attributes_without_a_limit_are_unchanged(full: Limits) -> None:
    known: dict[str, Value] = {"error.type": "x" * 1000, "midstream.leaked": False, "midstream.status_code": 529}
    assert full.of(known) == known


def test_in_a_series_too_many_nothing_is_left_that_somebody_made_up(full_of_series: Limits) -> None:
    closed: dict[str, Value] = {
        "midstream.outcome": "http_error",
        "midstream.leaked": False,
        "midstream.phase": "request",
    }
    opened: dict[str, Value] = {
        MODEL: "m",
        "gen_ai.provider.name": "p",
        "error.type": "t",
        "midstream.status_code": 418,
        "http.response.status_code": 418,
    }
    others = dict.fromkeys((MODEL, "gen_ai.provider.name", "error.type"), "_OTHER")
    assert full_of_series.series(ERRORS, {**closed, **opened}) == {**closed, **others}


def test_a_series_that_was_there_in_time_stays(full_of_series: Limits) -> None:
    full_of_series.series(ERRORS, model(MAX_SERIES))
    assert full_of_series.series(ERRORS, model(MAX_SERIES - 1)) == model(MAX_SERIES - 1)


def test_each_metric_has_series_of_its_own(full_of_series: Limits) -> None:
    assert full_of_series.series(ACTIVE, model(MAX_SERIES)) == model(MAX_SERIES)


def test_the_same_values_of_other_attributes_are_another_series() -> None:
    limits = Limits()
    for n in range(MAX_SERIES):
        limits.series(ERRORS, {MODEL: f"{n}"})
    assert limits.series(ERRORS, {"gen_ai.provider.name": "0"}) == {"gen_ai.provider.name": "_OTHER"}


def test_what_was_a_series_once_is_one_for_all_threads() -> None:
    """All threads bring the same new values at the same time, in different orders, past the limit."""
    interval = sys.getswitchinterval()
    limits, start = Limits(), Barrier(THREADS)
    found: list[list[tuple[int, Value]]] = [[] for _ in range(THREADS)]

    def bring(number: int) -> None:
        start.wait()
        for turn in range(BROUGHT):
            n = turn ^ number
            found[number].append((n, limits.series(ACTIVE, model(n))[MODEL]))

    threads = [Thread(target=bring, args=(number,)) for number in range(THREADS)]
    sys.setswitchinterval(1e-6)
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    decided = {pair for one in found for pair in one}
    assert len(decided) == BROUGHT
    assert len({value for _, value in decided}) == MAX_SERIES + 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_child_that_is_forked_off_while_a_series_is_added_can_add_its_own() -> None:
    """The lock is held by a thread that the child does not have: only `os.fork()` waits for it."""
    limits = Limits()
    forked: list[int] = []

    def fork() -> None:
        child = os.fork()
        if not child:
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.alarm(10)
            limits.series(ACTIVE, model(0))
            os._exit(0)
        forked.append(os.waitpid(child, 0)[1])

    thread = Thread(target=fork)
    with module._ADDING:
        thread.start()
        thread.join(0.1)
        assert forked == []
    thread.join()
    assert forked == [0]


def test_the_limit_of_a_metric_counts_every_component() -> None:
    guards = Guards()
    (metric,) = (metric for metric in METRICS if metric.name == "midstream.telemetry.errors")
    assert most_series(metric) == len({getattr(guards, name).component for name in Guards.__slots__})


CLOSED: dict[str, tuple[Value, ...]] = {
    "gen_ai.operation.name": tuple(operation.value for operation in Operation),
    "gen_ai.request.stream": (True, False),
    "gen_ai.token.type": ("input", "output"),
    "gen_ai.token.modality": ("unknown",),
    "midstream.outcome": tuple(outcome.value for outcome in Outcome),
    "midstream.leaked": (True, False),
    "midstream.misreported": (True, False),
    "midstream.corrected": (True, False),
    "midstream.phase": tuple(phase.value for phase in Phase),
}


@pytest.mark.parametrize(
    "metric",
    [one for one in (*METRICS, *NEXT_METRICS) if one.name != "midstream.telemetry.errors"],
    ids=lambda one: one.name,
)
def test_the_limit_holds_for_any_values(metric: Metric) -> None:
    limits, chance = Limits(), random.Random(5)  # noqa: S311 - the same every time
    found: set[tuple[object, ...]] = set()
    for n in range(20 * MAX_SERIES):
        known: dict[str, Value] = {
            name: chance.choice(CLOSED[name]) if name in CLOSED else n if name.endswith(("code", "port")) else f"x{n}"
            for name in metric.attributes
            if name in CLOSED or name == "gen_ai.provider.name" or chance.random() < 0.8
        }
        found.add(tuple(sorted(limits.series(metric.name, limits.of(known)).items())))
    assert MAX_SERIES < len(found) <= most_series(metric)
