"""What an open stream holds in memory, and how fast many that are open at once are read."""

from __future__ import annotations

import asyncio
import gc
import resource
import time
import tracemalloc
from collections.abc import Awaitable, Callable
from contextlib import ExitStack, asynccontextmanager
from contextvars import copy_context
from functools import partial
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from clients import SDK_TRACES, SDK_TRACING, async_client, client
from figures import Figure, Goal
from flavors import asked
from measuring import compared, rounds
from providers import providers, started
from server import SHORTEST
from subjects import MIDSTREAM

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Coroutine, Iterator

    from anthropic import Anthropic, Stream
    from anthropic.types import RawMessageStreamEvent
    from measuring import Comparison
    from sizes import Size
    from subjects import Subject

__all__ = ("allow_many_files", "measure_crowd", "measure_memory")

_MEMORY_GOAL: Final = Goal(added=4096)
_CROWD_GOAL: Final = Goal(ratio=1 / 0.99)
_MEMORY_PAIRS: Final = 3
_DEEP_PAIRS: Final = 1
"""Of the deep ones, which take long. Nothing of this varies by more than a few bytes."""
_CROWD_PAIRS: Final = 5
_MANY_FILES: Final = 8192
_FIRST: Final = 1
_FIRST_STREAMS: Final = 3
_PATIENCE: Final = 60.0
_Pause = Callable[[], Awaitable[None]]


def allow_many_files() -> None:
    """Lets this process have as many files open as it may."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MANY_FILES if hard == resource.RLIM_INFINITY else min(hard, _MANY_FILES)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))


def measure_memory(url: str, subject: Subject, size: Size, pairs: int, wanted: Callable[[str], bool]) -> list[Figure]:
    """Bytes of an open stream: at its first event, and deep in it. Everything that was allocated and not freed.

    Of midstream also on top of the SDK's own span, where OpenTelemetry has none to make.
    """
    figures: list[Figure] = []
    first, deep = _Depth(size.open, _FIRST, min(pairs, _MEMORY_PAIRS)), _Depth(size.open_deep, size.deep, _DEEP_PAIRS)
    cases: list[tuple[_Depth, Subject | None]] = [(first, None), (deep, None)]
    if subject is MIDSTREAM and SDK_TRACES:
        cases.append((first, SDK_TRACING))
    for flavor, held in (("sync", _held), ("async", _async_held)):
        for depth, base in cases:
            beside = "" if base is None else ", on the SDK's span"
            key = f"memory: an open stream, {flavor}, at event {depth.events:,}{beside}"
            if wanted(key):
                told = _memory(partial(held, url), depth, base, subject)
                figures.append(Figure(key, subject.name, "B", told, _MEMORY_GOAL))
    return figures


class _Depth(NamedTuple):
    """So many streams are open, of each of which so many events have been read."""

    streams: int
    events: int
    pairs: int


def _memory(held: Callable[[int, int], float], depth: _Depth, base: Subject | None, subject: Subject) -> Comparison:
    given = providers()

    def run(depth: _Depth, *subjects: Subject | None) -> list[float]:
        with started(given, *subjects):
            return [held(depth.streams, depth.events)]

    # What is kept for good from the first streams on is no part of a stream.
    warm_up = _Depth(_FIRST_STREAMS, _FIRST, 1)
    for _ in range(_FIRST_STREAMS):
        run(warm_up, base)
        run(warm_up, base, subject)
    told = rounds(lambda: run(depth, base), lambda: run(depth, base, subject), depth.pairs, warm=False)
    return compared([one for (one,) in told])


def _held(url: str, streams: int, events: int) -> float:
    """Bytes per stream when so many streams are open, and of each so many events have been read."""
    with client(url) as one, ExitStack() as stack:
        for _ in one.messages.create(**asked(f"together {SHORTEST}"), stream=True):
            pass
        before = _allocated()
        for _ in range(streams):
            # Each in a context of its own, as in a server: there are instrumentations that keep theirs for long.
            run = copy_context().run
            stream, told = run(_open, one, events)
            stack.callback(run, _close, stream, told)
        held = (_allocated() - before) / streams
        tracemalloc.stop()
    return held


def _open(one: Anthropic, events: int) -> tuple[Stream[RawMessageStreamEvent], Iterator[RawMessageStreamEvent]]:
    """A stream, and the SDK's iterator over it, which a `for` loop has, too: that one keeps the last event."""
    stream: Stream[RawMessageStreamEvent] = one.messages.create(**asked(f"held {events}"), stream=True)
    told = iter(stream)
    for _ in range(events):
        next(told)
    return stream, told


def _close(stream: Stream[RawMessageStreamEvent], told: Iterator[RawMessageStreamEvent]) -> None:
    del told
    stream.close()


def _async_held(url: str, streams: int, events: int) -> float:
    async def run() -> float:
        async with async_client(url) as one:

            async def hold(pause: _Pause) -> None:
                async with await one.messages.create(**asked(f"held {events}"), stream=True) as stream:
                    told = aiter(stream)
                    for _ in range(events):
                        await anext(told)
                    await pause()

            async for _ in await one.messages.create(**asked(f"together {SHORTEST}"), stream=True):
                pass
            before = _allocated()
            async with _paused(hold, streams):
                held = (_allocated() - before) / streams
                tracemalloc.stop()
        return held

    return asyncio.run(run())


@asynccontextmanager
async def _paused(work: Callable[[_Pause], Coroutine[Any, Any, None]], times: int) -> AsyncGenerator[None]:
    """So many of `work`, each in a task of its own, are as far as their pause. At the end of the block they go on."""
    arrived, on = asyncio.Semaphore(0), asyncio.Event()

    async def pause() -> None:
        arrived.release()
        await on.wait()

    tasks: list[asyncio.Task[None]] = []
    for _ in range(times):
        tasks.append(asyncio.create_task(work(pause)))
        await asyncio.wait_for(arrived.acquire(), _PATIENCE)
    yield
    on.set()
    await asyncio.gather(*tasks)


def _allocated() -> int:
    gc.collect()
    tracemalloc.start()  # does nothing the second time
    return tracemalloc.get_traced_memory()[0]


def measure_crowd(url: str, subject: Subject, size: Size, pairs: int) -> list[Figure]:
    """Time per event when many async streams are open at once: while all are, and until all have been read."""
    given = providers()

    def bare() -> tuple[float, float]:
        return asyncio.run(_crowd(url, size.open, size.crowd_events))

    def observed() -> tuple[float, float]:
        with started(given, subject):
            return bare()

    by_part = zip(*rounds(bare, observed, min(pairs, _CROWD_PAIRS), warm=False), strict=True)
    crowd = f"throughput: {size.open:,} async streams at once, wall time per event"
    parts = ((crowd, _CROWD_GOAL), (f"{crowd}, of {size.crowd_events:,} events each, with their ends", None))
    return [
        Figure(key, subject.name, "us", compared(told).in_units(1e6), goal)
        for (key, goal), told in zip(parts, by_part, strict=True)
    ]


async def _crowd(url: str, streams: int, events: int) -> tuple[float, float]:
    """Seconds per event, from when all are open: to when the ends are left of all, and to when all have ended."""
    before_the_end = events - SHORTEST
    all_read, reading = asyncio.Event(), streams
    started_at = read_at = 0.0

    async with async_client(url) as one:

        async def read(pause: _Pause) -> None:
            nonlocal reading, read_at
            stream = await one.messages.create(**asked(f"together {events}"), stream=True)
            told = aiter(stream)
            await pause()
            for _ in range(before_the_end):
                await anext(told)
            reading -= 1
            if not reading:
                read_at = time.perf_counter()
                all_read.set()
            await all_read.wait()
            async for _ in told:
                pass

        async with _paused(read, streams):
            started_at = time.perf_counter()
        ended_at = time.perf_counter()
    return (read_at - started_at) / (streams * before_the_end), (ended_at - started_at) / (streams * events)
