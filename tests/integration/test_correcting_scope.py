"""`with midstream.corrected_errors():` where it applies, and where it does not."""

from __future__ import annotations

import asyncio
import contextvars
from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.instrumentation.utils import suppress_instrumentation

import midstream
from midstream import StreamTruncatedError, _instrumentor
from midstream.faults import parse
from support.clients import async_client, client
from support.styles import arguments

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import anthropic

    from midstream.faults import FaultServer

CUT = "cut"


@pytest.fixture(autouse=True)
def unobserved_afterwards() -> Iterator[None]:
    """A scope observes for as long as the process lives, which other tests do not expect."""
    yield
    _instrumentor._fallback.is_permanent = False
    _instrumentor._want_fallback(wanted=False)


@pytest.fixture
def made(server: FaultServer) -> Iterator[anthropic.Anthropic]:
    with client(server, parse(CUT)) as sync:
        yield sync


def opened(made: Any) -> Any:
    return made.messages.create(**arguments(CUT), stream=True)


def is_corrected(stream: Any) -> bool:
    """Whether the cut `stream` raises at its end."""
    try:
        list(stream)
    except StreamTruncatedError:
        return True
    return False


def in_a_thread(ask: Callable[[], bool]) -> bool:
    answers: list[bool] = []
    thread = Thread(target=lambda: answers.append(ask()))
    thread.start()
    thread.join()
    return answers[0]


def test_calls_that_start_inside_are_corrected_without_any_instrument(made: anthropic.Anthropic) -> None:
    before = is_corrected(opened(made))
    with midstream.corrected_errors():
        inside = is_corrected(opened(made))
    assert (before, inside, is_corrected(opened(made))) == (False, True, False)


def test_a_stream_belongs_where_it_started(made: anthropic.Anthropic) -> None:
    outside = opened(made)
    with midstream.corrected_errors():
        started_inside = opened(made)
        assert not is_corrected(outside)
    assert is_corrected(started_inside)


def test_scopes_nest(made: anthropic.Anthropic) -> None:
    with midstream.corrected_errors():
        with midstream.corrected_errors():
            pass
        assert is_corrected(opened(made))
    assert not is_corrected(opened(made))


def test_scopes_can_be_left_in_any_order_and_in_another_context(made: anthropic.Anthropic) -> None:
    first, second = midstream.corrected_errors(), midstream.corrected_errors()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert is_corrected(opened(made))
    contextvars.Context().run(second.__exit__, None, None, None)
    assert is_corrected(opened(made))
    second.__exit__(None, None, None)
    assert not is_corrected(opened(made))


def test_a_new_thread_starts_outside_and_a_copied_context_inside(made: anthropic.Anthropic) -> None:
    with midstream.corrected_errors():
        copied = contextvars.copy_context()
        assert not in_a_thread(lambda: is_corrected(opened(made)))
        assert in_a_thread(lambda: copied.run(lambda: is_corrected(opened(made))))


def test_a_task_inherits_it_and_does_not_give_it_back(server: FaultServer) -> None:
    async def cut(made: Any) -> bool:
        try:
            async for _event in await made.messages.create(**arguments(CUT), stream=True):
                pass
        except StreamTruncatedError:
            return True
        return False

    async def within(made: Any) -> bool:
        with midstream.corrected_errors():
            return await cut(made)

    async def run() -> tuple[bool, ...]:
        async with async_client(server, parse(CUT)) as made:
            with midstream.corrected_errors():
                inherited = asyncio.create_task(cut(made))
            own, other = await asyncio.gather(within(made), cut(made))
            return await inherited, own, other

    assert asyncio.run(run()) == (True, True, False)


def test_a_generator_that_enters_it_leaves_it_when_it_is_closed(made: anthropic.Anthropic) -> None:
    def corrected() -> Iterator[bool]:
        with midstream.corrected_errors():
            while True:
                yield is_corrected(opened(made))

    generator = corrected()
    assert next(generator)
    generator.close()  # type: ignore[attr-defined]
    assert not is_corrected(opened(made))


def test_calls_that_telemetry_must_not_see_are_corrected_too(made: anthropic.Anthropic, instrumented: Any) -> None:
    with instrumented(errors="corrected") as exported, suppress_instrumentation():
        assert is_corrected(opened(made))
    assert (exported.spans, exported.metrics(), exported.logs) == ([], {}, [])
