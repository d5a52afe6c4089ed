"""What an open stream holds at midstream's own lines: a few kilobytes, and no more at its end than at its first event.

What the OpenTelemetry SDK needs for a span of ours is not in it, nor is the last event: `make bench` measures all.
"""

from __future__ import annotations

import gc
import sys
import tracemalloc
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import anyio
import pytest

import midstream
from midstream.faults import parse
from support.clients import async_client, client
from support.lifecycle import SPANS, no_collector
from support.seen import FLAVORS
from support.styles import arguments

if TYPE_CHECKING:
    from midstream.faults import FaultServer
    from support.exported import Exported

MOST: Final = 4096 if sys.version_info >= (3, 11) else 6144
"""For a stream. Before Python 3.11 objects are larger."""
MAX_MORE: Final = 256
"""For a stream that is longer: its counts are larger numbers. A pointer for each of its events would be more."""
STREAMS: Final = 10
EVENTS: Final = 60
MODEL: Final = f"ok:{EVENTS}"


OURS: Final = [
    tracemalloc.Filter(inclusive=True, filename_pattern=str(Path(midstream.__file__).with_name(part) / "*"))
    for part in ("_outcomes", "_sdk", "_telemetry")
]
"""What observes calls. The fault server is not meant."""


def at_our_lines() -> int:
    gc.collect()
    return sum(trace.size for trace in tracemalloc.take_snapshot().filter_traces(OURS).traces)


def opened(made: Any) -> Any:
    stream = made.messages.create(**arguments(MODEL), stream=True)
    next(stream)
    return stream


async def aopened(made: Any) -> Any:
    stream = await made.messages.create(**arguments(MODEL), stream=True)
    await stream.__anext__()
    return stream


def held(server: FaultServer, provider: Any) -> list[int]:
    """The bytes at our lines, before there are streams, at the first event of each, and near their ends."""
    with client(server, parse(MODEL), provider) as made:
        first = opened(made)  # what is made once in a process
        found = [at_our_lines()]
        streams = [opened(made) for _ in range(STREAMS)]
        found.append(at_our_lines())
        for stream in streams:
            for _ in range(EVENTS):
                next(stream)
        found.append(at_our_lines())
        for stream in (first, *streams):
            stream.close()
    return found


async def aheld(server: FaultServer, provider: Any) -> list[int]:
    async with async_client(server, parse(MODEL), provider) as made:
        first = await aopened(made)
        found = [at_our_lines()]
        streams = [await aopened(made) for _ in range(STREAMS)]
        found.append(at_our_lines())
        for stream in streams:
            for _ in range(EVENTS):
                await stream.__anext__()
        found.append(at_our_lines())
        for stream in (first, *streams):
            await stream.close()
    return found


@pytest.mark.parametrize("spans", SPANS)
@pytest.mark.parametrize("flavor", FLAVORS)
def test_an_open_stream_holds_little_and_as_much_at_its_end_as_at_its_first_event(
    server: FaultServer, exported: Exported, instrumented: Any, flavor: str, spans: str
) -> None:
    provider = exported.tracer_provider if spans == "sdk" else None
    with no_collector(), instrumented():
        tracemalloc.start()
        try:
            before, begun, near_the_end = (
                held(server, provider) if flavor == "sync" else anyio.run(aheld, server, provider)
            )
        finally:
            tracemalloc.stop()
    assert 0 < begun - before <= STREAMS * MOST
    assert near_the_end - begun <= STREAMS * MAX_MORE
