"""The verdict survives an attribute limit, where OpenTelemetry drops the oldest attributes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from midstream import AnthropicInstrumentor
from midstream._telemetry.attributes import VERDICT_ATTRIBUTES
from midstream.faults import parse
from support.clients import HAS_OWN_SPANS, client
from support.exported import Exported
from support.styles import STYLES, see

if TYPE_CHECKING:
    from midstream.faults import FaultServer

MODEL = "in_band:overloaded_error"
LIMIT = 20


@pytest.mark.filterwarnings("ignore::UserWarning")  # OpenTelemetry warns that a log record loses attributes
@pytest.mark.parametrize("spans", ("sdk", "own") if HAS_OWN_SPANS else ("own",))
def test_the_verdict_survives_an_attribute_limit(
    spans: str, server: FaultServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_ATTRIBUTE_COUNT_LIMIT", str(LIMIT))
    exported = Exported()
    AnthropicInstrumentor().instrument(**exported.providers)
    try:
        with client(server, parse(MODEL), exported.tracer_provider if spans == "sdk" else None) as made:
            see(STYLES["create(stream=True) in a loop"], made, MODEL)
    finally:
        AnthropicInstrumentor().uninstrument()
    (log,) = exported.logs
    kept = dict(exported.told_span.attributes or {})
    recorded = [name for name in log.log_record.attributes or {} if name != "event.name"]
    exported.shutdown()
    assert len(kept) == LIMIT
    assert kept.keys() >= VERDICT_ATTRIBUTES
    # OpenTelemetry limits log records from 1.35 on, and keeps the last attributes.
    assert set(recorded[-len(VERDICT_ATTRIBUTES) :]) == VERDICT_ATTRIBUTES
