"""The calls whose machine instructions are counted: the real SDK, over a transport in memory."""

from __future__ import annotations

from contextvars import copy_context

import pytest
from in_memory import COUNTED_CALLS, COUNTED_STREAMS, CountedCall, transport
from server import request_for
from subjects import async_client, client

ALL = {**COUNTED_CALLS, **COUNTED_STREAMS}


@pytest.mark.parametrize("call", ALL.values(), ids=ALL)
def test_every_counted_call_ends_as_expected(call: CountedCall, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gc.disable", lambda: None)
    # In a context, because the SDK's tracing stays on in the one in which it is started.
    copy_context().run(lambda: call.prepared()(2))


@pytest.mark.parametrize("framing", ["together", "chunked"])
def test_a_stream_has_all_its_events(framing: str) -> None:
    with client(transport()) as made:
        events = list(made.messages.create(**request_for(f"{framing} 20"), stream=True))
    assert (len(events), events[-1].type) == (20, "message_stop")


@pytest.mark.parametrize("framing", ["together", "chunked"])
async def test_an_async_stream_has_all_its_events(framing: str) -> None:
    async with async_client(transport()) as made:
        events = [event async for event in await made.messages.create(**request_for(f"{framing} 20"), stream=True)]
    assert (len(events), events[-1].type) == (20, "message_stop")
