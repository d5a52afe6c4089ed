"""Whichever is uninstrumented first, the other works as before."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from midstream import AnthropicInstrumentor
from midstream.faults import parse
from neighbours.peers import ORDERS, Kept, Peer, parameters, snapshot
from neighbours.ways import READ, call
from support.seen import FLAVORS

if TYPE_CHECKING:
    from midstream.faults import FaultServer
    from support.exported import Exported

MODEL = "in_band:overloaded_error"
STYLE = READ["create(stream=True) in a loop"]


@pytest.mark.parametrize("flavor", FLAVORS)
@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("peer", parameters())
def test_without_midstream_again_the_neighbour_records_as_before(
    server: FaultServer, exported: Exported, peer: Peer, order: str, flavor: str
) -> None:
    alone, kept = Kept(), Kept()
    with snapshot(), peer.load(alone):
        call(STYLE, flavor, server, parse(MODEL), None, peer)
    with snapshot(), ExitStack() as stack:
        if order == "before midstream":
            stack.enter_context(peer.load(kept))
        AnthropicInstrumentor().instrument(**exported.providers)
        if order == "after midstream":
            stack.enter_context(peer.load(kept))
        AnthropicInstrumentor().uninstrument()
        call(STYLE, flavor, server, parse(MODEL), None, peer)
    assert kept.recorded() == alone.recorded()
    assert exported.spans == []


@pytest.mark.parametrize("flavor", FLAVORS)
@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("peer", parameters("traceloop", "openinference", "opentelemetry", "httpx", "logfire"))
def test_without_the_neighbour_midstream_records_as_before(
    server: FaultServer, exported: Exported, peer: Peer, order: str, flavor: str
) -> None:
    kept, neighbour = Kept(), ExitStack()
    with snapshot():
        if order == "before midstream":
            neighbour.enter_context(peer.load(kept))
        AnthropicInstrumentor().instrument(**exported.providers)
        if order == "after midstream":
            neighbour.enter_context(peer.load(kept))
        neighbour.close()
        if (peer.name, order) == ("logfire", "before midstream"):
            # It puts back the method that it found, and takes out what was put around its own since: once more, then.
            AnthropicInstrumentor().uninstrument()
            AnthropicInstrumentor().instrument(**exported.providers)
        try:
            call(STYLE, flavor, server, parse(MODEL), None, peer)
        finally:
            AnthropicInstrumentor().uninstrument()
    assert (kept.started.spans, exported.outcomes()) == ([], {"in_band_error": 1})
    assert (exported.span.attributes or {})["error.type"] == "overloaded_error"


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("peer", parameters())
def test_both_can_be_taken_out_and_put_in_again(
    server: FaultServer, exported: Exported, peer: Peer, order: str
) -> None:
    first, second = Kept(), Kept()
    for kept in (first, second):
        with snapshot(), ExitStack() as stack:
            if order == "before midstream":
                stack.enter_context(peer.load(kept))
            AnthropicInstrumentor().instrument(**exported.providers)
            stack.callback(AnthropicInstrumentor().uninstrument)
            if order == "after midstream":
                stack.enter_context(peer.load(kept))
            call(STYLE, "sync", server, parse(MODEL), None, peer)
    assert second.recorded() == first.recorded()
    assert exported.outcomes() == {"in_band_error": 2}
