"""What becomes of a stream step by step, in a form in which two runs of one program can be compared.

A program lets go of a stream in some way, and names its steps. It runs without us and with us, in one process, and with
the garbage collector running between steps only. Nothing here waits: how things are is looked at.
"""

from __future__ import annotations

import asyncio
import gc
import itertools
import re
import sys
import warnings
import weakref
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import CoroutineType, FunctionType, GeneratorType
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import anyio.lowlevel
from opentelemetry.sdk.trace import TracerProvider

from midstream.faults import parse
from support.clients import HAS_OWN_SPANS, async_client, client
from support.sockets import SocketRef, connections
from support.styles import arguments

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Generator

    from midstream.faults import FaultServer
    from support.exported import Exported

__all__ = (
    "LONG",
    "SPANS",
    "ApplicationError",
    "Trace",
    "Way",
    "aopened",
    "caught",
    "caught_async",
    "check",
    "listen_to_loop",
    "listening",
    "no_collector",
    "opened",
    "read_on",
    "read_on_async",
    "told_on_spans",
)

LONG = "ok:200"
"""A model with an answer so long that no caller reads it to its end by accident."""

SPANS = ("sdk", "own") if HAS_OWN_SPANS else ("own",)
"""Whose spans there are."""

_LOOP_CYCLES = 12
"""More than an event loop needs to finalize a dropped async generator and everything under it."""


class ApplicationError(Exception):
    """The application's own."""


class Step(NamedTuple):
    """The state at one step of a program, the same with and without midstream."""

    name: str
    alive: tuple[str, ...]
    """The followed objects that are alive."""
    connections: tuple[str, ...]
    """The connections in the client's pool."""
    closed: tuple[bool, ...]
    """By socket, whether it is closed."""


_CACHED: Final = {
    *("RequestSeries", "EndSeries", "SeriesValue", "_Total", "CallRequest"),
    *("ErrorClass", "forgotten_with.<locals>.<lambda>"),
}
"""Objects of ours that live on, but not one for each call."""


@dataclass
class Trace:
    """Follows what a program holds, without holding it."""

    client: Any
    model: str
    outcomes: Callable[[], dict[str, int]]
    steps: list[Step] = field(default_factory=list[Step])
    ended: list[dict[str, int]] = field(default_factory=list[dict[str, int]])
    """By step, the number of ended calls by outcome."""
    ours: list[list[str]] = field(default_factory=list[list[str]])
    """By step, the objects of midstream that are alive."""
    _followed: dict[str, weakref.ref[Any]] = field(default_factory=dict[str, "weakref.ref[Any]"])
    _sockets: list[SocketRef] = field(default_factory=list[SocketRef])

    def follow(self, held: Any, name: str = "stream") -> Any:
        """Follows a stream or a raw response, with the HTTP response and the body under it. Returns `held`."""
        response = held.http_response if hasattr(held, "http_response") else held.response
        body = response.stream
        under = {name: held, "response": response, "body": body, "wrapped body": getattr(body, "__wrapped__", body)}
        self._followed.update({key: weakref.ref(value) for key, value in under.items()})
        self._sockets.append(SocketRef(response))
        return held

    def follow_error(self, error: BaseException) -> None:
        """Follows an exception, and the HTTP response on it if there is one."""
        response = getattr(error, "response", None)
        # The interpreter's own exceptions take no weak reference.
        if type(error).__weakrefoffset__:
            self._followed["error"] = weakref.ref(error)
        if response is not None:
            self._followed["response of the error"] = weakref.ref(response)

    def step(self, name: str) -> None:
        """Notes the state."""
        alive = tuple(key for key, held in self._followed.items() if held() is not None)
        closed = tuple(socket.closed for socket in self._sockets)
        self.steps.append(Step(name, alive, connections(self.client), closed))
        self.ended.append(self.outcomes())
        names = filter(None, map(_name_of_ours, gc.get_objects()))
        self.ours.append(sorted(name for name in names if name not in _CACHED))

    def collect(self) -> None:
        """Runs the garbage collector, as a step.

        Generators in a cycle run when they are collected, and what they touch then is freed the next time.
        """
        gc.collect()
        self.step("collected")

    async def settle(self) -> None:
        """Lets the event loop run, with a step after each of its cycles."""
        for cycle in range(_LOOP_CYCLES):
            await anyio.lowlevel.checkpoint()
            self.step(f"{cycle + 1} cycles later")

    async def collect_async(self) -> None:
        """The same where an event loop has to finalize what the garbage collector finds."""
        await self.settle()
        self.collect()
        await self.settle()
        self.collect()


@dataclass(frozen=True)
class Way:
    """A way in which an application lets go of a call, as a program for a sync client and one for an async client."""

    name: str
    sync: Callable[[Any, Trace], None] | None
    run: Callable[[Any, Trace], Awaitable[None]]
    outcome: str = "abandoned"
    model: str = LONG
    ends_at: tuple[str, ...] = ()
    """The step at which the call ends, by its possible names, where the connection does not decide."""
    let_go_at: str = ""
    """The step from which on the call may have ended, where that is before the connection is closed."""

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class Run:
    """What one run of a program left."""

    steps: list[Step]
    noise: list[str]
    """What has no receiver: warnings, unraisable exceptions, messages to the event loop."""
    ended: list[dict[str, int]]
    ours: list[list[str]]

    @property
    def told(self) -> list[dict[str, int]]:
        """The ended calls by outcome, at each change."""
        return [outcomes for outcomes, _ in itertools.groupby(self.ended)]

    @property
    def told_at(self) -> int:
        """The number of the step at which the first call had ended."""
        return next(number for number, outcomes in enumerate(self.ended) if outcomes)

    @property
    def left_behind(self) -> list[str]:
        """The objects of ours that outlived the response and the exception, and those that outlived everything.

        What lives on in cycles of the SDK's own is excused until the last collection. So is `ObservedRequest`, which
        holds nothing: event loops keep the context in which a connection was opened.
        """
        collected = self._first(lambda step: step.name == "collected")
        gone = (not {"response", "error"}.intersection(step.alive) for step in self.steps[:collected])
        outlived = itertools.chain.from_iterable(itertools.compress(self.ours, gone))
        return [*sorted({*outlived} - {"ObservedRequest"}), *self.ours[-1]]

    def window(self, way: Way) -> range:
        """The steps at which the call may end: not before it is dropped, and not after its connection is released.

        Dropping is to close the connection or to drop the response, whichever comes first. A connection that nothing
        ever closes is released when the response is dropped.
        """
        if way.ends_at:
            named = self._first(lambda step: step.name in way.ends_at)
            return range(named, named + 1)
        opened_at = self._first(lambda step: "response" in step.alive)
        gone = self._first(lambda step: "response" not in step.alive, opened_at)
        closed = self._first(lambda step: all(step.closed), opened_at)
        let_go = self._first(lambda step: step.name == way.let_go_at)
        return range(min(closed, gone, let_go), (gone if closed == len(self.steps) else closed) + 1)

    def _first(self, there: Callable[[Step], bool], start: int = 0) -> int:
        """The number of the first such step from `start` on; how many steps there are if there is none."""
        found = (number for number, step in enumerate(self.steps) if number >= start and there(step))
        return next(found, len(self.steps))


def check(
    way: Way, flavor: str, spans: str, server: FaultServer, exported: Exported, instrumented: Callable[..., Any]
) -> None:
    """Runs the program of `way` without us and then with us: all is as without us, with one record, in time.

    `spans` says whose spans there are, `"sdk"` or `"own"`.
    """
    bare = _run(way, flavor, server, TracerProvider(shutdown_on_exit=False) if spans == "sdk" else None, dict)
    with instrumented():
        provider = exported.tracer_provider if spans == "sdk" else None
        observed = _run(way, flavor, server, provider, exported.outcomes)
    assert observed.steps == bare.steps
    assert observed.noise == bare.noise
    assert observed.told == [{}, {way.outcome: 1}]
    assert observed.told_at in observed.window(way)
    assert observed.left_behind == []
    assert told_on_spans(exported) == [way.outcome]


def told_on_spans(exported: Exported) -> list[Any]:
    """The outcomes on the spans that have ended."""
    found = [dict(span.attributes or {}) for span in exported.spans]
    return [attributes["midstream.outcome"] for attributes in found if "midstream.outcome" in attributes]


def _run(
    way: Way, flavor: str, server: FaultServer, spans: TracerProvider | None, outcomes: Callable[[], dict[str, int]]
) -> Run:
    scenario = parse(way.model)

    async def asynchronous() -> Trace:
        async with async_client(server, scenario, spans) as made:
            trace = Trace(made, way.model, outcomes)
            listen_to_loop(noise)
            await way.run(made, trace)
            await trace.collect_async()
            return trace

    with no_collector(), listening() as noise:
        if flavor == "async":
            trace = anyio.run(asynchronous)
        else:
            assert way.sync is not None
            with client(server, scenario, spans) as made:
                trace = Trace(made, way.model, outcomes)
                way.sync(made, trace)
                trace.collect()
                trace.collect()
    return Run(trace.steps, noise, trace.ended, trace.ours)


@contextmanager
def no_collector() -> Generator[None]:
    """Nothing is collected inside but by explicit collection, which sees only what was made inside.

    What was there before stays out of sight: to look at all of a test process takes the collector far longer
    than everything else that a test does.
    """
    collects = gc.isenabled()
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()


@contextmanager
def listening() -> Generator[list[str]]:
    """Collects warnings and unraisable exceptions."""
    noise: list[str] = []

    def unraisable(raised: Any) -> None:
        noise.append(f"unraisable: {raised.exc_value!r} in {type(raised.object)}")

    before, sys.unraisablehook = sys.unraisablehook, unraisable
    try:
        with warnings.catch_warnings(record=True) as caught_warnings:
            warnings.simplefilter("always")
            yield noise
            gc.collect()
        noise += [f"warning: {warning.category.__name__}" for warning in caught_warnings]
    finally:
        sys.unraisablehook = before


def listen_to_loop(noise: list[str]) -> None:
    """Sends what the running event loop reports to `noise`."""

    def said(_loop: Any, about: dict[str, Any]) -> None:
        message = re.sub(" at 0x[0-9a-f]+", "", about["message"])
        noise.append(f"loop: {message}: {type(about.get('exception')).__name__}")

    asyncio.get_running_loop().set_exception_handler(said)


def opened(made: Any, trace: Trace) -> Any:
    """A followed stream."""
    stream = trace.follow(made.messages.create(**arguments(trace.model), stream=True))
    trace.step("opened")
    return stream


async def aopened(made: Any, trace: Trace) -> Any:
    """The same of an async client."""
    stream = trace.follow(await made.messages.create(**arguments(trace.model), stream=True))
    trace.step("opened")
    return stream


def read_on(stream: Any, trace: Trace) -> None:
    """Reads a stream that was closed underneath. How that ends is the bare SDK's business, and a step."""
    try:
        for _ in stream:
            pass
    except Exception as error:  # noqa: BLE001 - whatever it is
        trace.step(f"raised {type(error).__name__}")
    trace.step("read on")


async def read_on_async(stream: Any, trace: Trace) -> None:
    """The same for async."""
    try:
        async for _ in stream:
            pass
    except Exception as error:  # noqa: BLE001 - whatever it is
        trace.step(f"raised {type(error).__name__}")
    trace.step("read on")


def caught(read: Callable[[], None], trace: Trace, kind: type[BaseException] = Exception) -> None:
    """Calls `read` and handles what it raises, in steps."""
    trace.step("before")
    try:
        read()
    except kind as error:
        trace.follow_error(error)
        trace.step("caught")
    trace.step("handled")


async def caught_async(
    read: Callable[[], Awaitable[None]], trace: Trace, kind: type[BaseException] = Exception
) -> None:
    """The same for async."""
    trace.step("before")
    try:
        await read()
    except kind as error:
        trace.follow_error(error)
        trace.step("caught")
    trace.step("handled")


def _name_of_ours(thing: object) -> str | None:
    """The name of an object of ours, or of a generator that runs code of ours. `None` for everything else."""
    kind = type(thing)
    module: Any = kind.__module__
    # The proxies of wrapt without its C extension have a property there.
    owner, name = module if isinstance(module, str) else str(kind.__init__.__module__), kind.__qualname__
    if isinstance(thing, FunctionType):
        owner, name = str(thing.__module__), thing.__qualname__
    elif kind is GeneratorType or kind is CoroutineType:
        code: Any = getattr(thing, "gi_code", None) or getattr(thing, "cr_code", None)
        owner, name = code.co_filename.rpartition("/src/")[2].replace("/", "."), code.co_name
    return name if owner.startswith("midstream.") and not owner.startswith("midstream.faults") else None
