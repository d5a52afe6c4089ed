"""Runs the SDK through faults, and compares what it reported with what midstream recorded."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any, Final

import anthropic
from anthropic import Anthropic, APIError, AsyncAnthropic
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import Span

from midstream._cli.clients import (
    async_client,
    http_package,
    open_async_stream,
    open_stream,
    sync_client,
)
from midstream._cli.console.captured import CapturedException
from midstream._cli.demo.exporting import Telemetry
from midstream._cli.demo.results import DemoCall, Flavor, Results, Row, Seen
from midstream._outcomes import Outcome, Phase
from midstream._outcomes.error_classes import qualified_name
from midstream.faults import Expectation, Scenario

_CONCURRENT_CALLS: Final = 8  # per kind of client
_SPAN_NAME: Final = "midstream demo"


def run_scenarios(
    url: str, telemetry: Telemetry, scenarios: Sequence[Scenario], on_call: Callable[[], None]
) -> Results:
    """Calls the server at `url` once per scenario and kind of client.

    The SDK must be instrumented with `telemetry`. `on_call` is called after each call, from several threads.
    """
    caller = _Caller(telemetry, on_call)
    with ThreadPoolExecutor(_CONCURRENT_CALLS + 1) as pool, sync_client(url) as client:
        pending_async = pool.submit(asyncio.run, caller.call_async(url, scenarios))
        pending = [pool.submit(caller.call, client, scenario) for scenario in scenarios]
        try:
            calls = zip((call.result() for call in pending), pending_async.result(), strict=True)
            rows = tuple(Row(scenario, pair) for scenario, pair in zip(scenarios, calls, strict=True))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return Results(f"anthropic {anthropic.__version__}", rows)


class _Caller:
    """Makes calls, each within a span by which its own span is found."""

    def __init__(self, telemetry: Telemetry, on_call: Callable[[], None]) -> None:
        self._telemetry = telemetry
        self._tracer = telemetry.tracer_provider.get_tracer("midstream.demo")
        self._on_call = on_call

    def call(self, client: Anthropic, scenario: Scenario) -> DemoCall:
        with (
            self._tracer.start_as_current_span(_SPAN_NAME) as span,
            CapturedException() as captured,
            open_stream(client, scenario) as stream,
        ):
            # Closed in any case: before SDK 1.14 a failed stream stays open, and if it is collected inside the lock of
            # httpcore's pool, that thread waits for itself.
            for _event in stream:
                pass
        return self._ended(scenario, Flavor.SYNC, captured.error, span)

    async def call_async(self, url: str, scenarios: Sequence[Scenario]) -> list[DemoCall]:
        slots = asyncio.Semaphore(_CONCURRENT_CALLS)
        async with async_client(url) as client:
            return await asyncio.gather(*(self._call_async(client, scenario, slots) for scenario in scenarios))

    async def _call_async(self, client: AsyncAnthropic, scenario: Scenario, slots: asyncio.Semaphore) -> DemoCall:
        async with slots:
            with self._tracer.start_as_current_span(_SPAN_NAME) as span, CapturedException() as captured:
                async with await open_async_stream(client, scenario) as stream:
                    async for _event in stream:
                        pass
        return self._ended(scenario, Flavor.ASYNC, captured.error, span)

    def _ended(self, scenario: Scenario, flavor: Flavor, error: Exception | None, span: Span) -> DemoCall:
        self._on_call()
        recorded = _recorded(self._telemetry.finished_spans(), span.get_span_context().span_id)
        return DemoCall(scenario, flavor, _seen(error), recorded, _expected(scenario))


def _seen(error: Exception | None) -> Seen:
    if error is None:
        return Seen()
    status: object = getattr(error, "status_code", None)
    return Seen(qualified_name(type(error)), status if isinstance(status, int) else None, isinstance(error, APIError))


def _expected(scenario: Scenario) -> Expectation:
    expected = scenario.expectation
    # Whether a retry can help is not on the span.
    return replace(expected, error_type=expected.error_type_for(http_package()), futile=False)


def _recorded(spans: Sequence[ReadableSpan], parent: int) -> Expectation | None:
    """What midstream recorded on a span whose parent has the id `parent`. `None` if there is no outcome."""
    below = (span for span in spans if span.parent is not None and span.parent.span_id == parent)
    found = (dict[str, Any](span.attributes or {}) for span in below)
    attributes = next((known for known in found if "midstream.outcome" in known), None)
    if attributes is None:
        return None
    phase = attributes.get("midstream.phase")
    return Expectation(
        outcome=Outcome(attributes["midstream.outcome"]),
        error_type=attributes.get("error.type"),
        status_code=attributes.get("midstream.status_code"),
        reported_status_code=attributes.get("midstream.reported.status_code"),
        leaked=attributes.get("midstream.leaked", False),
        misreported=attributes.get("midstream.misreported", False),
        phase=None if phase is None else Phase(phase),
    )
