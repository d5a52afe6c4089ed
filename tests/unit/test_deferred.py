"""Deferred reports are made as soon as possible, and until then an exit handler is registered."""

from __future__ import annotations

import atexit
from types import FunctionType
from typing import TYPE_CHECKING

import pytest

from midstream._sdk.deferred import Deferred

if TYPE_CHECKING:
    from collections.abc import Callable


class Report:
    """Notes each time it is made."""

    def __init__(self, raises: type[BaseException] | None = None) -> None:
        self.made = 0
        self._raises = raises

    def __call__(self) -> None:
        self.made += 1
        if self._raises is not None:
            raise self._raises


@pytest.fixture
def at_exit(monkeypatch: pytest.MonkeyPatch) -> list[Callable[[], object]]:
    """The handlers that are registered for the exit of the interpreter."""
    handlers: list[Callable[[], object]] = []

    def unregister(handler: Callable[[], object]) -> None:
        handlers[:] = [one for one in handlers if one != handler]

    monkeypatch.setattr(atexit, "register", handlers.append)
    monkeypatch.setattr(atexit, "unregister", unregister)
    return handlers


def inside_telemetry(work: Callable[[], None]) -> None:
    def here(work: Callable[[], None]) -> None:
        work()

    FunctionType(here.__code__, {"__name__": "opentelemetry.sdk.trace"})(work)


def test_the_exit_is_awaited_while_a_report_is_deferred_and_no_longer(at_exit: list[Callable[[], object]]) -> None:
    deferred, first, second = Deferred(), Report(), Report()
    deferred.add(first)
    deferred.add(second)
    assert (at_exit, first.made, second.made) == ([deferred.flush], 0, 0)
    at_exit[0]()
    assert (at_exit, first.made, second.made) == ([], 1, 1)


def test_inside_opentelemetry_a_report_stays_deferred(at_exit: list[Callable[[], object]]) -> None:
    deferred, report = Deferred(), Report()
    deferred.add(report)
    inside_telemetry(deferred.flush)
    assert (at_exit, report.made) == ([deferred.flush], 0)


def test_what_an_interrupt_leaves_is_reported_at_the_exit(at_exit: list[Callable[[], object]]) -> None:
    deferred, first, second = Deferred(), Report(KeyboardInterrupt), Report()
    deferred.add(first)
    deferred.add(second)
    with pytest.raises(KeyboardInterrupt):
        deferred.flush()
    assert (first.made, second.made, at_exit) == (1, 0, [deferred.flush])
    at_exit[0]()
    assert (first.made, second.made, at_exit) == (1, 1, [])


def test_a_report_that_is_deferred_while_others_are_made_is_made_too(at_exit: list[Callable[[], object]]) -> None:
    deferred, last = Deferred(), Report()
    deferred.add(lambda: deferred.add(last))
    deferred.flush()
    assert (last.made, at_exit) == (1, [])


def test_a_forked_child_leaves_deferred_reports_to_its_parent(at_exit: list[Callable[[], object]]) -> None:
    deferred, of_the_parent, of_the_child = Deferred(), Report(), Report()
    deferred.add(of_the_parent)
    deferred.forked()
    deferred.add(of_the_child)
    at_exit[-1]()
    assert (of_the_parent.made, of_the_child.made, at_exit) == (0, 1, [])
