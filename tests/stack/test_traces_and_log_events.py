"""From a count to the log event and the trace behind it; and what of the traces is kept."""

from __future__ import annotations

import time
from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import pytest

from stack.traffic import SERVICE, counted, failed_in, failed_on
from support.programs import eventually

if TYPE_CHECKING:
    from stack.application import Failed
    from stack.backends import Backends
    from stack.traffic import Traffic

pytestmark = pytest.mark.timeout(900)

_DECISION_SECONDS: Final = 150.0
"""A trace waits a minute for the decision whether it is kept."""


def test_tail_sampling_keeps_every_failure_and_few_others(on: Backends, traffic: Traffic) -> None:
    failed = traffic.application.failed()
    until = time.monotonic() + _DECISION_SECONDS
    eventually(lambda: _equal(failed_on(on.traces.spans(SERVICE)), failed), until)
    kept = {span["traceID"] for span in on.traces.spans(SERVICE)}
    others = len(traffic.application.trace_ids()) - len(failed)
    assert len(kept) - len(failed) < others / 2


def test_the_log_events_of_an_outcome_have_the_lines_of_the_failures(on: Backends, traffic: Traffic) -> None:
    failed = [one for one in traffic.application.failed() if one not in traffic.without_event]
    outcomes = {one.outcome for one in failed}
    assert outcomes == traffic.outcomes.keys() - {"completed", "abandoned", "cancelled"}
    for outcome in outcomes:
        query = f'service.name:="{SERVICE}" AND midstream.outcome:="{outcome}"'
        assert failed_in(on.logs.find(query)) == [one for one in failed if one.outcome == outcome]


def test_a_log_event_leads_to_its_trace(on: Backends, traffic: Traffic) -> None:
    del traffic
    until = time.monotonic() + _DECISION_SECONDS
    for event in on.logs.find(f'service.name:="{SERVICE}" AND midstream.outcome:="truncated"'):
        assert event["_msg"]
        spans = eventually(partial(_found, on, event["trace_id"]), until)
        assert [span["spanID"] for span in spans] == [event["span_id"]]
        assert failed_on(spans) == failed_in([event])


def test_metrics_from_spans_equal_the_counter(traffic: Traffic) -> None:
    query = f'sum by (midstream_outcome) (midstream_spans_calls_total{{service_name="{SERVICE}"}})'

    def equal() -> None:
        series = traffic.stores["scraped"].now(query)
        from_spans = Counter({one.labels["midstream_outcome"]: int(one.values[0]) for one in series})
        assert from_spans == traffic.outcomes == counted(traffic.stores["scraped"], SERVICE)

    eventually(equal)


def _equal(found: list[Failed], wanted: list[Failed]) -> None:
    assert found == wanted


def _found(on: Backends, trace_id: str) -> list[Any]:
    spans = on.traces.trace(trace_id)
    assert spans
    return spans
