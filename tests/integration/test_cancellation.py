"""A cancelled call is recorded once, and the application gets its cancellation as it would without us."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import anyio
import pytest
from opentelemetry.sdk.trace import TracerProvider

from midstream._outcomes import Outcome
from midstream.faults import Expectation, parse
from support.clients import HAS_OWN_SPANS, async_client
from support.loops import beyond, noise, run_on, told
from support.seen import causes, frames, plain
from support.styles import arguments, parsed

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from midstream.faults import FaultServer
    from support.exported import Exported

    Place = Callable[[Any, list[Any], Callable[[], None]], Awaitable[None]]
    Cancelled = Callable[[Callable[[Callable[[], None]], Awaitable[None]]], Awaitable[None]]

SILENT, ENDLESS = "silent", "slow:60000"
"""No answer; one event, and then silence for longer than any test."""

asyncio_3_11: Any = asyncio
"""With names that Python 3.10 lacks."""


class NeighbourError(Exception):
    """The failure of another task of the application."""


async def create(made: Any, _events: list[Any], there: Callable[[], None]) -> None:
    tell_when_sent(made, there)
    await made.messages.create(**arguments(SILENT))


async def create_stream(made: Any, _events: list[Any], there: Callable[[], None]) -> None:
    tell_when_sent(made, there)
    await made.messages.create(**arguments(SILENT), stream=True)


async def enter_helper(made: Any, _events: list[Any], there: Callable[[], None]) -> None:
    tell_when_sent(made, there)
    async with made.messages.stream(**arguments(SILENT)):
        pass


def tell_when_sent(made: Any, there: Callable[[], None]) -> None:
    """Calls `there` when a request has been sent and the HTTP client is about to wait for the headers."""

    async def trace(what: str, _details: object) -> None:
        if what == "http11.receive_response_headers.started":
            there()

    async def sending(request: Any) -> None:
        request.extensions = {**request.extensions, "trace": trace}

    made._client.event_hooks = {"request": [sending]}


async def read(made: Any, events: list[Any], there: Callable[[], None]) -> None:
    async for event in await made.messages.create(**arguments(ENDLESS), stream=True):
        events.append(event)
        there()


async def read_in_with(made: Any, events: list[Any], there: Callable[[], None]) -> None:
    async with await made.messages.create(**arguments(ENDLESS), stream=True) as stream:
        async for event in stream:
            events.append(event)
            there()


async def read_with_helper(made: Any, events: list[Any], there: Callable[[], None]) -> None:
    async with made.messages.stream(**arguments(ENDLESS)) as stream:
        async for event in stream:
            events.append(event)
            there()


async def read_streaming_response(made: Any, events: list[Any], there: Callable[[], None]) -> None:
    async with made.messages.with_streaming_response.create(**arguments(ENDLESS), stream=True) as response:
        async for event in await parsed(response):
            events.append(event)
            there()


async def work_between_reads(made: Any, events: list[Any], there: Callable[[], None]) -> None:
    async with await made.messages.create(**arguments(ENDLESS), stream=True) as stream:
        events.append(await stream.__anext__())
        there()
        await anyio.sleep_forever()


async def close(made: Any, events: list[Any], there: Callable[[], None]) -> None:
    stream = await made.messages.create(**arguments(ENDLESS), stream=True)
    events.append(await stream.__anext__())
    there()
    await stream.close()
    await anyio.sleep_forever()


PLACES: dict[str, tuple[Place, Outcome]] = {
    "before the headers of an answer that is not streamed": (create, Outcome.CANCELLED),
    "before the headers of a stream": (create_stream, Outcome.CANCELLED),
    "before the headers of the helper's stream": (enter_helper, Outcome.CANCELLED),
    "while reading": (read, Outcome.CANCELLED),
    "while reading in a with block": (read_in_with, Outcome.CANCELLED),
    "while reading with the helper": (read_with_helper, Outcome.CANCELLED),
    "while reading a streaming response": (read_streaming_response, Outcome.CANCELLED),
    # The first end is the application's close, or what it raises inside its with block.
    "between two reads in a with block": (work_between_reads, Outcome.ABANDONED),
    "while closing": (close, Outcome.ABANDONED),
}


async def by_task(work: Callable[[Callable[[], None]], Awaitable[None]]) -> None:
    there = asyncio.Event()
    task = asyncio.ensure_future(work(there.set))
    await there.wait()
    task.cancel()
    await task


async def by_timeout(work: Callable[[Callable[[], None]], Awaitable[None]]) -> None:
    async with asyncio_3_11.timeout(None) as timeout:
        await work(lambda: timeout.reschedule(asyncio.get_running_loop().time()))


async def by_neighbour(work: Callable[[Callable[[], None]], Awaitable[None]]) -> None:
    there = asyncio.Event()

    async def neighbour() -> None:
        await there.wait()
        raise NeighbourError

    async with asyncio_3_11.TaskGroup() as group:
        group.create_task(neighbour())
        await work(there.set)


async def by_scope(work: Callable[[Callable[[], None]], Awaitable[None]]) -> None:
    with anyio.CancelScope() as scope:
        await work(scope.cancel)


async def by_deadline(work: Callable[[Callable[[], None]], Awaitable[None]]) -> None:
    with anyio.fail_after(None) as scope:

        def there() -> None:
            scope.deadline = anyio.current_time()

        await work(there)


async def by_neighbour_of_anyio(work: Callable[[Callable[[], None]], Awaitable[None]]) -> None:
    there = anyio.Event()

    async def neighbour() -> None:
        await there.wait()
        raise NeighbourError

    async with anyio.create_task_group() as group:
        group.start_soon(neighbour)
        await work(there.set)


needs_asyncio_of_3_11 = pytest.mark.skipif(sys.version_info < (3, 11), reason="asyncio has it from Python 3.11 on")
needs_trio = pytest.mark.skipif(find_spec("trio") is None, reason="trio is not installed")
needs_uvloop = pytest.mark.skipif(find_spec("uvloop") is None, reason="uvloop is not installed")

WAYS = (
    pytest.param("asyncio", by_task, id="task.cancel() on asyncio"),
    pytest.param("uvloop", by_task, id="task.cancel() on uvloop", marks=needs_uvloop),
    pytest.param("asyncio", by_timeout, id="asyncio.timeout", marks=needs_asyncio_of_3_11),
    pytest.param("asyncio", by_neighbour, id="asyncio.TaskGroup", marks=needs_asyncio_of_3_11),
    pytest.param("asyncio", by_scope, id="a scope of anyio on asyncio"),
    pytest.param("trio", by_scope, id="a scope of anyio on trio", marks=needs_trio),
    pytest.param("asyncio", by_deadline, id="a deadline of anyio on asyncio"),
    pytest.param("trio", by_deadline, id="a deadline of anyio on trio", marks=needs_trio),
    pytest.param("asyncio", by_neighbour_of_anyio, id="a task group of anyio on asyncio"),
    pytest.param("trio", by_neighbour_of_anyio, id="a task group of anyio on trio", marks=needs_trio),
)

spans_of_both_kinds = pytest.mark.parametrize("spans", ["sdk", "own"] if HAS_OWN_SPANS else ["own"])


@dataclass
class Noticed:
    """What the application notices of a cancelled call."""

    events: list[Any] = field(default_factory=list[Any])
    inside: BaseException | None = None
    """What its call raised."""
    outside: BaseException | None = None
    """What came out of the task group, the timeout or the task."""
    heard: list[str] = field(default_factory=list[str])


def notice(loop: str, cancelled: Cancelled, place: Place, server: FaultServer, spans: TracerProvider | None) -> Noticed:
    noticed = Noticed()

    async def main() -> None:
        # The scenario is for the client alone: one that is patient.
        async with async_client(server, parse("ok"), spans) as made:

            async def work(there: Callable[[], None]) -> None:
                try:
                    await place(made, noticed.events, there)
                except BaseException as error:
                    noticed.inside = error
                    raise

            try:
                await cancelled(work)
            except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - the exception is what is looked at
                noticed.outside = error

    with noise() as heard:
        run_on(loop, main, heard)
    noticed.heard = heard
    return noticed


def shape(error: BaseException | None) -> Any:
    """The classes of an exception, its causes and its members, and the functions in its traceback."""
    inner = tuple(shape(one) for one in getattr(error, "exceptions", ()))
    return type(error), [type(cause) for cause in causes(error)], inner, frames(error)


@spans_of_both_kinds
@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(("loop", "cancelled"), WAYS)
def test_a_cancelled_call_is_recorded_once_and_the_application_gets_its_cancellation(
    server: FaultServer,
    exported: Exported,
    instrumented: Any,
    loop: str,
    cancelled: Cancelled,
    place: str,
    spans: str,
) -> None:
    where, outcome = PLACES[place]
    bare = notice(loop, cancelled, where, server, TracerProvider() if spans == "sdk" else None)
    with instrumented():
        seen = notice(loop, cancelled, where, server, exported.tracer_provider if spans == "sdk" else None)
    assert [plain(event) for event in seen.events] == [plain(event) for event in bare.events]
    assert shape(seen.inside) == shape(bare.inside)
    assert shape(seen.outside) == shape(bare.outside)
    assert beyond(seen.heard, bare.heard) == []
    assert told(exported) == [Expectation(outcome)]
    assert exported.span.status.is_unset


async def go_nowhere(made: Any, _events: list[Any], there: Callable[[], None]) -> None:
    there()
    await made.messages.create(**arguments(SILENT), stream=True)


@spans_of_both_kinds
@pytest.mark.parametrize("loop", [pytest.param("asyncio"), pytest.param("trio", marks=needs_trio)])
def test_a_call_that_is_cancelled_before_its_first_attempt_is_recorded_once(
    server: FaultServer, exported: Exported, instrumented: Any, loop: str, spans: str
) -> None:
    bare = notice(loop, by_scope, go_nowhere, server, TracerProvider() if spans == "sdk" else None)
    with instrumented():
        seen = notice(loop, by_scope, go_nowhere, server, exported.tracer_provider if spans == "sdk" else None)
    assert (shape(seen.inside), shape(seen.outside)) == (shape(bare.inside), shape(bare.outside))
    assert exported.outcomes() == {"cancelled": 1}
    assert told(exported) == [Expectation(Outcome.CANCELLED)]


async def wait_for_a_read(made: Any, events: list[Any], there: Callable[[], None]) -> None:
    async with await made.messages.create(**arguments(ENDLESS), stream=True) as stream:
        events.append(await stream.__anext__())
        there()
        await asyncio.wait_for(stream.__anext__(), 0.01)


async def as_it_is(work: Callable[[Callable[[], None]], Awaitable[None]]) -> None:
    await work(lambda: None)


@spans_of_both_kinds
def test_a_read_that_the_application_waits_for_no_longer_is_cancelled(
    server: FaultServer, exported: Exported, instrumented: Any, spans: str
) -> None:
    bare = notice("asyncio", as_it_is, wait_for_a_read, server, TracerProvider() if spans == "sdk" else None)
    with instrumented():
        provider = exported.tracer_provider if spans == "sdk" else None
        seen = notice("asyncio", as_it_is, wait_for_a_read, server, provider)
    assert shape(seen.outside) == shape(bare.outside)
    assert isinstance(seen.outside, asyncio.TimeoutError)
    assert told(exported) == [Expectation(Outcome.CANCELLED)]
