"""`midstream doctor` names the instrumentations that make a second span for each call."""

from __future__ import annotations

import pytest

from integration.examined import Examined, exporting_to
from midstream._cli.doctor.findings import Health, Subject
from neighbours.peers import PEERS
from support.commands import launched
from support.otlp_receiver import otlp_receiver

NAMES = {
    "traceloop": "OpenLLMetry",
    "openinference": "OpenInference",
    "opentelemetry": "opentelemetry-instrumentation-genai-anthropic",
}

pytestmark = [pytest.mark.skipif(PEERS[name].missing is not None, reason=str(PEERS[name].missing)) for name in NAMES]


def examined(**environment: str) -> Examined:
    """What `opentelemetry-instrument midstream doctor` finds: no problem."""
    with otlp_receiver() as receiver:
        found = Examined.of(launched("doctor", "--json", **exporting_to(receiver), **environment))
    assert found.problems == []
    return found


def test_each_is_a_warning_and_the_call_has_further_spans() -> None:
    found = examined()
    neighbours = [finding for finding in found.findings if finding["subject"] == Subject.NEIGHBOURS]
    for finding, name in zip(neighbours, NAMES.values(), strict=True):
        assert (finding["verdict"], finding["message"].partition(" ")[0]) == (Health.WARNING, name)
        assert finding["message"].endswith("makes a second span for every call")
    verdict, message, _ = found[Subject.ONE_SPAN]
    assert verdict == Health.WARNING
    assert "opentelemetry.instrumentation.genai.anthropic" in message


def test_where_theirs_is_the_only_span_nothing_is_wrong() -> None:
    others = "openinference, anthropic"
    off = {"MIDSTREAM_SPANS": "off", "ANTHROPIC_OPEN_TELEMETRY": "false"}
    found = examined(**off, OTEL_PYTHON_DISABLED_INSTRUMENTATIONS=others)
    assert found.verdicts(Subject.NEIGHBOURS, Subject.METRICS_ARRIVE) == [Health.OK, Health.OK]
