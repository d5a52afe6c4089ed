"""With a neighbour loaded before or after, midstream's record is right, and the neighbour's is as without it."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.sdk.trace import TracerProvider

from midstream.faults import parse
from neighbours.peers import ORDERS, PEERS, Kept, Peer, parameters, snapshot, together
from neighbours.ways import LET_GO, READ, call
from support import expected
from support.clients import HAS_OWN_SPANS, HTTP_PACKAGE
from support.seen import FLAVORS, observable

if TYPE_CHECKING:
    from midstream.faults import FaultServer, Scenario
    from support.exported import Exported
    from support.styles import Style

MODELS = ("ok", "in_band:overloaded_error", "reset", "cut", "http:overloaded_error")
SPANS = "sdk" if HAS_OWN_SPANS else "own"
LONG = "ok:200"

pytestmark = [
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),  # of streams dropped in the SDK
    pytest.mark.filterwarnings("ignore:coroutine 'AsyncAPIResponse.parse' was never awaited"),  # by Traceloop
]

CASES = [
    *((style, model, SPANS) for style in READ.values() for model in MODELS),
    *((style, LONG, SPANS) for style in LET_GO.values()),
    *((READ["stream() events"], model, "own") for model in MODELS if HAS_OWN_SPANS),
]


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("flavor", FLAVORS)
@pytest.mark.parametrize(
    ("style", "model", "spans"), CASES, ids=[f"{style.name}-{model}-{spans}" for style, model, spans in CASES]
)
@pytest.mark.parametrize("peer", parameters())
def test_neither_notices_the_other(
    server: FaultServer, exported: Exported, peer: Peer, style: Style, model: str, flavor: str, order: str, spans: str
) -> None:
    scenario = parse(model)
    kept = Kept()
    with together(order, peer, kept, exported):
        seen = call(style, flavor, server, scenario, exported.tracer_provider if spans == "sdk" else None, peer)

    recorded, observed = alone(peer.name, style, flavor, server, model, spans)
    assert kept.recorded() == recorded
    assert observable(seen, []) == observed
    check_ours(exported, style, scenario, server, own=spans == "own")


@functools.cache
def alone(peer: str, style: Style, flavor: str, server: FaultServer, model: str, spans: str) -> tuple[Any, Any]:
    """What the neighbour records and what the application sees without midstream."""
    kept = Kept()
    provider = TracerProvider() if spans == "sdk" else None
    with snapshot(), PEERS[peer].load(kept):
        seen = call(style, flavor, server, parse(model), provider, PEERS[peer])
    return kept.recorded(), observable(seen, [])


def check_ours(exported: Exported, style: Style, scenario: Scenario, server: FaultServer, *, own: bool) -> None:
    found = dict(exported.span.attributes or {})
    if style.name in LET_GO:
        assert (found["midstream.outcome"], found.get("error.type")) == ("abandoned", None)
        outcome = "abandoned"
    else:
        wanted = expected.attributes(
            scenario, style, host=server.host, port=server.port, http_package=HTTP_PACKAGE, own=own
        )
        assert {name: found.get(name) for name in wanted} == wanted
        outcome = expected.ending(scenario, style).outcome.value
    assert exported.outcomes() == {outcome: 1}
    assert [point.value for point in exported.metrics().get("midstream.client.stream.active", [])] in ([], [0])
