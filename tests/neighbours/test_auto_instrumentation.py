"""`opentelemetry-instrument` loads all the instrumentations of the SDK, although the others share one name."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from neighbours.peers import PEERS
from support.clients import HAS_OWN_SPANS
from support.otlp_receiver import otlp_receiver

if TYPE_CHECKING:
    from midstream.faults import FaultServer
    from support.otlp_receiver import OtlpReceiver

PROGRAM = """
import sys, anthropic
client = anthropic.Anthropic(base_url=sys.argv[1], api_key="none", max_retries=0)
for model in ("ok", "cut"):
    with client.messages.stream(
        model=model, max_tokens=64, messages=[{"role": "user", "content": "hello"}]
    ) as stream:
        print("".join(stream.text_stream))
"""

COMMAND = Path(sys.executable).with_name("opentelemetry-instrument")

OURS = "com.anthropic.sdk.python" if HAS_OWN_SPANS else "midstream"
HTTP = "opentelemetry.instrumentation.httpx"
OTHERS = [PEERS[name].module for name in ("traceloop", "openinference", "opentelemetry")]

pytestmark = [
    pytest.mark.skipif(peer.missing is not None, reason=str(peer.missing))
    for peer in (PEERS[name] for name in ("traceloop", "openinference", "opentelemetry", "httpx"))
]


def run(tmp_path: Path, server: FaultServer, receiver: OtlpReceiver, **environment: str) -> list[str]:
    """The warnings of midstream in a run of the program. It prints what it prints without any instrumentation."""
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    exporters = {f"OTEL_{signal}_EXPORTER": "otlp" for signal in ("TRACES", "METRICS", "LOGS")}
    told = {
        **exporters,
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url,
    }
    finished = subprocess.run(
        [COMMAND, sys.executable, program, server.url],
        env={**os.environ, **told, **environment},
        capture_output=True,
        text=True,
        check=True,
        timeout=150,
    )
    assert finished.stdout.split() == ["All", "is", "well.", "All", "is"]
    assert "Traceback" not in finished.stderr
    return [line for line in finished.stderr.splitlines() if "MIDSTREAM_SPANS" in line]


def scopes(receiver: OtlpReceiver) -> Counter[str]:
    """How many spans each instrumentation made."""
    return Counter(span.scope for span in receiver.spans)


def outcomes(receiver: OtlpReceiver) -> dict[str, float]:
    """The number of calls by outcome."""
    points = [point for point in receiver.points if point.name == "midstream.client.operations" and point.value]
    return {point.attributes["midstream.outcome"]: point.value for point in points}


def test_the_entry_points_are_distinguished() -> None:
    names = [(one.name, one.module) for one in entry_points(group="opentelemetry_instrumentor")]
    assert {name for name, module in names if module in OTHERS} == {"anthropic"}
    assert [name for name, module in names if module.startswith("midstream")] == ["anthropic_midstream"]


def test_all_are_loaded_and_midstream_is_right_and_warns_of_the_three(tmp_path: Path, server: FaultServer) -> None:
    with otlp_receiver() as receiver:
        warnings = run(tmp_path, server, receiver)
    assert scopes(receiver) == {OURS: 2, HTTP: 2, **dict.fromkeys(OTHERS, 2)}
    assert outcomes(receiver) == {"completed": 1, "truncated": 1}
    assert len(warnings) == 3


def test_the_others_go_by_their_name_and_midstream_stays(tmp_path: Path, server: FaultServer) -> None:
    with otlp_receiver() as receiver:
        warnings = run(tmp_path, server, receiver, OTEL_PYTHON_DISABLED_INSTRUMENTATIONS="anthropic")
    assert (scopes(receiver), outcomes(receiver)) == ({OURS: 2, HTTP: 2}, {"completed": 1, "truncated": 1})
    assert warnings == []


def test_midstream_goes_by_its_name_and_the_others_stay(tmp_path: Path, server: FaultServer) -> None:
    with otlp_receiver() as receiver:
        warnings = run(tmp_path, server, receiver, OTEL_PYTHON_DISABLED_INSTRUMENTATIONS="anthropic_midstream")
    sdk = {OURS: 2} if HAS_OWN_SPANS else {}
    assert (scopes(receiver), outcomes(receiver)) == ({**sdk, HTTP: 2, **dict.fromkeys(OTHERS, 2)}, {})
    assert warnings == []


def test_the_way_out_of_the_warning_leaves_the_spans_of_the_others(tmp_path: Path, server: FaultServer) -> None:
    with otlp_receiver() as receiver:
        warnings = run(tmp_path, server, receiver, MIDSTREAM_SPANS="off", ANTHROPIC_OPEN_TELEMETRY="false")
    assert scopes(receiver) == {HTTP: 2, **dict.fromkeys(OTHERS, 2)}
    assert outcomes(receiver) == {"completed": 1, "truncated": 1}
    assert warnings == []
