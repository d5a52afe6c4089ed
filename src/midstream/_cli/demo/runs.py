"""Runs the SDK through faults, and puts together what it said and what midstream exported."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import anthropic

from midstream._cli.clients import (
    async_client,
    http_package,
    open_async_stream,
    open_stream,
    sdk_version,
    sync_client,
)
from midstream._cli.console.caught import Caught
from midstream._cli.demo.results import Call, Results, Row, Seen, Style, Truth
from midstream._outcomes import Outcome, Phase
from midstream._telemetry.scope import SCOPE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.trace import Span, Tracer
    from opentelemetry.util.types import AttributeValue

    from midstream._cli.demo.exporting import Telemetry
    from midstream.faults import Scenario


_AT_ONCE: Final = 8
"""Calls of one style that run at the same time."""

_SPAN_NAME: Final = "midstream demo"


@dataclass(frozen=True)
class _Made:
    """A call that was made. Its span is the one whose parent has the id `parent`."""

    scenario: Scenario
    style: Style
    seen: Seen
    parent: int


def run_scenarios(
    url: str, telemetry: Telemetry, scenarios: Sequence[Scenario], made_one: Callable[[], None]
) -> Results:
    """Calls the server at `url` once for each of `scenarios`, sync and async at the same time.

    The SDK must be instrumented with `telemetry`. `made_one` is called after each call, from several threads.
    """
    tracer = telemetry.tracer_provider.get_tracer("midstream.demo")
    with ThreadPoolExecutor(_AT_ONCE + 1) as pool, sync_client(url) as client:
        async_calls = pool.submit(asyncio.run, _make_async_calls(url, tracer, scenarios, made_one))
        sync_calls = [pool.submit(_make_call, client, tracer, scenario, made_one) for scenario in scenarios]
        try:
            made = [*(call.result() for call in sync_calls), *async_calls.result()]
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    spans = _spans_by_parent(telemetry.finished_spans())
    return Results(sdk_version(), tuple(_row(scenario, made, spans) for scenario in scenarios))


def _make_call(client: anthropic.Anthropic, tracer: Tracer, scenario: Scenario, made_one: Callable[[], None]) -> _Made:
    with tracer.start_as_current_span(_SPAN_NAME) as span, Caught() as caught, open_stream(client, scenario) as stream:
        # Closed in any case: before SDK 1.14 a failed stream is left open, and if it is collected inside the lock of
        # httpcore's pool, that thread waits for itself.
        for _event in stream:
            pass
    made_one()
    return _made(scenario, Style.SYNC, caught, span)


async def _make_async_calls(
    url: str, tracer: Tracer, scenarios: Iterable[Scenario], made_one: Callable[[], None]
) -> list[_Made]:
    turn = asyncio.Semaphore(_AT_ONCE)
    async with async_client(url) as client:
        return await asyncio.gather(
            *(_make_async_call(client, tracer, scenario, made_one, turn) for scenario in scenarios)
        )


async def _make_async_call(
    client: anthropic.AsyncAnthropic,
    tracer: Tracer,
    scenario: Scenario,
    made_one: Callable[[], None],
    turn: asyncio.Semaphore,
) -> _Made:
    async with turn:
        with tracer.start_as_current_span(_SPAN_NAME) as span, Caught() as caught:
            async with await open_async_stream(client, scenario) as stream:
                async for _event in stream:
                    pass
    made_one()
    return _made(scenario, Style.ASYNC, caught, span)


def _made(scenario: Scenario, style: Style, caught: Caught, span: Span) -> _Made:
    return _Made(scenario, style, _seen(caught.error), span.get_span_context().span_id)


def _seen(error: Exception | None) -> Seen:
    if error is None:
        return Seen()
    kind = type(error)
    module = "" if kind.__module__ == "builtins" else f"{kind.__module__}."
    status: object = getattr(error, "status_code", None)
    return Seen(
        exception=f"{module}{kind.__qualname__}",
        status=status if isinstance(status, int) else None,
        is_api_error=isinstance(error, anthropic.APIError),
    )


def _spans_by_parent(spans: Iterable[ReadableSpan]) -> dict[int, ReadableSpan]:
    return {span.parent.span_id: span for span in spans if span.parent is not None and _is_midstreams(span)}


def _is_midstreams(span: ReadableSpan) -> bool:
    return span.instrumentation_scope is not None and span.instrumentation_scope.name == SCOPE


def _row(scenario: Scenario, made: Iterable[_Made], spans: Mapping[int, ReadableSpan]) -> Row:
    by_style = {call.style: call for call in made if call.scenario is scenario}
    expected = _expected(scenario)
    calls = (by_style[style] for style in Style)
    return Row(
        scenario,
        tuple(Call(scenario, call.style, call.seen, _truth(spans.get(call.parent)), expected) for call in calls),
    )


def _expected(scenario: Scenario) -> Truth:
    expectation = scenario.expectation
    return Truth(
        outcome=expectation.outcome,
        error_type=expectation.error_type_for(http_package()),
        status=expectation.status_code,
        reported_status=expectation.reported_status_code,
        leaked=expectation.leaked,
        misreported=expectation.misreported,
        phase=expectation.phase,
    )


def _truth(span: ReadableSpan | None) -> Truth | None:
    told: Mapping[str, AttributeValue] = {} if span is None else (span.attributes or {})
    outcome, phase = _text(told.get("midstream.outcome")), _text(told.get("midstream.phase"))
    if outcome is None:
        return None
    return Truth(
        outcome=Outcome(outcome),
        error_type=_text(told.get("error.type")),
        status=_number(told.get("midstream.status_code")),
        reported_status=_number(told.get("midstream.reported.status_code")),
        leaked=told.get("midstream.leaked") is True,
        misreported=told.get("midstream.misreported") is True,
        phase=None if phase is None else Phase(phase),
    )


def _text(value: AttributeValue | None) -> str | None:
    return value if isinstance(value, str) else None


def _number(value: AttributeValue | None) -> int | None:
    return value if isinstance(value, int) else None
