"""Streams other than messages, dropped by the application before their end."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING, Any

import anyio
import pytest

from midstream.faults import parse
from support.clients import HAS_OWN_SPANS, async_client, client
from support.other_streams import OTHER_STREAMS

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from midstream.faults import FaultServer
    from support.exported import Exported

SPANS = ("sdk", "own") if HAS_OWN_SPANS else ("own",)
LONG = "ok:200"


def results_closed(made: Any) -> None:
    lines = made.messages.batches.results(LONG)
    next(lines)
    lines.close()


async def aresults_closed(made: Any) -> None:
    lines = await made.messages.batches.results(LONG)
    await lines.__anext__()
    await lines.close()


def results_dropped(made: Any) -> None:
    for _ in made.messages.batches.results(LONG):
        break
    gc.collect()


async def aresults_dropped(made: Any) -> None:
    async for _ in await made.messages.batches.results(LONG):
        break
    # The event loop finalizes the SDK's generators in separate tasks; below 1.14 they are part of cycles.
    for _ in range(10):
        gc.collect()
        await anyio.lowlevel.checkpoint()


def session_left(made: Any) -> None:
    with made.beta.sessions.events.stream(LONG) as stream:
        for _ in stream:
            break


async def asession_left(made: Any) -> None:
    async with await made.beta.sessions.events.stream(LONG) as stream:
        async for _ in stream:
            break


def download_left(made: Any) -> None:
    with made.beta.files.with_streaming_response.download(LONG) as response:
        for _ in response.iter_bytes():
            break


async def adownload_left(made: Any) -> None:
    async with made.beta.files.with_streaming_response.download(LONG) as response:
        async for _ in response.iter_bytes():
            break


Way = tuple["Callable[[Any], None]", "Callable[[Any], Awaitable[None]]", str]
WAYS: dict[str, Way] = {
    "results closed": (results_closed, aresults_closed, "batches.results"),
    "results dropped": (results_dropped, aresults_dropped, "batches.results"),
    "session events left": (session_left, asession_left, "sessions.events.stream"),
    "download left": (download_left, adownload_left, "files.download"),
}
HERE = {name: way for name, way in WAYS.items() if way[2] in OTHER_STREAMS}
"""Those that this SDK has."""


@pytest.mark.parametrize("spans", SPANS)
@pytest.mark.parametrize("flavor", ["sync", "async"])
@pytest.mark.parametrize("name", HERE)
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # the SDK's own, of dropped streams
def test_a_stream_that_the_application_drops_is_abandoned(
    server: FaultServer, exported: Exported, instrumented: Any, name: str, flavor: str, spans: str
) -> None:
    provider = exported.tracer_provider if spans == "sdk" else None
    sync, asynchronous, style = HERE[name]

    async def run() -> None:
        async with async_client(server, parse(LONG), provider) as made:
            await asynchronous(made)
            assert exported.outcomes() == {"abandoned": 1}

    with instrumented():
        if flavor == "sync":
            with client(server, parse(LONG), provider) as made:
                sync(made)
                assert exported.outcomes() == {"abandoned": 1}
        else:
            anyio.run(run)
    attributes = exported.told_span.attributes or {}
    assert attributes["gen_ai.operation.name"] == OTHER_STREAMS[style].operation
    assert [one for one in attributes if one in {"error.type", "midstream.phase", "midstream.leaked"}] == []
    assert exported.told_span.status.is_unset
    assert exported.logs == []
    assert [point.value for point in exported.metrics()["midstream.client.stream.active"]] == [0]
