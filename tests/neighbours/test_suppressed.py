"""logfire's client suppresses other instrumentations by default: midstream obeys, and warns."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from opentelemetry.instrumentation.utils import suppress_instrumentation

from midstream import AnthropicInstrumentor
from midstream.faults import parse
from neighbours.peers import ORDERS, SUPPRESSING, Kept, snapshot, together
from neighbours.ways import READ, call
from support.clients import client
from support.seen import FLAVORS, observable
from support.styles import see

if TYPE_CHECKING:
    from midstream.faults import FaultServer
    from support.exported import Exported

MODEL = "in_band:overloaded_error"
STYLE = READ["create(stream=True) in a loop"]

HIDDEN = (
    "midstream does not observe calls of the Anthropic SDK under suppress_instrumentation(), which "
    "logfire.instrument_anthropic() applies to them. To prevent that, pass suppress_other_instrumentation=False."
)

pytestmark = pytest.mark.skipif(SUPPRESSING.missing is not None, reason=str(SUPPRESSING.missing))


@pytest.mark.parametrize("flavor", FLAVORS)
@pytest.mark.parametrize("order", ORDERS)
def test_logfire_and_the_application_see_no_change(
    server: FaultServer, exported: Exported, order: str, flavor: str
) -> None:
    alone, kept = Kept(), Kept()
    with snapshot(), SUPPRESSING.load(alone):
        bare = call(STYLE, flavor, server, parse(MODEL), None, SUPPRESSING)
    with together(order, SUPPRESSING, kept, exported):
        seen = call(STYLE, flavor, server, parse(MODEL), None, SUPPRESSING)
    assert kept.recorded() == alone.recorded()
    assert observable(seen, []) == observable(bare, [])


@pytest.mark.parametrize("flavor", FLAVORS)
def test_loaded_after_logfire_midstream_is_around_it_and_observes_the_call(
    server: FaultServer, exported: Exported, flavor: str
) -> None:
    with together("before midstream", SUPPRESSING, Kept(), exported):
        call(STYLE, flavor, server, parse(MODEL), None, SUPPRESSING)
    assert exported.outcomes() == {"in_band_error": 1}


@pytest.mark.parametrize("flavor", FLAVORS)
def test_loaded_before_logfire_midstream_observes_nothing_and_warns_once(
    server: FaultServer, exported: Exported, flavor: str, warnings: list[str]
) -> None:
    with together("after midstream", SUPPRESSING, Kept(), exported):
        for _ in range(2):
            call(STYLE, flavor, server, parse(MODEL), None, SUPPRESSING)
    assert (exported.spans, exported.outcomes(), warnings) == ([], {}, [HIDDEN])


def test_the_application_that_suppresses_is_not_warned(
    server: FaultServer, exported: Exported, warnings: list[str]
) -> None:
    AnthropicInstrumentor().instrument(**exported.providers)
    try:
        with suppress_instrumentation(), client(server, parse(MODEL)) as made:
            see(STYLE, made, MODEL)
    finally:
        AnthropicInstrumentor().uninstrument()
    assert (exported.outcomes(), warnings) == ({}, [])
