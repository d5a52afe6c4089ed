"""What the benchmarks say by hand is what midstream tells of the same call: no more, and no less."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from by_hand import by_hand
from cases import calls, measure, telemetry_of, told_of_a_call
from clients import SDK_TRACES
from server import serving
from sizes import QUICK
from subjects import MIDSTREAM, Subject

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cases import Case, Telemetry

_CASES = {case.measures[0].key: case for case in calls(QUICK)}

_SILENT = Subject("nobody", "anthropic", lambda _: lambda: None)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with serving() as told:
        yield told


@pytest.fixture(scope="module", params=_CASES.values(), ids=list(_CASES))
def case(request: pytest.FixtureRequest) -> Case:
    one: Case = request.param
    return one


@pytest.fixture(scope="module")
def telemetry(case: Case, url: str) -> Telemetry:
    return telemetry_of(case, url, MIDSTREAM)


def test_by_hand_a_call_tells_what_it_tells_observed(case: Case, telemetry: Telemetry, url: str) -> None:
    assert case.ending is not None
    ending = case.ending
    said = told_of_a_call(lambda given: ending(by_hand(telemetry.added, given)), url, case.base)
    base = told_of_a_call(lambda _: case.run, url, case.base)
    told, wanted = said.beyond(base), telemetry.added
    assert (told.records, told.spans, told.events) == (wanted.records, wanted.spans, wanted.events)
    # The SDK has the last word on the status of its span.
    assert [span.attributes for span in told.added] == [span.attributes for span in wanted.added]
    assert said.attributes == telemetry.attributes


def test_what_is_said_has_a_duration_how_the_call_ended_and_of_a_failure_an_event(
    case: Case, telemetry: Telemetry
) -> None:
    told = telemetry.added
    (operations,) = [one for one in told.records if one.name == "midstream.client.operations"]
    failed = operations.attributes["midstream.outcome"] != "completed"
    assert "gen_ai.client.operation.duration" in {one.name for one in told.records}
    assert len(told.events) == failed
    (span,) = (*told.spans, *told.added)
    assert span.attributes["midstream.outcome"] == operations.attributes["midstream.outcome"]
    assert bool(told.added) == (case.base is not None)


def test_where_nothing_is_told_nothing_is_said_by_hand(url: str) -> None:
    (figure,) = measure(next(iter(_CASES.values())), url, _SILENT, 1, warm=False)
    assert figure.budget is not None
    assert (figure.budget.records, figure.budget.spans, figure.budget.logs) == (0, 0, 0)
    assert (figure.budget.by_hand, figure.budget.own, figure.budget.goal_by_hand) == (None, None, None)


def test_on_a_span_of_the_sdk_a_call_has_none_of_its_own() -> None:
    assert len([case for case in _CASES.values() if case.base is not None]) == (len(_CASES) // 2 if SDK_TRACES else 0)
