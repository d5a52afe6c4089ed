"""`opentelemetry-instrument python program.py`, where the program does not mention midstream."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from support.clients import HAS_OWN_SPANS
from support.commands import TEN_LINES
from support.otlp_receiver import otlp_receiver

if TYPE_CHECKING:
    from midstream.faults import FaultServer
    from support.otlp_receiver import OtlpReceiver

COMMAND = Path(sys.executable).with_name("opentelemetry-instrument")


def run(tmp_path: Path, server: FaultServer, receiver: OtlpReceiver, **environment: str) -> str:
    """The output of the program under `opentelemetry-instrument`."""
    program = tmp_path / "program.py"
    program.write_text(TEN_LINES)
    exporters = {f"OTEL_{signal}_EXPORTER": "otlp" for signal in ("TRACES", "METRICS", "LOGS")}
    told = {
        **exporters,
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url,
        "OTEL_SERVICE_NAME": "ten-lines",
    }
    finished = subprocess.run(
        [COMMAND, sys.executable, program, server.url],
        env={**os.environ, **told, **environment},
        capture_output=True,
        text=True,
        check=True,
        timeout=150,
    )
    assert "Traceback" not in finished.stderr
    return finished.stdout + finished.stderr


def test_span_metrics_and_log_event_arrive_with_the_truth(tmp_path: Path, server: FaultServer) -> None:
    with otlp_receiver() as receiver:
        output = run(tmp_path, server, receiver)
    assert output.splitlines() == ["All is200"]
    (span,) = receiver.spans
    truth = {
        "midstream.outcome": "in_band_error",
        "midstream.phase": "content",
        "midstream.status_code": 529,
        "midstream.status_code.source": "synthesized",
        "midstream.reported.status_code": 200,
        "midstream.leaked": False,
        "midstream.misreported": True,
        "midstream.retryable": True,
        "midstream.stream.last_event": "content_block_delta",
        "error.type": "overloaded_error",
        "http.response.status_code": 200,
    }
    assert {name: span.attributes.get(name) for name in truth} == truth
    assert span.name == ("anthropic.messages.create" if HAS_OWN_SPANS else "chat in_band:overloaded_error")
    assert span.status == "ERROR"
    assert span.status_description.startswith("529 overloaded_error: Overloaded (request req_in_band_")
    assert span.resource["service.name"] == "ten-lines"

    operations = [point for point in receiver.points if point.name == "midstream.client.operations"]
    counted = {point.attributes["midstream.outcome"]: point.value for point in operations}
    assert counted == {outcome: int(outcome == "in_band_error") for outcome in counted}
    assert len(counted) == 10
    *_, error = [point for point in receiver.points if point.name == "midstream.client.errors"]
    assert (error.attributes["error.type"], error.attributes["midstream.status_code"]) == ("overloaded_error", 529)

    (log,) = receiver.logs
    assert log.event_name == "gen_ai.client.operation.exception"
    assert (log.trace_id, log.span_id) == (span.trace_id, span.span_id)
    assert {name: log.attributes.get(name) for name in truth} == truth
    assert log.attributes["exception.type"] == "anthropic.APIStatusError"
    assert log.attributes["exception.message"] == "Overloaded"


def test_disabled_by_name_nothing_of_ours_arrives(tmp_path: Path, server: FaultServer) -> None:
    with otlp_receiver() as receiver:
        run(tmp_path, server, receiver, OTEL_PYTHON_DISABLED_INSTRUMENTATIONS="anthropic_midstream")
    assert [point for point in receiver.points if point.scope == "midstream"] == []
    assert receiver.logs == []
    assert [span.name for span in receiver.spans] == (["anthropic.messages.create"] if HAS_OWN_SPANS else [])
    assert [name for span in receiver.spans for name in span.attributes if name.startswith("midstream.")] == []


def test_a_wrong_environment_variable_is_one_warning_and_the_program_goes_on(
    tmp_path: Path, server: FaultServer
) -> None:
    with otlp_receiver() as receiver:
        output = run(tmp_path, server, receiver, MIDSTREAM_CHUNK_TIMINGS="sometimes")
    assert output.count("ignoring MIDSTREAM_CHUNK_TIMINGS='sometimes': expected one of on, off, true, false, 1, 0") == 1
    assert "All is200" in output
    assert len(receiver.spans) == 1
