"""logfire's meter provider cannot be hashed, and moves weakly referenced instruments to each new configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING

from support.interpreters import Finished

if TYPE_CHECKING:
    from support.interpreters import Interpreters

PROGRAM = """
import gc
import logfire
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from support.clients import client
from support.styles import STYLES, see
from midstream import AnthropicInstrumentor
from midstream.faults import FaultServer, parse

def configured():
    reader = InMemoryMetricReader()
    metrics = logfire.MetricsOptions(additional_readers=[reader])
    logfire.configure(send_to_logfire=False, console=False, metrics=metrics)
    return reader

def call():
    with FaultServer() as server, client(server, parse("ok")) as made:
        see(STYLES["create"], made, "ok")

def counted(reader):
    metrics = [m for r in reader.get_metrics_data().resource_metrics for s in r.scope_metrics for m in s.metrics]
    return sum(p.value for m in metrics if m.name == "midstream.client.operations" for p in m.data.data_points)

first = configured()
for _ in range(2):
    AnthropicInstrumentor().instrument()
    call()
    AnthropicInstrumentor().uninstrument()
print(counted(first))
AnthropicInstrumentor().instrument()
gc.collect()
second = configured()
call()
print(counted(second))
"""


def test_every_call_counts_after_each_instrument_and_each_configuration(interpreters: Interpreters) -> None:
    assert interpreters.run(PROGRAM) == Finished(0, "2\n3\n", "")
