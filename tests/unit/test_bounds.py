from __future__ import annotations

import pytest

from midstream.telemetry.bounds import Bounds
from midstream.telemetry.contract import BOUNDED_ATTRIBUTES, MOST_CHARACTERS, MOST_VALUES, Value

MODEL = "gen_ai.request.model"
PORT = "server.port"


@pytest.fixture(name="full")
def full_() -> Bounds:
    bounds = Bounds()
    for name in BOUNDED_ATTRIBUTES:
        for n in range(MOST_VALUES):
            value = n if name == PORT else f"value {n}"
            assert bounds.value(name, value) == value
    return bounds


def test_a_text_too_many_is_other(full: Bounds) -> None:
    assert full.of({MODEL: "one more", "server.address": "one more"}) == {MODEL: "_OTHER", "server.address": "_OTHER"}


def test_a_number_too_many_is_left_out(full: Bounds) -> None:
    assert full.of({PORT: MOST_VALUES, "server.address": "value 0"}) == {"server.address": "value 0"}


def test_what_was_there_in_time_stays(full: Bounds) -> None:
    known: dict[str, Value] = {MODEL: "value 99", PORT: 99, "gen_ai.response.model": "value 0"}
    assert full.of(known) == known


def test_a_text_that_is_too_long_is_other_and_takes_nobody_s_place() -> None:
    bounds = Bounds()
    for n in range(MOST_VALUES):
        assert bounds.value(MODEL, f"{n}".rjust(MOST_CHARACTERS + 1, "x")) == "_OTHER"
    longest = "x" * MOST_CHARACTERS
    assert bounds.value(MODEL, longest) == longest


def test_what_is_not_bounded_is_left_alone(full: Bounds) -> None:
    known: dict[str, Value] = {"error.type": "x" * 1000, "midstream.leaked": False, "midstream.status_code": 529}
    assert full.of(known) == known
