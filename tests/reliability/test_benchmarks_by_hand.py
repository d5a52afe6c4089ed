"""The floor of a call is fair: recorded by hand is exactly what midstream records of the same call."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from by_hand import by_hand
from in_memory import COUNTED_CALLS
from workloads import no_end

if TYPE_CHECKING:
    from in_memory import CountedCall
    from recorded import Recorded


@pytest.fixture(scope="module", params=COUNTED_CALLS.values(), ids=list(COUNTED_CALLS))
def call(request: pytest.FixtureRequest) -> CountedCall:
    parameter: CountedCall = request.param
    return parameter


@pytest.fixture(scope="module")
def telemetry(call: CountedCall) -> Recorded:
    return call.telemetry()


def test_by_hand_a_call_records_what_midstream_records(call: CountedCall, telemetry: Recorded) -> None:
    found = call.recorded(lambda given: by_hand(telemetry, given)).beyond(call.recorded(lambda _: no_end))
    assert (found.measurements, found.spans, found.events) == (
        *(telemetry.measurements, telemetry.spans, telemetry.events),
    )
    # The SDK sets the status of its span last.
    assert [span.attributes for span in found.added] == [span.attributes for span in telemetry.added]


def test_a_call_has_a_duration_an_outcome_and_an_event_if_it_failed(call: CountedCall, telemetry: Recorded) -> None:
    (span,) = (*telemetry.spans, *telemetry.added)
    failed = span.attributes["midstream.outcome"] != "completed"
    assert "gen_ai.client.operation.duration" in {found.name for found in telemetry.measurements}
    assert len(telemetry.events) == failed == call.workload.fails
    assert bool(telemetry.added) == (call.base is not None)
