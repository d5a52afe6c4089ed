"""Streams and answers other than messages, under every fault: the whole telemetry, and what the application sees."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from opentelemetry.sdk.trace import TracerProvider

from midstream import AnthropicInstrumentor
from midstream.faults import parse
from support.checks import check_log, check_metrics, check_span
from support.clients import HAS_OWN_SPANS
from support.other_streams import OTHER_STREAMS
from support.scenarios import FAMILIES
from support.seen import FLAVORS, observable, run, spied

if TYPE_CHECKING:
    from midstream.faults import FaultServer
    from support.exported import Exported

SPANS = ("sdk", "own") if HAS_OWN_SPANS else ("own",)
WITHOUT_A_SPAN = ("client.post", "client.post(stream=True)")
"""The styles for which the SDK creates no span."""


@pytest.mark.alternates
@pytest.mark.parametrize("spans", SPANS)
@pytest.mark.parametrize("flavor", FLAVORS)
@pytest.mark.parametrize("style", OTHER_STREAMS)
@pytest.mark.parametrize("model", FAMILIES)
def test_the_application_notices_nothing_and_the_telemetry_is_complete(
    server: FaultServer, exported: Exported, model: str, style: str, flavor: str, spans: str
) -> None:
    scenario, chosen = parse(model), OTHER_STREAMS[style]
    provider = exported.tracer_provider if spans == "sdk" else None
    with spied() as raised:
        bare = run(chosen, flavor, server, scenario, TracerProvider() if provider else None)
        before = observable(bare, raised)
    with spied() as raised:
        AnthropicInstrumentor().instrument(**exported.providers)
        try:
            seen = run(chosen, flavor, server, scenario, provider)
        finally:
            AnthropicInstrumentor().uninstrument()

    assert observable(seen, raised) == before
    error: BaseException | None = seen.error
    while error is not None:
        # Its frames keep the stream alive, and so the SDK's span of a stream that is not closed.
        error.__traceback__, error = None, error.__context__
    own = spans == "own" or style in WITHOUT_A_SPAN
    check_span(exported.told_span, scenario, chosen, server, seen, own=own)
    check_metrics(exported, scenario, chosen, server)
    check_log(exported, scenario, chosen, server, seen)
