"""Series stay few, whatever names applications and servers make up, and nothing that is recorded breaks an exporter."""

from __future__ import annotations

import random
from functools import partial
from typing import TYPE_CHECKING, Any

import anthropic
import anyio
import pytest
from opentelemetry.context import Context

from midstream._outcomes import Failure, Outcome, StreamWatch
from midstream._telemetry.call_record import CallRecord, CallRequest
from midstream._telemetry.limits import MAX_SERIES, MAX_VALUES
from midstream._telemetry.metrics import metrics_with
from midstream._telemetry.operation import Operation
from midstream._telemetry.recorder import Recorder
from midstream._telemetry.scope import GenAIMetrics
from midstream._telemetry.signals import Signals
from midstream._telemetry.spans import SilentSpan
from midstream.faults import parse
from midstream.faults._wire import to_json
from reliability.encoded import assert_encodable
from support.clients import async_client, client
from support.hostile_server import HostileServer, delta, document, end, event, message, start, streamed
from support.seen import FLAVORS
from support.styles import STYLES, see, see_async
from telemetry_contract import most_series

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from midstream.faults._script import Script
    from support.exported import Exported
    from support.styles import Style

LIMITS = {metric.name: most_series(metric) for metric in metrics_with(GenAIMetrics.BOTH)}
MODELS = (
    "model-{}",
    "{0}" * 100,
    "nul \x00{}",
    "half \ud800{}",
    "two\nlines{}",
    '"quoted\\{}',
    "\x1b[2J{}",
    "{}" + "x" * 100_000,
)
FAILURES = [outcome for outcome in Outcome if outcome.is_failure]
CREATE, LOOP = STYLES["create"], STYLES["create(stream=True) in a loop"]


@pytest.fixture(name="hostile", scope="module")
def hostile_() -> Iterator[HostileServer]:
    with HostileServer() as server:
        yield server


def answer(number: int) -> Script:
    """Another model, id, type of error or status each time."""
    name = MODELS[number % len(MODELS)].format(number)
    error: dict[str, Any] = {"type": name, "message": name}
    return (
        document(to_json(message(id=name, model=name, stop_reason=name))),
        streamed([start(id=name, model=name), delta("Hi"), end(name)]),
        document(to_json({"error": error, "request_id": name}), 400 + number % 600),
        streamed([start(id=name, model=name), event("error", error=error, request_id=name)]),
    )[number % 4]


def played(script: Script, _request: object, _number: int) -> Script:
    return script


@pytest.mark.parametrize("flavor", FLAVORS)
def test_calls_with_names_of_all_kinds_have_no_more_series_than_is_promised(
    hostile: HostileServer,
    instrumented: Callable[..., AbstractContextManager[Exported]],
    caplog: pytest.LogCaptureFixture,
    flavor: str,
    long: bool,
) -> None:
    """The requests differ, too, in the model and the host, for which the server stands as a proxy."""
    count = 5000 if long else 200

    def requests() -> Iterator[tuple[Style, str, str]]:
        for number in range(count):
            hostile.play = partial(played, answer(number))
            model = MODELS[number % len(MODELS)].format(number)
            # JSON cannot be sent with half a pair in it: there the call fails before it is sent.
            yield (CREATE, LOOP)[number % 2], model, f"http://host-{number}.invalid:{1024 + number}"

    options: dict[str, Any] = {"proxy": hostile.url}

    def calls() -> None:
        with client(hostile, parse("ok")) as made, anthropic.DefaultHttpxClient(**options) as http_client:
            for style, model, base_url in requests():
                see(style, made.with_options(base_url=base_url, http_client=http_client), model)

    async def async_calls() -> None:
        async with (
            async_client(hostile, parse("ok")) as made,
            anthropic.DefaultAsyncHttpxClient(**options) as http_client,
        ):
            for style, model, base_url in requests():
                await see_async(style, made.with_options(base_url=base_url, http_client=http_client), model)

    with instrumented() as exported:
        if flavor == "sync":
            calls()
        else:
            anyio.run(async_calls)
    assert sum(exported.outcomes().values()) == count
    found = {name: len(points) for name, points in exported.metrics().items()}
    assert {name: number for name, number in found.items() if number > LIMITS[name]} == {}
    models = {point.attributes["gen_ai.request.model"] for point in exported.metrics()["midstream.client.operations"]}
    assert (len(models) <= MAX_VALUES + 1, "_OTHER" in models) == (True, True)
    assert [point.value for point in exported.metrics()["midstream.client.stream.active"] if point.value] == []
    assert_encodable(exported, caplog)


@pytest.mark.newest
def test_as_many_combinations_as_there_can_be_have_no_more_series_than_is_promised(
    exported: Exported, long: bool
) -> None:
    """Without a network, because there are many."""
    recorder = Recorder(Signals.of(exported.providers), spans=False, genai_metrics=GenAIMetrics.BOTH)
    chance = random.Random(5)  # noqa: S311 - the same every time
    where = Context()
    for call in range(100_000 if long else 5_000):
        names = [f"n{chance.randrange(150)}" for _ in range(5)]
        request = CallRequest(
            chance.choice(list(Operation)),
            names[0],
            names[1],
            stream=True,
            server_address=names[2],
            server_port=chance.randrange(200),
        )
        status = chance.randrange(400, 600)
        watch = StreamWatch()
        recorder.first_seen(request)
        watch.open()
        recorder.stream_opened(call, request)
        watch.event({"type": "message_start", "message": {"model": names[4]}})
        watch.found(Failure(chance.choice(FAILURES), names[3], status, phase=None))
        verdict = watch.read()
        assert verdict is not None
        recorder.stream_closed(call)
        recorder.ended(CallRecord(request, verdict, 0.0, 2, chance.randrange(200, 600)), SilentSpan(where), None)
    found = {name: len(points) for name, points in exported.metrics().items()}
    assert {name: number for name, number in found.items() if number > LIMITS[name]} == {}
    assert all(point.value == 0 for point in exported.metrics()["midstream.client.stream.active"])
    assert found["midstream.client.errors"] > MAX_SERIES
