"""The live streams are found by their responses, and all of them end at the exit."""

from __future__ import annotations

from typing import Any, cast

from midstream._sdk.registry import CallRegistry


class Live:
    """Stands for the call of a live response."""

    def __init__(self, response: object) -> None:
        self.response = response
        self.exits = 0

    def is_of(self, response: object) -> bool:
        return self.response is response

    def exit(self) -> None:
        self.exits += 1


def added(registry: CallRegistry, response: object, call: Live) -> Live:
    registry.add(response, cast("Any", call))
    return call


def test_a_response_that_two_calls_return_is_of_the_later_one_and_both_end() -> None:
    registry, response = CallRegistry(), object()
    first, second = (added(registry, response, Live(response)) for _ in range(2))
    assert cast("Any", registry.of(response)) is second
    registry.end_open_calls()
    assert (first.exits, second.exits) == (1, 1)
    registry.stop()


def test_a_response_in_the_place_of_another_that_is_gone_has_no_call() -> None:
    registry, response = CallRegistry(), object()
    call = added(registry, response, Live(object()))
    assert registry.of(response) is None
    assert not call.exits
    registry.stop()
