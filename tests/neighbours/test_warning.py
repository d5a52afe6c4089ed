"""Each real neighbour is found while it is active, and the warning names remedies that work."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

import pytest

from midstream._neighbours import active_neighbours
from midstream.faults import parse
from neighbours.peers import ORDERS, Kept, Peer, parameters, snapshot, together
from neighbours.ways import READ, call
from support.clients import HAS_OWN_SPANS

if TYPE_CHECKING:
    from midstream.faults import FaultServer
    from support.exported import Exported

STYLE = READ["create(stream=True) in a loop"]

NAMES = {
    "traceloop": "OpenLLMetry (opentelemetry-instrumentation-anthropic)",
    "openinference": "OpenInference (openinference-instrumentation-anthropic)",
    "opentelemetry": "opentelemetry-instrumentation-genai-anthropic",
    "logfire": "logfire.instrument_anthropic()",
    "sentry": "Sentry's AnthropicIntegration",
}
"""What the neighbours are called in the warning. There is none about spans of HTTP requests."""

BESIDE_OURS = (
    "%s makes a span for every call of the Anthropic SDK, and midstream makes another. To keep only the first, set "
    "MIDSTREAM_SPANS=off (or instrument(spans=False)); the metrics and log events of midstream stay."
)
BESIDE_THE_SDKS = (
    "%s makes a span for every call of the Anthropic SDK, and the SDK makes another, which midstream enriches. To keep "
    "only the second, do not load the first. To keep only the first, set ANTHROPIC_OPEN_TELEMETRY=false and "
    "MIDSTREAM_SPANS=off (or instrument(spans=False)); the metrics and log events of midstream stay."
)
WARNING = BESIDE_THE_SDKS if HAS_OWN_SPANS else BESIDE_OURS


@pytest.mark.parametrize("peer", parameters())
def test_a_neighbour_is_found_while_it_is_active(peer: Peer) -> None:
    with snapshot():
        before = active_neighbours()
        with peer.load(Kept()):
            during = active_neighbours()
        after = active_neighbours()
    assert (before, [one.name for one in during], after) == ((), [NAMES[peer.name]] if peer.name in NAMES else [], ())


@pytest.mark.parametrize("peer", parameters("sentry"))
def test_sentry_without_tracing_makes_no_spans(peer: Peer) -> None:
    sentry: Any = importlib.import_module("sentry_sdk")
    with snapshot(), peer.load(Kept()):
        sentry.get_client().options["traces_sample_rate"] = None
        assert active_neighbours() == ()


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("peer", parameters(*NAMES))
def test_a_neighbour_loaded_before_or_after_is_warned_about_once(
    server: FaultServer, exported: Exported, peer: Peer, order: str, warnings: list[str]
) -> None:
    with together(order, peer, Kept(), exported):
        assert len(warnings) == (1 if order == "before midstream" else 0)
        for _ in range(2):
            call(STYLE, "sync", server, parse("ok"), None, peer)
    assert warnings == [WARNING % NAMES[peer.name]]


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("peer", parameters())
def test_without_spans_there_is_no_warning(
    server: FaultServer, exported: Exported, peer: Peer, order: str, warnings: list[str]
) -> None:
    with together(order, peer, Kept(), exported, spans=False):
        call(STYLE, "sync", server, parse("ok"), None, peer)
    assert warnings == []


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("peer", parameters(*NAMES))
def test_with_our_spans_off_only_the_neighbours_spans_are_left_and_metrics_stay(
    server: FaultServer, exported: Exported, peer: Peer, order: str
) -> None:
    alone, kept = Kept(), Kept()
    with snapshot(), peer.load(alone):
        call(STYLE, "sync", server, parse("reset"), None, peer)
    with together(order, peer, kept, exported, spans=False):
        call(STYLE, "sync", server, parse("reset"), None, peer)
    assert kept.recorded() == alone.recorded()
    assert (exported.spans, exported.outcomes(), len(exported.logs)) == ([], {"transport_error": 1}, 1)
