"""A program exits with streams open: real exporters get every call, and the exit is as without us."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest

from support.clients import HTTP_PACKAGE
from support.interpreters import interpreters
from support.lifecycle import LONG, SPANS

if TYPE_CHECKING:
    from midstream.faults import FaultServer

START = """
import asyncio, sys, threading
import anthropic
from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import ConsoleMetricExporter, PeriodicExportingMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter
from midstream import AnthropicInstrumentor

def line(told):
    return told.to_json(indent=None) + chr(10)

spans = TracerProvider()
spans.add_span_processor(BatchSpanProcessor(ConsoleSpanExporter(formatter=line)))
trace.set_tracer_provider(spans)
metrics.set_meter_provider(MeterProvider([PeriodicExportingMetricReader(ConsoleMetricExporter(formatter=line))]))
if OBSERVED:
    AnthropicInstrumentor().instrument()
if SPANS == "own" and hasattr(anthropic, "_tracing"):
    OPTIONS["open_telemetry"] = False

client = anthropic.Anthropic(**OPTIONS)

def opened():
    stream = client.messages.create(**ARGUMENTS, stream=True)
    next(stream)
    return stream

async def aopened():
    global aclient
    aclient = anthropic.AsyncAnthropic(**OPTIONS)
    stream = await aclient.messages.create(**ARGUMENTS, stream=True)
    await stream.__anext__()
    return stream
"""

ENDINGS = {
    "sys.exit() with everything kept": """
stream = opened()
unread = client.messages.create(**ARGUMENTS, stream=True)
raw = client.messages.with_raw_response.create(**ARGUMENTS, stream=True)
manager = client.messages.stream(**ARGUMENTS)
helper = manager.__enter__()
next(helper)
events = iter(opened())
next(events)
cycle = [opened()]
cycle.append(cycle)
del cycle
loop = asyncio.new_event_loop()
of_an_open_loop = loop.run_until_complete(aopened())

reading = threading.Event()
def read():
    ARGUMENTS["model"] = "stall"
    stream = opened()
    reading.set()
    for _ in stream:
        pass
threading.Thread(target=read, daemon=True).start()
reading.wait()

ARGUMENTS["model"] = "ok:200"
with opened() as left:
    sys.exit(3)
""",
    "an exception in the loop": """
kept = opened()
for _ in opened():
    raise ValueError("the application's own")
""",
    "an exception in an event loop": """
async def read():
    stream = await aopened()
    ARGUMENTS["model"] = "ok:200"
    reading.set()
    async for _ in stream:
        pass

async def main():
    global task, reading, kept
    ARGUMENTS["model"] = "stall"
    reading = asyncio.Event()
    task = asyncio.create_task(read())
    await reading.wait()
    kept = [await aopened() for _ in range(3)]
    of_a_local_name = await aopened()
    async for _ in await aopened():
        raise ValueError("the application's own")

asyncio.run(main())
""",
}
"""What a program does last."""

CALLS = {
    "sys.exit() with everything kept": {"abandoned": 9},
    "an exception in the loop": {"abandoned": 2},
    "an exception in an event loop": {"abandoned": 5, "cancelled": 1},
}
"""By ending, how the calls end. `asyncio.run()` cancels a task that reads."""


@dataclass(frozen=True)
class Exited:
    """What a program left when it exited."""

    status: int
    said: str | None
    """Its stderr. `None` if it has messages of the HTTP client's generators, which vary."""
    spans: Counter[Any]
    """The number of spans by outcome."""
    operations: Counter[Any]
    """The counts of `midstream.client.operations` by outcome."""
    active: int
    contained: int
    """What `midstream.telemetry.errors` counted."""


@pytest.mark.parametrize("spans", SPANS)
@pytest.mark.parametrize("ending", ENDINGS)
def test_what_is_open_at_the_exit_of_the_interpreter_is_recorded(server: FaultServer, ending: str, spans: str) -> None:
    bare, observed = (exited(server, ending, spans, observed=observed) for observed in (False, True))
    if None in {bare.said, observed.said}:
        bare, observed = replace(bare, said=None), replace(observed, said=None)
    calls = CALLS[ending]
    assert observed == Exited(bare.status, bare.said, Counter(calls), Counter(calls), active=0, contained=0)


def exited(server: FaultServer, ending: str, spans: str, *, observed: bool) -> Exited:
    """Runs a program to its exit."""
    known = {
        "OBSERVED": observed,
        "SPANS": spans,
        "OPTIONS": {"base_url": server.url, "api_key": "none", "max_retries": 0},
        "ARGUMENTS": {"model": LONG, "max_tokens": 64, "messages": [{"role": "user", "content": "hello"}]},
    }
    names = "\n".join(f"{name} = {value!r}" for name, value in known.items())
    finished = interpreters().run(f"{names}\n{START}\n{ENDINGS[ending]}")
    exported = [json.loads(line) for line in finished.stdout.splitlines()]
    outcomes = [one["attributes"].get("midstream.outcome") for one in exported if "resource_metrics" not in one]
    operations: Counter[Any] = Counter()
    for point in points(exported, "midstream.client.operations"):
        operations[point["attributes"]["midstream.outcome"]] += point["value"]
    return Exited(
        finished.status,
        said(finished.stderr),
        Counter(outcomes),
        operations,
        sum(point["value"] for point in points(exported, "midstream.client.stream.active")),
        sum(point["value"] for point in points(exported, "midstream.telemetry.errors")),
    )


def points(exported: list[Any], metric: str) -> list[Any]:
    """The last exported data points of `metric`."""
    found: list[Any] = []
    for one in exported:
        for resource in one.get("resource_metrics", ()):
            for scope in resource["scope_metrics"]:
                for told in scope["metrics"]:
                    if told["name"] == metric:
                        found = told["data"]["data_points"]
    return found


def said(stderr: str) -> str | None:
    # An event loop closes its open generators in the order of their addresses, and httpx2 survives only some orders.
    if HTTP_PACKAGE == "httpx2" and "closing of asynchronous generator" in stderr:
        assert "midstream" not in re.sub(r"File \"[^\"]*\"", "", stderr)
        return None
    return re.sub(r"0x[0-9a-f]+|line \d+", "N", stderr)
