"""The soak: many calls with mixed faults and lifecycles, in rounds of the same mix, in a separate process.

As a program it makes the calls and writes a line of JSON for each round; `soak()` starts it and gives the rounds.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import subprocess
import sys
import time
import tracemalloc
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from threading import Barrier
from typing import TYPE_CHECKING, Any, Final

import anyio

from midstream import AnthropicInstrumentor
from midstream._outcomes import Outcome
from midstream.faults import parse
from reliability.held_server import held_server
from reliability.soak_census import Census, census
from reliability.soak_mix import Play, act, act_async, hurry_those_that_ask, mix
from support.clients import HAS_OWN_SPANS, async_client, client
from support.exported import Exported
from support.sockets import connections
from support.styles import arguments

if TYPE_CHECKING:
    from collections.abc import Callable

    from reliability.held_server import HeldServer

__all__ = ("SHAPES", "WARM_UP", "Round", "Shape", "soak")

_THREADS: Final = 16
_TASKS: Final = 50
_PATIENCE_SECONDS: Final = 60.0
_PAUSE_SECONDS: Final = 0.02
_SEED: Final = 20250815
_LAST_WORDS: Final = 4000
_TESTS: Final = Path(__file__).parents[1]

WARM_UP: Final = 2
"""Rounds of each shape before growth is looked for: caches fill, series appear."""

_TRACED: Final = 2
"""Rounds of each shape, its last ones, in which allocations are traced. Growth is what the last of them adds."""


@dataclass(frozen=True)
class Shape:
    """One way to make all calls of a round."""

    flavor: str
    shared: bool
    """Whether all rounds share one client. Otherwise each has its own."""
    spans: str
    """Whose spans there are, `"sdk"` or `"own"`."""
    share: int
    """The size of a round, in percent: one thread alone mostly waits."""

    def __str__(self) -> str:
        return f"{self.flavor}, {'one client' if self.shared else 'a client per round'}"


SHAPES: Final = (
    Shape("threads", shared=True, spans="own", share=100),
    Shape("sync", shared=False, spans="sdk", share=40),
    Shape("async", shared=True, spans="sdk", share=100),
    Shape("sync", shared=True, spans="own", share=40),
    Shape("threads", shared=False, spans="sdk", share=100),
    Shape("async", shared=False, spans="own", share=100),
)
"""All of them. The first three have every flavor once."""


@dataclass(frozen=True)
class Round:
    """What was there after one round."""

    shape: str
    number: int
    calls: int
    expected: dict[str, int]
    """By model and outcome, the expected calls."""
    spans: dict[str, int]
    """The same, by the spans."""
    strangers: int
    """Spans that report no call."""
    counted: dict[str, int]
    """By outcome, `midstream.client.operations` of this round."""
    failures: int
    """How many calls were to fail."""
    errors: int
    """`midstream.client.errors` of this round."""
    logs: int
    active: float
    """`midstream.client.stream.active`, all series added up."""
    faults: float
    """`midstream.telemetry.errors`."""
    pool: list[str]
    """The state of the connections in the client's pool, after the idle ones were hung up and one more was needed."""
    connections: int
    """The connections that the server has then, or has when the client of the round is closed."""
    census: Census


def soak(streams: int, rounds: int, shapes: int, patience: float) -> list[Round]:
    """Makes so many calls or a few more, in so many rounds of each of the first shapes, in a separate process."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "MIDSTREAM_"))}
    # Without exemplars: a series keeps one for each of its buckets, which fill up for a long time.
    done = subprocess.run(
        (sys.executable, "-m", "reliability.soak", str(streams), str(rounds), str(shapes)),
        capture_output=True,
        text=True,
        timeout=patience,
        check=False,
        cwd=_TESTS,
        env={**kept, "OTEL_METRICS_EXEMPLAR_FILTER": "always_off"},
    )
    assert done.returncode == 0, done.stderr[-_LAST_WORDS:]
    return [read_round(line) for line in done.stdout.splitlines()]


def read_round(line: str) -> Round:
    """A round from its line of JSON."""
    told: dict[str, Any] = json.loads(line)
    counts = Census(**told.pop("census"))
    return Round(**told, census=counts)


@dataclass
class _Soak:
    """The rounds of one shape."""

    shape: Shape
    server: HeldServer
    plays: list[Play]
    rounds: int
    exported: Exported = field(default_factory=Exported)
    counted: Counter[str] = field(default_factory=Counter[str])
    """`midstream.client.operations` until now."""
    errors: int = 0
    """The same of `midstream.client.errors`."""
    pool: list[str] = field(default_factory=list[str])
    number: int = 0

    def run(self) -> None:
        """Makes the calls."""
        rounds = self.rounds
        # What is there already is not garbage and does not grow; to look at it takes longer than the calls.
        gc.collect()
        gc.freeze()
        instrumentor = AnthropicInstrumentor()
        instrumentor.instrument(**self.exported.providers)
        try:
            # One event loop for one async client.
            for _ in range(1 if self.shape.shared else rounds):
                if self.shape.flavor == "async":
                    anyio.run(self._run_async, rounds if self.shape.shared else 1)
                else:
                    self._run(rounds if self.shape.shared else 1)
        finally:
            tracemalloc.stop()
            instrumentor.uninstrument()
            self.exported.shutdown()

    def _run(self, rounds: int) -> None:
        with client(self.server, parse("ok"), self._provider) as made:
            hurry_those_that_ask(made)
            for _ in range(rounds):
                if self.shape.flavor == "threads":
                    with ThreadPoolExecutor(_THREADS) as threads:
                        _start_all(threads)
                        list(threads.map(partial(act, made), self.plays))
                else:
                    for play in self.plays:
                        act(made, play)
                _wait(self._all_told)
                _wait(self._all_hung_up)
                made.messages.create(**arguments("ok"))
                self.pool = list(connections(made))
                if self.shape.shared:
                    self._report()
        if not self.shape.shared:
            self._report()

    async def _run_async(self, rounds: int) -> None:
        async with async_client(self.server, parse("ok"), self._provider) as made:
            hurry_those_that_ask(made)
            for _ in range(rounds):
                limit = asyncio.Semaphore(_TASKS)

                async def one(play: Play, limit: asyncio.Semaphore = limit) -> None:
                    async with limit:
                        await act_async(made, play)

                await asyncio.gather(*map(one, self.plays))
                await _wait_async(self._all_told)
                await _wait_async(self._all_hung_up)
                await made.messages.create(**arguments("ok"))
                self.pool = list(connections(made))
                if self.shape.shared:
                    self._report()
        if not self.shape.shared:
            self._report()

    @property
    def _provider(self) -> Any:
        return self.exported.tracer_provider if self.shape.spans == "sdk" else None

    def _all_told(self) -> bool:
        # Below SDK 1.14 a dropped stream is part of a cycle, and nothing else collects here.
        gc.collect()
        return len(self.exported.spans) >= len(self.plays)

    def _all_hung_up(self) -> bool:
        self.server.hang_up()
        return self.server.connections() == 0

    def _report(self) -> None:
        still_open = 1 if self.shape.shared else 0
        _wait(lambda: self.server.connections() == still_open)
        metrics = self.exported.metrics()
        outcomes = Counter(self.exported.outcomes())
        errors = _total(metrics, "midstream.client.errors")
        told = [_told(dict(span.attributes or {})) for span in self.exported.spans]
        logs = len(self.exported.logs)
        self.number += 1
        expected = Counter(f"{play.model} {play.ends.value}" for play in self.plays)
        expected[f"ok {Outcome.COMPLETED.value}"] += 1
        report = {
            "shape": str(self.shape),
            "number": self.number,
            "calls": expected.total(),
            "expected": expected,
            "spans": Counter(filter(None, told)),
            "strangers": told.count(None),
            "counted": outcomes - self.counted,
            "failures": sum(play.ends.is_failure for play in self.plays),
            "errors": errors - self.errors,
            "logs": logs,
            "active": _total(metrics, "midstream.client.stream.active"),
            "faults": _total(metrics, "midstream.telemetry.errors"),
            "pool": self.pool,
            "connections": self.server.connections(),
        }
        self.counted, self.errors = outcomes, errors
        self.exported.spans_in_memory.clear()
        self.exported.logs_in_memory.clear()
        del metrics, told
        print(json.dumps({**report, "census": asdict(census())}), flush=True)  # noqa: T201 - the protocol
        if self.number == self.rounds - _TRACED:
            # Calls that are traced take twice as long.
            tracemalloc.start()


def _told(attributes: dict[str, Any]) -> str | None:
    outcome = attributes.get("midstream.outcome")
    return None if outcome is None else f"{attributes['gen_ai.request.model']} {outcome}"


def _start_all(threads: ThreadPoolExecutor) -> None:
    """Makes the executor, which reuses idle threads, start the same number in every round."""
    together = Barrier(_THREADS)
    for waiting in [threads.submit(together.wait) for _ in range(_THREADS)]:
        waiting.result()


def _total(metrics: dict[str, Any], name: str) -> int:
    return sum(int(point.value) for point in metrics.get(name, []))


def _wait(there: Callable[[], bool]) -> None:
    """Waits until it is so. What never comes is reported as found."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not there() and time.monotonic() < deadline:
        time.sleep(_PAUSE_SECONDS)


async def _wait_async(there: Callable[[], bool]) -> None:
    """The same, while the event loop runs."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not there() and time.monotonic() < deadline:  # noqa: ASYNC110 - it is in another process
        await asyncio.sleep(_PAUSE_SECONDS)


def main(streams: int, rounds: int, shapes: int) -> None:
    """Makes so many calls or a few more, in so many rounds of each of the first `shapes`."""
    if not HAS_OWN_SPANS:
        # Below SDK 1.14 a stream that is collected inside httpcore's lock hangs its thread, without us as well.
        gc.disable()
    chosen = SHAPES[:shapes]
    size = streams / rounds / sum(shape.share for shape in chosen)
    with held_server() as server:
        for number, shape in enumerate(chosen):
            plays = mix(round(size * shape.share), _SEED + number, shape.flavor)
            _Soak(shape, server, plays, rounds).run()


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
