"""What machine instructions are counted of: calls and events of the real SDK, over a transport in memory."""

from __future__ import annotations

import pytest
from clients import async_client, client
from counting import Counted
from flavors import asked
from in_memory import CALLS, STREAMS, Kind, per_event, transport
from server import answer

KINDS = {**CALLS, **STREAMS}


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_everything_that_is_counted_can_be_done_in_memory(kind: Kind, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gc.disable", lambda: None)
    kind.doing(None)(2)


@pytest.mark.parametrize("framing", ["together", "chunked"])
def test_a_stream_in_memory_has_all_its_events(framing: str) -> None:
    with client("http://127.0.0.1", transport()) as one:
        events = list(one.messages.create(**asked(f"{framing} 20"), stream=True))
    assert (len(events), events[-1].type) == (20, "message_stop")


@pytest.mark.parametrize("framing", ["together", "chunked"])
async def test_and_so_has_an_async_one(framing: str) -> None:
    async with async_client("http://127.0.0.1", transport()) as one:
        events = [event async for event in await one.messages.create(**asked(f"{framing} 20"), stream=True)]
    assert (len(events), events[-1].type) == (20, "message_stop")


def test_a_transport_answers_what_the_server_does() -> None:
    told = answer("chunked 9")
    assert (told.status, told.headers["content-type"], len(told.pieces)) == (200, "text/event-stream", 9)
    assert told.wire.startswith(b"HTTP/1.1 200 ")
    assert told.wire.endswith(b"\r\n0\r\n\r\n")
    assert all(piece in told.wire for piece in told.pieces)


def test_a_body_that_is_held_has_no_end() -> None:
    assert not answer("held 9").wire.endswith(b"\r\n0\r\n\r\n")


def test_the_content_length_is_that_of_the_body() -> None:
    head, _, body = answer("together 9").wire.partition(b"\r\n\r\n")
    assert f"content-length: {len(body)}".encode() in head.split(b"\r\n")


def test_an_event_takes_what_a_long_stream_takes_more_than_a_short_one() -> None:
    found = {name: Counted(1_000, 2_000) for name in STREAMS}
    ways = {name.rpartition(", ")[0] for name in STREAMS}
    assert per_event(found) == dict.fromkeys(ways, Counted(0, 0))
    longer = {name: Counted(1_500, 2_700) if name.endswith("109 events") else one for name, one in found.items()}
    assert per_event(longer) == dict.fromkeys(ways, Counted(5, 7))
    assert per_event(longer).popitem()[1].added == 2
