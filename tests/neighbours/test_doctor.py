"""`midstream doctor` names the instrumentations that make a second span for each call."""

from __future__ import annotations

import json

import pytest

from neighbours.peers import PEERS
from support.commands import midstream
from support.otlp_receiver import otlp_receiver

NAMES = {
    "traceloop": "OpenLLMetry",
    "openinference": "OpenInference",
    "opentelemetry": "opentelemetry-instrumentation-genai-anthropic",
}

pytestmark = [pytest.mark.skipif(PEERS[name].missing is not None, reason=str(PEERS[name].missing)) for name in NAMES]


def findings(**environment: str) -> dict[str, list[tuple[str, str]]]:
    """By subject, the verdicts and messages."""
    with otlp_receiver() as receiver:
        done = midstream(
            "doctor",
            "--json",
            OTEL_EXPORTER_OTLP_PROTOCOL="http/protobuf",
            OTEL_EXPORTER_OTLP_ENDPOINT=receiver.url,
            **environment,
        )
    assert done.status == 0, done.stdout
    found: dict[str, list[tuple[str, str]]] = {}
    for one in json.loads(done.stdout)["findings"]:
        found.setdefault(one["subject"], []).append((one["verdict"], one["message"]))
    return found


def test_each_is_a_warning_and_the_call_has_further_spans() -> None:
    found = findings()
    for (verdict, message), name in zip(found["neighbours"], NAMES.values(), strict=True):
        assert (verdict, message.partition(" ")[0]) == ("warning", name)
        assert message.endswith("makes a second span for every call")
    ((verdict, message),) = found["one span"]
    assert verdict == "warning"
    assert "opentelemetry.instrumentation.genai.anthropic" in message


def test_where_theirs_is_the_only_span_nothing_is_wrong() -> None:
    others = "openinference, anthropic"
    off = {"MIDSTREAM_SPANS": "off", "ANTHROPIC_OPEN_TELEMETRY": "false"}
    found = findings(**off, OTEL_PYTHON_DISABLED_INSTRUMENTATIONS=others)
    assert {verdict for verdict, _ in found["neighbours"]} == {"ok"}
    assert [verdict for verdict, _ in found["metrics arrive"]] == ["ok"]
