"""Each program in `examples/`, run as its page says, with its output and the telemetry that arrives."""

from __future__ import annotations

from typing import TYPE_CHECKING

from support.example import environment, outcomes_counted, outcomes_of_spans, run_example

if TYPE_CHECKING:
    from midstream.faults import FaultServer
    from support.otlp_receiver import OtlpReceiver


def test_zero_code_the_program_notices_nothing_of_a_cut_and_the_telemetry_has_it(
    server: FaultServer, receiver: OtlpReceiver
) -> None:
    server.script("cut")
    printed = run_example("zero_code/hello.py", environment(server, receiver))
    assert printed == "All is\n"
    assert outcomes_of_spans(receiver) == [("truncated", "ERROR")]
    assert outcomes_counted(receiver) == {"truncated": 1}
    assert [log.event_name for log in receiver.logs] == ["gen_ai.client.operation.exception"]


def test_manual_prints_a_failure_as_its_telemetry_has_it(server: FaultServer, receiver: OtlpReceiver) -> None:
    server.script("in_band:overloaded_error")
    printed = run_example("manual/hello.py", environment(server, receiver), zero_code=False)
    answer, verdict = printed.splitlines()
    assert (answer, verdict.partition(";")[2]) == ("All is", " worth another try")
    (span,) = receiver.spans
    assert span.status_description == verdict.partition(";")[0]
    assert span.resource["service.name"] == "hello"
    assert outcomes_of_spans(receiver) == [("in_band_error", "ERROR")]
    assert outcomes_counted(receiver) == {"in_band_error": 1}
    assert [(log.trace_id, log.span_id) for log in receiver.logs] == [(span.trace_id, span.span_id)]


def test_agent_each_turn_is_a_call_of_its_own_and_the_run_is_one_trace(
    server: FaultServer, receiver: OtlpReceiver
) -> None:
    server.script("tool_use", "tool_use", "reset")
    printed = run_example("agent/agent.py", environment(server, receiver))
    *turns, end = printed.splitlines()
    assert turns == ["(a tool is called)"] * 2
    assert end.startswith("It stopped: httpx2.ReadError")
    assert outcomes_of_spans(receiver) == [("completed", "OK"), ("completed", "OK"), ("transport_error", "ERROR")]
    assert outcomes_counted(receiver) == {"completed": 2, "transport_error": 1}
    assert len({span.trace_id for span in receiver.spans}) == 1
    (run,) = [span for span in receiver.spans if not span.parent_id]
    assert (run.name, run.status) == ("anthropic.messages.tool_runner", "UNSET")


def test_batches_results_that_end_too_early_without_a_word_are_noticed_by_their_number(
    server: FaultServer, receiver: OtlpReceiver
) -> None:
    server.script("cut")
    printed = run_example("batches/results.py", environment(server, receiver, BATCH="msgbatch_1"))
    assert printed == "4 of 9 results\n"
    assert outcomes_counted(receiver) == {"completed": 1}


def test_sdk_tracing_the_same_span_first_as_the_sdk_has_it_and_then_with_the_truth(
    server: FaultServer, receiver: OtlpReceiver
) -> None:
    server.script("cut", "cut")
    printed = run_example("sdk_tracing/hello.py", environment(server, receiver), zero_code=False)
    content = ["  gen_ai.input.messages", "  gen_ai.output.messages"]
    assert printed.splitlines() == [
        "anthropic.messages.create: ERROR",
        "  error.type: 'api_error'",
        *content,
        "anthropic.messages.create: ERROR",
        "  error.type: 'stream_truncated'",
        "  midstream.outcome: 'truncated'",
        *content,
    ]
