"""The log event of a failed call: complete with every OpenTelemetry, and no error if nothing receives it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from opentelemetry._logs import SeverityNumber

from midstream.faults import parse
from support.clients import client
from support.exported import event_of
from support.styles import STYLES, see

if TYPE_CHECKING:
    from midstream.faults import FaultServer
    from support.interpreters import Interpreters

FAILING = "in_band:overloaded_error"


def test_the_event_has_a_name_a_severity_a_body_and_the_span(server: FaultServer, instrumented: Any) -> None:
    with instrumented() as exported, client(server, parse(FAILING)) as made:
        see(STYLES["create(stream=True) in a loop"], made, FAILING)
    (log,) = exported.logs
    name, attributes = event_of(log)
    record = log.log_record
    assert name == "gen_ai.client.operation.exception"
    assert (record.severity_number, record.severity_text) == (SeverityNumber.WARN, "WARN")
    assert str(record.body).startswith("529 overloaded_error: Overloaded (request req_")
    assert (attributes["midstream.outcome"], attributes["exception.message"]) == ("in_band_error", "Overloaded")
    span = exported.told_span
    assert record.body == span.status.description
    assert span.context is not None
    assert (record.trace_id, record.span_id) == (span.context.trace_id, span.context.span_id)
    assert span.end_time is not None
    assert abs(record.timestamp - span.end_time) < 10**9
    assert log.instrumentation_scope.name == "midstream"


PROGRAM = """
import json, logging
import anthropic
from opentelemetry import _logs, metrics
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor
from opentelemetry.sdk.resources import Resource
from midstream import AnthropicInstrumentor
from midstream.faults import FaultServer
from support.exported import Exported, event_of, resource_of

class Warned(logging.Handler):
    lines = []
    def emit(self, record):
        self.lines.append(record.getMessage())
logging.getLogger().addHandler(Warned(logging.WARNING))

def fail(server):
    client = anthropic.Anthropic(base_url=server.url, api_key="none", max_retries=0)
    message = {"role": "user", "content": "hello"}
    try:
        list(client.messages.create(model="in_band:overloaded_error", max_tokens=8, stream=True, messages=[message]))
    except anthropic.APIError:
        pass

exported = Exported()
metrics.set_meter_provider(exported.meter_provider)
AnthropicInstrumentor().instrument()
with FaultServer() as server:
    fail(server)
    provider = LoggerProvider(resource=Resource({"service.name": "shop"}))
    provider.add_log_record_processor(SimpleLogRecordProcessor(exported.logs_in_memory))
    _logs.set_logger_provider(provider)
    fail(server)
(log,) = exported.logs
print(json.dumps({
    "warned": Warned.lines,
    "calls": exported.outcomes(),
    "our faults": len(exported.counted("midstream.telemetry.errors")),
    "event": event_of(log)[0],
    "service": resource_of(log).attributes["service.name"],
}))
"""


def test_without_a_provider_there_is_no_event_and_no_fault_and_a_provider_may_come_later(
    interpreters: Interpreters,
) -> None:
    done = interpreters.run(PROGRAM)
    assert done.status == 0, done.stderr
    assert json.loads(done.stdout) == {
        "warned": [],
        "calls": {"in_band_error": 2},
        "our faults": 0,
        "event": "gen_ai.client.operation.exception",
        "service": "shop",
    }
