"""Streams of a session's events, as applications read them: until the turn is over, and then they close."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import anthropic
import anyio
import pytest
from anthropic.resources import beta

from midstream.faults import parse
from midstream.faults._script import Ending, Script
from midstream.faults._wire import EVENT_STREAM, LAST_CHUNK, chunk, head, sse, to_json
from support.clients import HAS_OWN_SPANS, async_client, client
from support.hostile_server import HostileServer, always

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from support.exported import Exported

pytestmark = pytest.mark.skipif(not hasattr(beta, "Sessions"), reason="this version of the SDK does not know sessions")

SPANS = ("sdk", "own") if HAS_OWN_SPANS else ("own",)


def of(kind: str, **fields: Any) -> dict[str, Any]:
    return {"id": "sevt_1", "type": kind, "processed_at": None, **fields}


def error(retry_status: str) -> dict[str, Any]:
    return of(
        "session.error",
        error={"type": "model_overloaded_error", "message": "Busy", "retry_status": {"type": retry_status}},
    )


USER = of("user.message", content=[{"type": "text", "text": "Is all well?"}])
RUNNING = of("session.status_running")
MESSAGE = of("agent.message", content=[{"type": "text", "text": "All is well."}])
USAGE = of("session.usage", usage={})
IDLE = of("session.status_idle", stop_reason={"type": "end_turn"})
WAITING = of("session.status_idle", stop_reason={"type": "requires_action", "event_ids": ["sevt_2"]})
EXHAUSTED = of("session.status_idle", stop_reason={"type": "retries_exhausted"})
TERMINATED = of("session.status_terminated")
DELETED = of("session.deleted")
OPENED = (USER, RUNNING, USER, MESSAGE, MESSAGE)
"""Several events of the same classes, so that whatever can be skipped is."""
THREAD_IDLE = of("session.thread_status_idle", stop_reason={"type": "end_turn"}, agent_name="a", session_thread_id="t")
THREAD_TERMINATED = of("session.thread_status_terminated", agent_name="a", session_thread_id="t")

ENDS: dict[str, tuple[tuple[dict[str, Any], ...], str]] = {
    "end_turn": ((*OPENED, IDLE), "completed"),
    "end_turn of a second turn": ((*OPENED, IDLE, *OPENED, IDLE), "completed"),
    "terminated": ((*OPENED, TERMINATED), "completed"),
    "deleted": ((*OPENED, DELETED), "completed"),
    "retrying": ((*OPENED, error("retrying"), MESSAGE, IDLE), "completed"),
    "in the middle": (OPENED, "abandoned"),
    "requires_action": ((*OPENED, WAITING), "abandoned"),
    "running again": ((*OPENED, IDLE, *OPENED), "abandoned"),
    "a thread is idle": ((*OPENED, THREAD_IDLE), "abandoned"),
    "exhausted": ((*OPENED, error("retrying"), error("exhausted"), EXHAUSTED), "in_band_error"),
    "terminal": ((*OPENED, error("terminal"), TERMINATED), "in_band_error"),
}
"""By name, the events up to which an application reads, and how its call ended when it then closes the stream."""

THREAD_ENDS: dict[str, tuple[tuple[dict[str, Any], ...], str]] = {
    "end_turn": ((*OPENED, THREAD_IDLE), "completed"),
    "terminated": ((*OPENED, THREAD_TERMINATED), "completed"),
    "in the middle": (OPENED, "abandoned"),
    "exhausted": ((*OPENED, error("exhausted"), THREAD_TERMINATED), "in_band_error"),
}


class AnyEvent(anthropic.BaseModel):
    """What an event of a type that the SDK does not know becomes: one class for all of them."""

    type: str


def the_break(made: Any, path: tuple[str, ...], count: int) -> None:
    with _events(made, path).stream(path[-1], **_session(path)) as stream:
        for number, _ in enumerate(stream, 1):
            if number == count:
                break


async def async_break(made: Any, path: tuple[str, ...], count: int) -> None:
    async with await _events(made, path).stream(path[-1], **_session(path)) as stream:
        number = 0
        async for _ in stream:
            number += 1
            if number == count:
                break


def the_class_of_all(made: Any, path: tuple[str, ...], count: int) -> None:
    url = "/v1/sessions/" + "/threads/".join(path) + ("/stream" if len(path) > 1 else "/events/stream")
    stream = made.get(url, cast_to=AnyEvent, stream=True, stream_cls=anthropic.Stream[AnyEvent])
    for _ in range(count):
        next(stream)
    stream.close()


async def async_class_of_all(made: Any, path: tuple[str, ...], count: int) -> None:
    url = "/v1/sessions/" + "/threads/".join(path) + ("/stream" if len(path) > 1 else "/events/stream")
    stream = await made.get(url, cast_to=AnyEvent, stream=True, stream_cls=anthropic.AsyncStream[AnyEvent])
    for _ in range(count):
        await stream.__anext__()
    await stream.close()


def the_lines(made: Any, path: tuple[str, ...], count: int) -> None:
    with _events(made, path).with_streaming_response.stream(path[-1], **_session(path)) as response:
        for line in response.iter_lines():
            count -= line == ""
            if not count:
                break


async def async_lines(made: Any, path: tuple[str, ...], count: int) -> None:
    async with _events(made, path).with_streaming_response.stream(path[-1], **_session(path)) as response:
        async for line in response.iter_lines():
            count -= line == ""
            if not count:
                break


def _events(made: Any, path: tuple[str, ...]) -> Any:
    return made.beta.sessions.threads.events if len(path) > 1 else made.beta.sessions.events


def _session(path: tuple[str, ...]) -> dict[str, str]:
    return {"session_id": path[0]} if len(path) > 1 else {}


Reader = tuple["Callable[[Any, tuple[str, ...], int], None]", "Callable[[Any, tuple[str, ...], int], Awaitable[None]]"]
READERS: dict[str, Reader] = {
    "break in a with block": (the_break, async_break),
    "events of one class": (the_class_of_all, async_class_of_all),
    "lines": (the_lines, async_lines),
}


@pytest.fixture(name="sessions", scope="module")
def sessions_() -> Iterator[HostileServer]:
    with HostileServer() as server:
        yield server


def stays_open(events: tuple[dict[str, Any], ...], name: str | None) -> Script:
    frames = tuple(chunk(sse(name or event["type"], to_json(event))) for event in events)
    start = head(200, {"content-type": EVENT_STREAM, "transfer-encoding": "chunked", "request-id": "req_1"})
    return Script(start, frames, ending=Ending.STALL)


def read(server: HostileServer, reader: str, flavor: str, path: tuple[str, ...], count: int, spans: Any) -> None:
    sync, asynchronous = READERS[reader]

    async def run() -> None:
        async with async_client(server, parse("ok"), spans) as made:
            await asynchronous(made, path, count)

    if flavor == "sync":
        with client(server, parse("ok"), spans) as made:
            sync(made, path, count)
    else:
        anyio.run(run)


@pytest.mark.parametrize("name", [None, "message"], ids=["named", "unnamed"])
@pytest.mark.parametrize("flavor", ["sync", "async"])
@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize(
    ("path", "events", "outcome"),
    [
        *(pytest.param(("sesn_1",), *end, id=f"session, {name}") for name, end in ENDS.items()),
        *(pytest.param(("sesn_1", "sthr_1"), *end, id=f"thread, {name}") for name, end in THREAD_ENDS.items()),
    ],
)
def test_a_stream_that_is_closed_ends_as_its_turn_did(
    sessions: HostileServer,
    exported: Exported,
    instrumented: Any,
    path: tuple[str, ...],
    events: tuple[dict[str, Any], ...],
    outcome: str,
    reader: str,
    flavor: str,
    name: str | None,
) -> None:
    sessions.play = always(stays_open(events, name))
    with instrumented():
        read(sessions, reader, flavor, path, len(events), None)
    assert exported.outcomes() == {outcome: 1}
    assert len(exported.logs) == (outcome == "in_band_error")


@pytest.mark.parametrize("spans", SPANS)
@pytest.mark.parametrize("reader", READERS)
def test_an_error_that_ends_the_turn_is_recorded_with_its_type_and_status(
    sessions: HostileServer, exported: Exported, instrumented: Any, reader: str, spans: str
) -> None:
    sessions.play = always(stays_open((*OPENED, error("exhausted"), EXHAUSTED), None))
    with instrumented():
        provider = exported.tracer_provider if spans == "sdk" else None
        read(sessions, reader, "sync", ("sesn_1",), len(OPENED) + 2, provider)
    span = exported.told_span
    expected = {
        "gen_ai.operation.name": "session_events",
        "midstream.outcome": "in_band_error",
        "midstream.phase": "content",
        "midstream.status_code": 529,
        "midstream.status_code.source": "synthesized",
        "midstream.leaked": False,
        "midstream.misreported": False,
        "midstream.retryable": True,
        "error.type": "model_overloaded_error",
        "http.response.status_code": 200,
        "midstream.stream.last_event": "session.status_idle",
    }
    assert {name: (span.attributes or {}).get(name) for name in expected} == expected
    assert span.status.description == "529 model_overloaded_error: Busy"
    (log,) = exported.logs
    assert {name: (log.log_record.attributes or {}).get(name) for name in expected} == expected
    assert (log.log_record.attributes or {})["exception.message"] == "Busy"
    (point,) = exported.counted("midstream.client.errors")
    assert (point.attributes["error.type"], point.attributes["midstream.status_code"]) == (
        "model_overloaded_error",
        529,
    )


@pytest.mark.parametrize("flavor", ["sync", "async"])
@pytest.mark.parametrize(
    ("events", "outcome"),
    [(OPENED, "completed"), ((*OPENED, error("exhausted"), EXHAUSTED), "in_band_error")],
    ids=["without an error", "with an error"],
)
def test_a_stream_that_the_server_ends_is_completed_but_for_an_error(
    sessions: HostileServer,
    exported: Exported,
    instrumented: Any,
    events: tuple[dict[str, Any], ...],
    outcome: str,
    flavor: str,
) -> None:
    script = stays_open(events, None)
    sessions.play = always(Script(script.head, (*script.frames, LAST_CHUNK)))
    with instrumented():
        read(sessions, "break in a with block", flavor, ("sesn_1",), 100, None)
    assert exported.outcomes() == {outcome: 1}


@pytest.mark.skipif(
    find_spec("anthropic.types.beta.beta_managed_agents_delta_event") is None,
    reason="this version of the SDK leaves previews out",
)
def test_of_previews_only_the_first_is_looked_at_and_what_follows_counts_all_the_same(
    sessions: HostileServer, exported: Exported, instrumented: Any
) -> None:
    preview = of("event_delta", event_id="sevt_1", delta={"type": "content_delta", "content": {}})
    events = (RUNNING, *(preview,) * 20, MESSAGE, IDLE)
    sessions.play = always(stays_open(events, None))
    with instrumented(genai_metrics="both"):
        read(sessions, "break in a with block", "sync", ("sesn_1",), len(events), None)
    assert exported.outcomes() == {"completed": 1}
    assert [name for name, points in exported.metrics().items() if name.startswith("gen_ai.") and points] == []
