"""Every call style under every fault: the whole telemetry, and what the application sees beside a bare run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from midstream import AnthropicInstrumentor
from midstream.faults import EXAMPLES, parse
from support.checks import check_log, check_metrics, check_span
from support.clients import HAS_OWN_SPANS
from support.seen import FLAVORS, bare, observable, run, spied
from support.styles import STYLES

if TYPE_CHECKING:
    from midstream.faults import FaultServer
    from support.exported import Exported

SPANS = ("sdk", "own") if HAS_OWN_SPANS else ("own",)


@pytest.mark.alternates
@pytest.mark.parametrize("spans", SPANS)
@pytest.mark.parametrize("flavor", FLAVORS)
@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("model", EXAMPLES)
def test_the_application_notices_nothing_and_the_telemetry_is_complete(
    server: FaultServer, exported: Exported, model: str, style: str, flavor: str, spans: str
) -> None:
    before = bare(style, flavor, server, model, spans)
    scenario, chosen = parse(model), STYLES[style]
    with spied() as raised:
        AnthropicInstrumentor().instrument(**exported.providers)
        try:
            seen = run(chosen, flavor, server, scenario, exported.tracer_provider if spans == "sdk" else None)
        finally:
            AnthropicInstrumentor().uninstrument()

    assert observable(seen, raised) == before
    check_span(exported.span, scenario, chosen, server, seen, own=spans == "own")
    check_metrics(exported, scenario, chosen, server)
    check_log(exported, scenario, chosen, server, seen)
