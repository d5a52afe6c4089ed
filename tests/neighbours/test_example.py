"""`examples/another_instrumentation`: its page is read, and what arrives of its telemetry is compared."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from docs.reading import reader
from neighbours.peers import PEERS
from support.blocks import blocks_in
from support.example import environment, outcomes_counted, outcomes_of_spans, run_example
from support.otlp_receiver import otlp_receiver

if TYPE_CHECKING:
    from pathlib import Path

    from midstream.faults import FaultServer

pytestmark = pytest.mark.skipif(PEERS["traceloop"].missing is not None, reason=str(PEERS["traceloop"].missing))


def test_the_blocks_of_a_page_do_what_the_page_says(tmp_path: Path) -> None:
    with reader(tmp_path) as person:
        for block in blocks_in("examples/another_instrumentation/README.md"):
            person.do(block)


def test_the_span_is_the_other_one_s_and_the_truth_is_in_the_metrics_and_the_log_event(server: FaultServer) -> None:
    alone = "anthropic,anthropic_midstream,httpx,httpx2"
    with otlp_receiver() as receiver:
        told = environment(server, receiver, OTEL_PYTHON_DISABLED_INSTRUMENTATIONS=alone)
        server.script("cut")
        assert run_example("another_instrumentation/hello.py", told) == "All is\n"
    (span,) = receiver.spans
    assert (span.scope, span.status) == ("opentelemetry.instrumentation.anthropic", "OK")
    assert outcomes_of_spans(receiver) == []
    assert outcomes_counted(receiver) == {"truncated": 1}
    assert [log.attributes["midstream.outcome"] for log in receiver.logs] == ["truncated"]
