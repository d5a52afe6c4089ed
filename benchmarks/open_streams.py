"""Streams that are open at the same time: the memory that each holds, how fast many are read; a busy event loop."""

from __future__ import annotations

import asyncio
import gc
import time
import tracemalloc
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager
from contextvars import copy_context
from functools import partial
from typing import Any, Final

from anthropic import Anthropic, Stream
from anthropic.types import RawMessageStreamEvent
from rounds import Round, measured, row
from server import SHORTEST, request_for
from subjects import MIDSTREAM, SDK_TRACES, SDK_TRACING, Subject, async_client, client, observed_by, providers

Pause = Callable[[], Awaitable[None]]

_HELD: Final = request_for("held 1")
_ANSWER: Final = request_for("whole")
_WHOLE: Final = request_for(f"together {SHORTEST}")
_WARM_UP: Final = 3
_PATIENCE: Final = 60.0
_CALLERS: Final = 16


def memory(url: str, streams: int, rounds: int) -> Iterator[list[str]]:
    """Bytes that an open stream holds after its first event."""
    for base in (None, SDK_TRACING) if SDK_TRACES else (None,):
        for flavor, hold in (("sync", _held), ("async", _async_held)):
            found = _memory(partial(hold, url), base, streams, rounds)
            yield row(f"an open stream, {flavor}{', on the SDK span' if base else ''}", "B", 1, found)


def _memory(hold: Callable[[int], float], base: Subject | None, streams: int, rounds: int) -> list[Round]:
    given = providers()

    def held(subject: Subject | None, streams: int) -> float:
        with observed_by(given, base, subject):
            return hold(streams)

    # What only the first streams allocate is not part of a stream.
    for _ in range(_WARM_UP):
        held(None, _WARM_UP)
        held(MIDSTREAM, _WARM_UP)
    return measured(partial(held, None, streams), partial(held, MIDSTREAM, streams), rounds)


def _held(url: str, streams: int) -> float:
    with client(url) as made:
        for _ in made.messages.create(**_WHOLE, stream=True):
            pass
        before = _allocated()
        # Each in its own context, as in a server.
        opened = [copy_context().run(_open, made) for _ in range(streams)]
        held = (_allocated() - before) / streams
        tracemalloc.stop()
        for stream, _ in opened:
            stream.close()
    return held


def _open(made: Anthropic) -> tuple[Stream[RawMessageStreamEvent], Iterator[RawMessageStreamEvent]]:
    """A stream, and the SDK's iterator over it. A `for` loop holds both, but also the last event."""
    stream: Stream[RawMessageStreamEvent] = made.messages.create(**_HELD, stream=True)
    iterator = iter(stream)
    next(iterator)
    return stream, iterator


def _async_held(url: str, streams: int) -> float:
    return asyncio.run(_held_in_tasks(url, streams))


async def _held_in_tasks(url: str, streams: int) -> float:
    async with async_client(url) as made:

        async def hold(pause: Pause) -> None:
            async with await made.messages.create(**_HELD, stream=True) as stream:
                iterator = aiter(stream)
                await anext(iterator)
                await pause()

        async for _ in await made.messages.create(**_WHOLE, stream=True):
            pass
        before = _allocated()
        async with _paused(hold, streams):
            held = (_allocated() - before) / streams
            tracemalloc.stop()
    return held


def _allocated() -> int:
    gc.collect()
    tracemalloc.start()  # does nothing the second time
    return tracemalloc.get_traced_memory()[0]


@asynccontextmanager
async def _paused(work: Callable[[Pause], Coroutine[Any, Any, None]], tasks: int) -> AsyncGenerator[None]:
    """Starts the tasks one by one until each has reached its pause. They go on at the end of the block."""
    arrived, resume = asyncio.Semaphore(0), asyncio.Event()

    async def pause() -> None:
        arrived.release()
        await resume.wait()

    started: list[asyncio.Task[None]] = []
    for _ in range(tasks):
        started.append(asyncio.create_task(work(pause)))
        await asyncio.wait_for(arrived.acquire(), _PATIENCE)
    yield
    resume.set()
    await asyncio.gather(*started)


def throughput(url: str, streams: int, events: int, rounds: int) -> Iterator[list[str]]:
    """Wall time per event while that many async streams are open and read, and per call of an event loop that is busy.

    Of events or calls per second, the ratio is the inverse.
    """
    given = providers()
    work = {
        f"an event of {streams:,} async streams": partial(_seconds_per_event, url, streams, events),
        f"a call of {_CALLERS} tasks, one core busy": partial(_seconds_per_call, url, streams),
    }
    for name, seconds in work.items():

        def run(subject: Subject | None, seconds: Callable[[], Coroutine[Any, Any, float]] = seconds) -> float:
            with observed_by(given, subject):
                return asyncio.run(seconds())

        found = measured(partial(run, None), partial(run, MIDSTREAM), rounds)
        yield row(f"{name}, wall time", "us", 1e6, found)


async def _seconds_per_call(url: str, calls: int) -> float:
    async with async_client(url) as made:

        async def call(times: int) -> None:
            for _ in range(times):
                await made.messages.create(**_ANSWER)

        await asyncio.gather(*(call(1) for _ in range(_CALLERS)))  # opens the connections
        started_at = time.perf_counter()
        await asyncio.gather(*(call(calls // _CALLERS + 1) for _ in range(_CALLERS)))
        return (time.perf_counter() - started_at) / (_CALLERS * (calls // _CALLERS + 1))


async def _seconds_per_event(url: str, streams: int, events: int) -> float:
    before_the_end = events - SHORTEST
    all_read, reading = asyncio.Event(), streams
    read_at = 0.0

    async with async_client(url) as made:

        async def read(pause: Pause) -> None:
            nonlocal reading, read_at
            stream = await made.messages.create(**request_for(f"together {events}"), stream=True)
            iterator = aiter(stream)
            await pause()
            for _ in range(before_the_end):
                await anext(iterator)
            reading -= 1
            if not reading:
                read_at = time.perf_counter()
                all_read.set()
            await all_read.wait()
            async for _ in iterator:
                pass

        async with _paused(read, streams):
            started_at = time.perf_counter()
    return (read_at - started_at) / (streams * before_the_end)
