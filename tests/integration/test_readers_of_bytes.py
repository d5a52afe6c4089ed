"""Readers of bytes or lines get no exception for an error event or a missing end, but midstream records it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from opentelemetry.sdk.trace import TracerProvider

from midstream import AnthropicInstrumentor
from midstream.faults import parse
from support.checks import check_log, check_metrics, check_span
from support.clients import HAS_OWN_SPANS
from support.readers import READERS
from support.scenarios import FAMILIES
from support.seen import FLAVORS, observable, run, spied

if TYPE_CHECKING:
    from midstream.faults import FaultServer
    from support.exported import Exported

SPANS = ("sdk", "own") if HAS_OWN_SPANS else ("own",)
RAISED_BY_THE_READER = {("raw_events", "bad_utf8")}
"""The SDK's own decoder of lines raises there, above the body and outside all that is patched."""


@pytest.mark.alternates
@pytest.mark.parametrize("spans", SPANS)
@pytest.mark.parametrize("flavor", FLAVORS)
@pytest.mark.parametrize(
    ("reader", "model"),
    [(reader, model) for reader in READERS for model in FAMILIES if (reader, model) not in RAISED_BY_THE_READER],
)
def test_what_the_bytes_contain_is_recorded(
    server: FaultServer, exported: Exported, model: str, reader: str, flavor: str, spans: str
) -> None:
    scenario, style = parse(model), READERS[reader]
    provider = exported.tracer_provider if spans == "sdk" else None
    with spied() as raised:
        before = observable(run(style, flavor, server, scenario, TracerProvider() if provider else None), raised)
    with spied() as raised:
        AnthropicInstrumentor().instrument(**exported.providers)
        try:
            seen = run(style, flavor, server, scenario, provider)
        finally:
            AnthropicInstrumentor().uninstrument()

    assert observable(seen, raised) == before
    check_span(exported.span, scenario, style, server, seen, own=spans == "own")
    check_metrics(exported, scenario, style, server)
    check_log(exported, scenario, style, server, seen)
