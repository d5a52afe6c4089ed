"""The spans of HTTP requests are children of the span of their call, one for each attempt."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from opentelemetry.trace import SpanKind

from midstream.faults import parse
from neighbours.peers import ORDERS, Kept, Peer, parameters, together
from neighbours.ways import READ, call
from support.clients import HAS_OWN_SPANS
from support.seen import FLAVORS

if TYPE_CHECKING:
    from midstream.faults import FaultServer
    from support.exported import Exported


@pytest.mark.parametrize("spans", ["sdk", "own"] if HAS_OWN_SPANS else ["own"])
@pytest.mark.parametrize("flavor", FLAVORS)
@pytest.mark.parametrize("style", READ)
@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("peer", parameters("httpx"))
def test_every_attempt_has_its_span_under_that_of_the_call(
    server: FaultServer, exported: Exported, peer: Peer, order: str, style: str, flavor: str, spans: str
) -> None:
    # One place for the spans of both, as an application has it.
    with together(order, peer, Kept(exported), exported):
        call(READ[style], flavor, server, parse("retry:3"), exported.tracer_provider if spans == "sdk" else None, peer)
    *attempts, of_call = exported.spans
    assert of_call.context is not None
    assert [(span.name, span.kind, (span.attributes or {})["http.status_code"]) for span in attempts] == [
        ("POST", SpanKind.CLIENT, 529),
        ("POST", SpanKind.CLIENT, 529),
        ("POST", SpanKind.CLIENT, 200),
    ]
    assert [span.parent and span.parent.span_id for span in attempts] == [of_call.context.span_id] * 3
    assert of_call.parent is None
    assert of_call.name == ("anthropic.messages.create" if spans == "sdk" else "chat retry:3")
    assert (of_call.attributes or {})["http.request.resend_count"] == 2
    assert exported.outcomes() == {"completed": 1}
