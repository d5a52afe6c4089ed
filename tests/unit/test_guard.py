"""Internal errors are contained and logged; what is meant for the application passes through."""

from __future__ import annotations

import asyncio
import itertools
import logging
import math
import signal
import time
from typing import TYPE_CHECKING, NoReturn

import pytest

from midstream import _guard as guard
from midstream._guard import UNCOUNTED, Guards, attempt, safe_clock

if TYPE_CHECKING:
    from types import FrameType

SECRET = "the prompt"  # noqa: S105 - no password: a text that must not be logged


@pytest.fixture(autouse=True)
def first_fault_of_a_process(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(guard, "_errors", itertools.count())
    caplog.set_level(logging.DEBUG, logger="midstream")


@pytest.fixture
def counted() -> list[str]:
    return []


@pytest.fixture
def guards(counted: list[str]) -> Guards:
    return Guards(counted.append)


def fault(kind: type[BaseException] = RuntimeError) -> NoReturn:
    raise kind(SECRET)


def test_a_fault_is_contained_counted_and_logged_without_its_message(
    guards: Guards, counted: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    with guards.spans:
        fault()
    (record,) = caplog.records
    where = f"{__file__}:{fault.__code__.co_firstlineno + 1}"
    said = (
        f"midstream caught an internal error in spans: RuntimeError at {where}. The application is not affected; "
        "its telemetry may be incomplete. Later errors are logged at DEBUG."
    )
    assert (counted, record.name, record.levelname, record.getMessage()) == (
        ["spans"],
        "midstream",
        "WARNING",
        said,
    )
    assert record.exc_info is None


def test_the_first_fault_is_a_warning_and_the_later_ones_are_not(
    guards: Guards, counted: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    for guard_ in (guards.spans, guards.metrics, guards.spans):
        with guard_:
            fault()
    assert [record.levelname for record in caplog.records] == ["WARNING", "DEBUG", "DEBUG"]
    assert counted == ["spans", "metrics", "spans"]


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit, GeneratorExit, asyncio.CancelledError])
def test_what_is_meant_for_the_application_passes_through(
    kind: type[BaseException], guards: Guards, counted: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(kind), guards.spans:
        fault(kind)
    with pytest.raises(kind):
        attempt(lambda: fault(kind))
    with pytest.raises(kind):
        safe_clock(lambda: fault(kind), guards.clock)()
    assert (counted, caplog.records) == ([], [])


def test_an_except_clause_that_asks_the_guard_contains_the_same_as_a_with_statement(
    guards: Guards, counted: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    try:
        fault()
    except RuntimeError:
        assert guards.spans.contains_error()
    assert (counted, len(caplog.records)) == (["spans"], 1)


def test_it_does_not_contain_what_a_signal_handler_raises(
    guards: Guards, counted: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    def too_late(_number: int, _frame: FrameType | None) -> None:
        fault()

    before = signal.signal(signal.SIGUSR1, too_late)
    try:
        signal.raise_signal(signal.SIGUSR1)
    except RuntimeError:
        assert not guards.spans.contains_error()
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert (counted, caplog.records) == ([], [])


def test_a_guard_without_a_fault_does_nothing(
    guards: Guards, counted: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    with guards.spans:
        pass
    assert (counted, caplog.records) == ([], [])


def test_guards_can_be_nested_and_the_inner_one_counts_the_error(guards: Guards, counted: list[str]) -> None:
    reached: list[str] = []
    with guards.calls:
        with guards.spans:
            fault()
        reached.append("after the inner one")
    assert (counted, reached) == (["spans"], ["after the inner one"])


def test_a_counter_that_raises_is_contained(caplog: pytest.LogCaptureFixture) -> None:
    with Guards(lambda _component: fault()).spans:
        fault()
    assert len(caplog.records) == 1


def test_a_logger_that_raises_is_contained_and_the_error_is_counted(guards: Guards, counted: list[str]) -> None:
    class Broken(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            del record
            fault()

    logger, handler = logging.getLogger("midstream"), Broken()
    logger.addHandler(handler)
    try:
        with guards.spans:
            fault()
    finally:
        logger.removeHandler(handler)
    assert counted == ["spans"]


def test_faults_outside_of_any_instrument_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    with UNCOUNTED.spans:
        fault()
    assert len(caplog.records) == 1


def test_a_fault_is_counted_by_the_guards_that_it_happened_under_and_by_no_others() -> None:
    first: list[str] = []
    last: list[str] = []
    guards, _ = Guards(first.append), Guards(last.append)
    with guards.metrics:
        fault()
    assert (first, last) == (["metrics"], [])


def test_every_component_has_its_own_name() -> None:
    assert [getattr(UNCOUNTED, name).component for name in Guards.__slots__] == [*Guards.__slots__]


def test_an_attempt_on_foreign_objects_is_silent(counted: list[str], caplog: pytest.LogCaptureFixture) -> None:
    assert [attempt(lambda: 1), attempt(fault)] == [1, None]
    assert (counted, caplog.records) == ([], [])


def test_a_clock_that_cannot_raise_is_taken_as_it_is() -> None:
    assert safe_clock(time.perf_counter, UNCOUNTED.clock) is time.perf_counter


def test_a_clock_that_raises_gives_not_a_number_and_is_counted(guards: Guards, counted: list[str]) -> None:
    readings = iter([1.5])
    now = safe_clock(lambda: next(readings), guards.clock)
    first, second = now(), now()
    assert (first, math.isnan(second), counted) == (1.5, True, ["clock"])


def limit_reached(_signum: int, _frame: object) -> None:
    raise TimeoutError


@pytest.mark.skipif(not hasattr(signal, "SIGUSR1"), reason="this system has no SIGUSR1")
def test_what_a_signal_handler_raises_in_our_code_is_the_applications() -> None:
    before = signal.signal(signal.SIGUSR1, limit_reached)
    try:
        with pytest.raises(TimeoutError), guard.UNCOUNTED.calls:
            signal.raise_signal(signal.SIGUSR1)
        with pytest.raises(TimeoutError):
            guard.attempt(signal.raise_signal, signal.SIGUSR1)
    finally:
        signal.signal(signal.SIGUSR1, before)
