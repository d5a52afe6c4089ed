"""The SDK's aiohttp transport: the same record, and the application notices nothing."""

from __future__ import annotations

import functools
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import anthropic
import anyio
import pytest
from opentelemetry.sdk.trace import TracerProvider

from midstream._outcomes import Outcome, Phase
from midstream.faults import Expectation, parse
from support.clients import HAS_OWN_SPANS, HTTP_PACKAGE, async_client
from support.expected import ending
from support.loops import beyond, noise, run_on, told
from support.seen import causes, observable, spied
from support.styles import STYLES, arguments, see_async

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable

    from midstream.faults import FaultServer, Scenario
    from support.exported import Exported
    from support.styles import Seen, Style

pytest.importorskip("aiohttp", reason="aiohttp is not installed")
if not hasattr(anthropic, "DefaultAioHttpClient"):
    pytest.skip("this SDK has no aiohttp transport", allow_module_level=True)
if HTTP_PACKAGE == "httpx":
    pytest.importorskip("httpx_aiohttp", reason="httpx-aiohttp, which brings aiohttp to this SDK, is not installed")

SCENARIOS = (
    "ok",
    "retry:3",
    "in_band:overloaded_error",
    "in_band:overloaded_error@8",
    "http:overloaded_error",
    "http_html:502",
    "reset@0",
    "fin@0",
    "fin_length@0",
    # No bad_chunk: over aiohttp the bare SDK waits forever on garbage in the chunk framing, read timeout or not.
    "stall",
    "eof",
    "cut@0",
    "cut",
    "bad_json",
    "bad_utf8",
    "bad_gzip@0",
    "hangup",
    "silent",
)

OVERTAKING = ("reset", "fin", "fin_length", "bad_gzip")
"""What comes after content, and hides the part of it that the application has not read yet."""

SHOWN = (
    "create",
    "raw create",
    "create(stream=True) in a loop",
    "stream() events",
    "stream() get_final_message",
    "with_streaming_response, parsed",
)

CUT_OFF = frozenset({"fin", "fin_length"})
"""The families that are a `ReadError` here, because there is no `RemoteProtocolError`."""

spans_of_both_kinds = pytest.mark.parametrize("spans", ["sdk", "own"] if HAS_OWN_SPANS else ["own"])


@asynccontextmanager
async def aiohttp_client(
    server: FaultServer, scenario: Scenario, spans: TracerProvider | None
) -> AsyncGenerator[anthropic.AsyncAnthropic]:
    async with async_client(server, scenario, spans) as made, anthropic.DefaultAioHttpClient() as http_client:
        # The read timeout also limits the wait for headers, which must arrive.
        timeout = anthropic.Timeout(30.0, read=1.0) if scenario.family == "stall" else made.timeout
        yield made.with_options(http_client=http_client, timeout=timeout)


def run(style: Style, server: FaultServer, scenario: Scenario, spans: TracerProvider | None) -> Seen:
    async def call() -> Seen:
        async with aiohttp_client(server, scenario, spans) as made:
            return await see_async(style, made, scenario.name)

    return anyio.run(call)


@functools.cache
def bare(style: str, server: FaultServer, model: str, spans: str) -> tuple[Any, ...]:
    with spied() as raised:
        seen = run(STYLES[style], server, parse(model), TracerProvider() if spans == "sdk" else None)
    return observable(seen, raised)


def expected(scenario: Scenario, style: Style, behind: list[type]) -> Expectation:
    """How a call ends. `behind` has the classes of the causes of the application's exception."""
    usual = ending(scenario, style)
    if scenario.family == "hangup":
        # `ConnectTimeout` or `ConnectError`: the SDK's adapters do not agree.
        return replace(usual, error_type=f"{HTTP_PACKAGE}.{behind[0].__name__}")
    if scenario.family in CUT_OFF:
        return replace(usual, error_type=f"{HTTP_PACKAGE}.ReadError")
    return replace(usual, error_type=usual.error_type_for(HTTP_PACKAGE))


@spans_of_both_kinds
@pytest.mark.alternates
@pytest.mark.parametrize("style", SHOWN)
@pytest.mark.parametrize("model", SCENARIOS)
def test_the_application_notices_nothing_and_the_telemetry_is_true(
    server: FaultServer, exported: Exported, instrumented: Any, model: str, style: str, spans: str
) -> None:
    before = bare(style, server, model, spans)
    scenario, chosen = parse(model), STYLES[style]
    with spied() as raised, instrumented():
        seen = run(chosen, server, scenario, exported.tracer_provider if spans == "sdk" else None)
    assert observable(seen, raised) == before
    assert told(exported) == [expected(scenario, chosen, [type(cause) for cause in causes(seen.error)])]


@spans_of_both_kinds
@pytest.mark.parametrize("model", OVERTAKING)
def test_a_fault_in_the_middle_is_recorded_with_the_phase_that_the_application_had_seen(
    server: FaultServer, exported: Exported, instrumented: Any, model: str, spans: str
) -> None:
    scenario, style = parse(model), STYLES["create(stream=True) in a loop"]
    with spied() as raised:
        bare = run(style, server, scenario, TracerProvider() if spans == "sdk" else None)
        assert bare.error in raised
    with spied() as raised, instrumented():
        seen = run(style, server, scenario, exported.tracer_provider if spans == "sdk" else None)
        assert seen.error in raised
    assert type(seen.error) is type(bare.error)
    content = any(event.type == "content_block_delta" for event in seen.events)
    phase = Phase.CONTENT if content else Phase.OPENING
    assert told(exported) == [replace(expected(scenario, style, []), phase=phase)]


ENDLESS = "slow:60000"
"""One event, and then silence for longer than any test."""


async def close_midway(stream: Any) -> None:
    await stream.close()


async def drop_midway(_stream: Any) -> None:
    pass


async def cancel_a_read(stream: Any) -> None:
    with anyio.CancelScope() as scope:
        scope.cancel()
        await stream.__anext__()


@spans_of_both_kinds
@pytest.mark.parametrize(
    ("let_go", "outcome"),
    [(close_midway, Outcome.ABANDONED), (drop_midway, Outcome.ABANDONED), (cancel_a_read, Outcome.CANCELLED)],
)
def test_a_dropped_stream_is_recorded_once_without_new_warnings(
    server: FaultServer,
    exported: Exported,
    instrumented: Any,
    let_go: Callable[[Any], Awaitable[None]],
    outcome: Outcome,
    spans: str,
) -> None:
    def complaints(provider: TracerProvider | None) -> list[str]:
        async def call() -> None:
            async with aiohttp_client(server, parse("ok"), provider) as made:
                stream: Any = await made.messages.create(**arguments(ENDLESS), stream=True)
                await stream.__anext__()
                await let_go(stream)

        with noise() as heard:
            run_on("asyncio", call, heard)
        return heard

    before = complaints(TracerProvider() if spans == "sdk" else None)
    with instrumented():
        after = complaints(exported.tracer_provider if spans == "sdk" else None)
    assert beyond(after, before) == []
    assert told(exported) == [Expectation(outcome)]
