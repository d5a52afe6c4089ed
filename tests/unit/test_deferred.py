"""Verdicts that wait: told as soon as that can be done, and until then nothing but the exit handler is there."""

from __future__ import annotations

import atexit
from types import FunctionType
from typing import TYPE_CHECKING, Any

import pytest

from midstream._sdk.deferred import Deferred

if TYPE_CHECKING:
    from collections.abc import Callable


class Call:
    """Notes what it is to tell."""

    def __init__(self, raises: type[BaseException] | None = None) -> None:
        self.told: list[Any] = []
        self._raises = raises

    def tell_now(self, verdict: Any) -> None:
        self.told.append(verdict)
        if self._raises is not None:
            raise self._raises


@pytest.fixture
def at_exit(monkeypatch: pytest.MonkeyPatch) -> list[Callable[[], object]]:
    """What is registered for the exit of the interpreter."""
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


def test_while_a_verdict_waits_the_exit_is_awaited_and_after_that_no_more(
    at_exit: list[Callable[[], object]],
) -> None:
    deferred, call = Deferred(), Call()
    made: Any = call
    verdicts: list[Any] = ["one", "two"]
    for verdict in verdicts:
        deferred.add(made, verdict)
    assert (at_exit, call.told) == ([deferred.flush], [])
    at_exit[0]()
    assert (at_exit, call.told) == ([], verdicts)


def test_inside_of_telemetry_a_verdict_goes_on_waiting(at_exit: list[Callable[[], object]]) -> None:
    deferred, call = Deferred(), Call()
    made: Any = call
    deferred.add(made, made)
    inside_telemetry(deferred.flush)
    assert (at_exit, call.told) == ([deferred.flush], [])


def test_what_an_interrupt_leaves_is_recorded_at_the_exit(at_exit: list[Callable[[], object]]) -> None:
    deferred, first, second = Deferred(), Call(KeyboardInterrupt), Call()
    calls: list[Any] = [first, second]
    for call in calls:
        deferred.add(call, call)
    with pytest.raises(KeyboardInterrupt):
        deferred.flush()
    assert (first.told, second.told, at_exit) == ([first], [], [deferred.flush])
    at_exit[0]()
    assert (first.told, second.told, at_exit) == ([first], [second], [])


def test_a_verdict_that_comes_while_others_are_recorded_is_recorded_too(at_exit: list[Callable[[], object]]) -> None:
    deferred, last = Deferred(), Call()
    made: Any = last

    class Adding(Call):
        def tell_now(self, verdict: Any) -> None:
            super().tell_now(verdict)
            deferred.add(made, made)

    adding: Any = Adding()
    deferred.add(adding, adding)
    deferred.flush()
    assert (adding.told, last.told, at_exit) == ([adding], [last], [])


def test_a_forked_child_leaves_what_waits_to_its_parent_and_starts_over(at_exit: list[Callable[[], object]]) -> None:
    deferred, of_the_parent, of_the_child = Deferred(), Call(), Call()
    calls: list[Any] = [of_the_parent, of_the_child]
    deferred.add(calls[0], calls[0])
    deferred.forked()
    deferred.add(calls[1], calls[1])
    at_exit[-1]()
    assert (of_the_parent.told, of_the_child.told, at_exit) == ([], [of_the_child], [])
