"""Calls are recorded in the same series and with the same attributes, however many were recorded before."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import TYPE_CHECKING, Any

from opentelemetry.context import Context

from midstream._outcomes import Failure, Outcome, Phase
from midstream._outcomes.summary import NO_ANSWER, MessageSummary
from midstream._outcomes.verdict import Verdict
from midstream._telemetry.attributes import (
    CALL_ATTRIBUTES,
    REQUEST_ATTRIBUTES,
    When,
    call_attributes,
    request_attributes,
)
from midstream._telemetry.call_record import CallRecord, CallRequest
from midstream._telemetry.operation import Operation
from midstream._telemetry.recorder import Recorder
from midstream._telemetry.scope import GenAIMetrics
from midstream._telemetry.series import MAX_ENDS, MAX_REQUESTS
from midstream._telemetry.signals import Signals
from midstream._telemetry.spans import SilentSpan
from support.exported import Exported

if TYPE_CHECKING:
    from collections.abc import Iterable

REQUEST = CallRequest(
    Operation.CHAT, "anthropic", "a-model", True, 64, 0.5, 0.9, 40, ("stop",), "json", "api.test", 443
)
ANSWER = MessageSummary("msg_1", "another-model", "end_turn", 1, 2, 3, 4)
FAILURE = Failure(
    Outcome.IN_BAND_ERROR,
    "overloaded_error",
    529,
    200,
    misreported=True,
    phase=Phase.CONTENT,
    in_band_request_id="req_2",
    exception_type="anthropic.APIStatusError",
)
STREAM = Verdict(Outcome.COMPLETED, 3.0, None, ANSWER, True, 2.0, 100, 0.5, "message_stop")


def call(request: CallRequest = REQUEST, verdict: Verdict = STREAM, **known: Any) -> CallRecord:
    made: dict[str, Any] = {"attempts": 2, "observed_status_code": 200, "request_id": "r", **known}
    return CallRecord(request, verdict, 1.0, **made)


def test_all_attributes_come_in_the_order_of_the_tables() -> None:
    failed = STREAM._replace(outcome=Outcome.IN_BAND_ERROR, failure=FAILURE)
    assert list(request_attributes(REQUEST)) == [attribute.name for attribute in REQUEST_ATTRIBUTES]
    assert list(call_attributes(call(verdict=failed))) == [attribute.name for attribute in CALL_ATTRIBUTES]


def test_a_call_has_the_attributes_that_the_tables_allow_for_it() -> None:
    stream, whole = call(), call(verdict=STREAM._replace(opened=False, first_chunk_at=None))
    assert list(call_attributes(stream)) == [a.name for a in CALL_ATTRIBUTES if a.when is not When.FAILURE]
    assert list(call_attributes(whole)) == [a.name for a in CALL_ATTRIBUTES if a.when is When.CALL]


def test_what_is_not_known_is_left_out() -> None:
    bare = CallRequest(Operation.CHAT, "anthropic")
    assert dict(request_attributes(bare)) == {"gen_ai.operation.name": "chat", "gen_ai.provider.name": "anthropic"}
    assert call_attributes(CallRecord(bare, Verdict(Outcome.COMPLETED, 1.0), 0.0, 1)) == {
        "midstream.outcome": "completed"
    }


def calls() -> Iterable[CallRecord]:
    """Calls that each differ in one thing that some metric distinguishes."""
    requests = [
        REQUEST,
        CallRequest(Operation.CHAT, "anthropic", "a-model", False, server_address="api.test", server_port=443),
        CallRequest(Operation.CHAT, "aws.bedrock", "a-model", True, server_address="api.test", server_port=443),
        CallRequest(Operation.CHAT, "anthropic", None, True, server_address="api.test", server_port=443),
        CallRequest(Operation.CHAT, "anthropic", "a-model", True, server_address="other.test", server_port=443),
        CallRequest(Operation.CHAT, "anthropic", "a-model", True, server_address="api.test", server_port=80),
        CallRequest(Operation.BATCH_RESULTS, "anthropic", "a-model", True, server_address="api.test", server_port=443),
    ]
    other: dict[str, Any] = {
        "error_type": "api_error",
        "exception_type": "api_error",
        "status_code": 500,
        "phase": Phase.OPENING,
        "leaked": True,
        "misreported": False,
        "outcome": Outcome.HTTP_ERROR,
        "corrected_type": "anthropic.OverloadedError",
    }
    failures = [None, FAILURE, *(replace(FAILURE, **{name: value}) for name, value in other.items())]
    answers = [ANSWER, ANSWER._replace(model="a-third"), ANSWER._replace(input_tokens=None), NO_ANSWER]
    known: list[dict[str, Any]] = [{}, {"attempts": 1}, {"observed_status_code": 529}]
    variants = [
        *product(requests, (None, FAILURE), (ANSWER,), known[:1]),
        *product((REQUEST,), failures, answers, known[:1]),
        *product((REQUEST,), (None, FAILURE), (ANSWER,), known),
    ]
    for request, failure, answer, more in variants:
        outcome = Outcome.COMPLETED if failure is None else failure.outcome
        yield call(request, STREAM._replace(outcome=outcome, failure=failure, answer=answer), **more)


def recorded(calls: Iterable[CallRecord], *, anew: bool) -> dict[str, list[tuple[Any, ...]]]:
    """All that `calls` record, with one recorder, or with a new one for each call."""
    exported = Exported()

    def recorder() -> Recorder:
        return Recorder(Signals.of(exported.providers), spans=False, genai_metrics=GenAIMetrics.BOTH)

    one = recorder()
    for each in calls:
        found = recorder() if anew else one
        made = replace(each, request=replace(each.request))
        found.first_seen(made.request)
        found.ended(made, SilentSpan(Context()), None)
    metrics = exported.metrics()
    exported.shutdown()
    return {
        name: sorted((sorted(point.attributes.items(), key=str), point.value, point.total) for point in points)
        for name, points in metrics.items()
    }


def test_what_is_cached_is_what_a_new_recorder_would_find() -> None:
    one_by_one = list(calls())
    assert recorded([*one_by_one, *one_by_one], anew=False) == recorded([*one_by_one, *one_by_one], anew=True)


def test_a_cache_is_emptied_when_it_is_full_and_nothing_is_lost() -> None:
    exported = Exported()
    recorder = Recorder(Signals.of(exported.providers), spans=False)
    for number in range(2 * MAX_REQUESTS):
        request = CallRequest(Operation.CHAT, "anthropic", "a-model", server_port=number)
        for code in range(2 * MAX_ENDS if not number else 1):
            verdict = Verdict(Outcome.HTTP_ERROR, 1.0, Failure(Outcome.HTTP_ERROR, str(code), 529))
            recorder.ended(CallRecord(request, verdict, 0.0, 1, 529), SilentSpan(Context()), None)
    requests = recorder._series._requests
    assert len(requests) <= MAX_REQUESTS
    assert max(len(series.ends) for series in requests.values()) <= MAX_ENDS
    assert exported.outcomes() == {"http_error": 2 * MAX_REQUESTS + 2 * MAX_ENDS - 1}
    exported.shutdown()
