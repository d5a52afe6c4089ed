"""Our own faults stay ours, and are told; what is meant for the application passes through."""

from __future__ import annotations

import asyncio
import itertools
import logging
import math
import time
from typing import TYPE_CHECKING, NoReturn

import pytest

from midstream import guard
from midstream.guard import Guard, attempt, count_with, safe_clock

if TYPE_CHECKING:
    from collections.abc import Iterator

SECRET = "the prompt"  # noqa: S105 - no password: a text that must not be logged


@pytest.fixture(autouse=True)
def first_fault_of_a_process(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(guard, "_faults", itertools.count())
    caplog.set_level(logging.DEBUG, logger="midstream")


@pytest.fixture
def counted() -> Iterator[list[str]]:
    components: list[str] = []
    count_with(components.append)
    yield components
    count_with(None)


def fault(kind: type[BaseException] = RuntimeError) -> NoReturn:
    raise kind(SECRET)


def test_a_fault_is_contained_counted_and_logged_without_its_message(
    counted: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    with Guard("spans"):
        fault()
    (record,) = caplog.records
    where = f"{__file__}:{fault.__code__.co_firstlineno + 1}"
    said = (
        f"midstream contained a fault of its own in spans: RuntimeError at {where}. The application is not affected; "
        "its telemetry may be incomplete. Later faults are logged at DEBUG."
    )
    assert (counted, record.name, record.levelname, record.getMessage()) == (
        ["spans"],
        "midstream",
        "WARNING",
        said,
    )
    assert record.exc_info is None


def test_the_first_fault_is_a_warning_and_the_later_ones_are_not(
    counted: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    for component in ("spans", "metrics", "spans"):
        with Guard(component):
            fault()
    assert [record.levelname for record in caplog.records] == ["WARNING", "DEBUG", "DEBUG"]
    assert counted == ["spans", "metrics", "spans"]


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit, GeneratorExit, asyncio.CancelledError])
def test_what_is_meant_for_the_application_passes_through(
    kind: type[BaseException], counted: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(kind), Guard("spans"):
        fault(kind)
    with pytest.raises(kind):
        attempt(lambda: fault(kind))
    with pytest.raises(kind):
        safe_clock(lambda: fault(kind))()
    assert (counted, caplog.records) == ([], [])


def test_a_guard_without_a_fault_does_nothing(counted: list[str], caplog: pytest.LogCaptureFixture) -> None:
    with Guard("spans"):
        pass
    assert (counted, caplog.records) == ([], [])


def test_guards_can_be_nested_and_the_inner_one_is_told(counted: list[str]) -> None:
    reached: list[str] = []
    with Guard("calls"):
        with Guard("spans"):
            fault()
        reached.append("after the inner one")
    assert (counted, reached) == (["spans"], ["after the inner one"])


def test_a_counter_that_raises_is_contained(caplog: pytest.LogCaptureFixture) -> None:
    count_with(lambda _component: fault())
    try:
        with Guard("spans"):
            fault()
    finally:
        count_with(None)
    assert len(caplog.records) == 1


def test_a_logger_that_raises_is_contained_and_the_fault_is_counted_all_the_same(counted: list[str]) -> None:
    class Broken(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            del record
            fault()

    logger, handler = logging.getLogger("midstream"), Broken()
    logger.addHandler(handler)
    try:
        with Guard("spans"):
            fault()
    finally:
        logger.removeHandler(handler)
    assert counted == ["spans"]


def test_faults_are_logged_while_nobody_counts(caplog: pytest.LogCaptureFixture) -> None:
    with Guard("spans"):
        fault()
    assert len(caplog.records) == 1


def test_every_component_has_its_own_name() -> None:
    guards = (guard.CALLS, guard.STREAMS, guard.BODIES, guard.SPANS, guard.METRICS, guard.LOGS)
    assert [one.component for one in guards] == ["calls", "streams", "bodies", "spans", "metrics", "logs"]


def test_an_attempt_answers_for_objects_that_are_not_ours_and_tells_nobody(
    counted: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    assert [attempt(lambda: 1), attempt(fault)] == [1, None]
    assert (counted, caplog.records) == ([], [])


def test_a_clock_that_cannot_raise_is_taken_as_it_is() -> None:
    assert safe_clock(time.perf_counter) is time.perf_counter


def test_a_clock_that_raises_says_not_a_number_and_is_a_fault(counted: list[str]) -> None:
    readings = iter([1.5])
    now = safe_clock(lambda: next(readings))
    first, second = now(), now()
    assert (first, math.isnan(second), counted) == (1.5, True, ["clock"])
