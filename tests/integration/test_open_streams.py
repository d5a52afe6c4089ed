"""`midstream.client.stream.active` counts the streams that are open when metrics are collected."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.sdk.metrics.export import AggregationTemporality, Sum

from midstream.faults import parse
from support.clients import client
from support.exported import Exported, Point
from support.processes import World, program

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from midstream.faults import FaultServer
    from support.interpreters import Interpreters

    Instrumented = Callable[..., AbstractContextManager[Exported]]

ACTIVE = "midstream.client.stream.active"


@pytest.fixture
def made(server: FaultServer) -> Iterator[Any]:
    with client(server, parse("ok")) as one:
        yield one


def opened(made: Any, model: str = "ok") -> Any:
    return made.messages.create(model=model, max_tokens=1, messages=[{"role": "user", "content": "hello"}], stream=True)


def active(exported: Exported) -> list[Point]:
    return exported.metrics().get(ACTIVE, [])


def series(model: str, value: int) -> Point:
    known = {"gen_ai.operation.name": "chat", "gen_ai.provider.name": "anthropic", "gen_ai.request.model": model}
    return Point(known, value)


def test_each_kind_of_call_has_a_series_which_is_0_when_nothing_is_open_any_more(
    made: Any, instrumented: Instrumented
) -> None:
    with instrumented() as exported:
        assert active(exported) == []
        first, second, other = opened(made), opened(made), opened(made, "cut")
        assert active(exported) == [series("ok", 2), series("cut", 1)]
        list(first)
        list(other)
        assert active(exported) == [series("ok", 1), series("cut", 0)]
        second.close()
        assert active(exported) == [series("ok", 0), series("cut", 0)]


def test_it_is_a_cumulative_sum_that_is_not_monotonic(made: Any, instrumented: Instrumented) -> None:
    with instrumented() as exported, opened(made):
        data = exported.metrics_in_memory.get_metrics_data()
    assert data is not None
    (metric,) = [
        metric
        for resource in data.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
        if metric.name == ACTIVE
    ]
    assert (metric.unit, metric.description) == ("{stream}", "Streams that are open now.")
    assert isinstance(metric.data, Sum)
    assert not metric.data.is_monotonic
    assert metric.data.aggregation_temporality is AggregationTemporality.CUMULATIVE
    assert [type(point.value) for point in metric.data.data_points] == [int]


def test_uninstrument_and_instrument_keep_the_count(made: Any, instrumented: Instrumented) -> None:
    with instrumented():
        left_open = opened(made)
    with instrumented() as exported:
        another = opened(made)
        assert active(exported) == [series("ok", 2)]
        left_open.close()
        assert active(exported) == [series("ok", 1)]
        another.close()
    assert active(exported) == [series("ok", 0)]


def test_each_provider_counts_the_streams_that_were_opened_for_it(made: Any, instrumented: Instrumented) -> None:
    other = Exported()
    with instrumented() as exported:
        first = opened(made)
    with instrumented(**other.providers), opened(made), opened(made):
        assert (active(exported), active(other)) == ([series("ok", 1)], [series("ok", 2)])
    first.close()
    assert (active(exported), active(other)) == ([series("ok", 0)], [series("ok", 0)])


GLOBAL = """
from opentelemetry import metrics
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

instrumentor, reader = AnthropicInstrumentor(), InMemoryMetricReader()
provider = MeterProvider([reader], shutdown_on_exit=False)

def active():
    data = reader.get_metrics_data()
    return [
        point.value
        for resource in (data.resource_metrics if data else ())
        for scope in resource.scope_metrics
        for metric in scope.metrics if metric.name == "midstream.client.stream.active"
        for point in metric.data.data_points
    ]

def again(**given):
    instrumentor.uninstrument()
    instrumentor.instrument(**given)

def silence():
    provider.get_meter = metrics.NoOpMeterProvider().get_meter

def mend():
    del provider.get_meter

with world.client() as made:
    {code}
"""

IN_TURN = {
    "the provider is set first": (
        "metrics.set_meter_provider(provider); instrumentor.instrument(); one = opened(made, 'ok')",
        "again(); another = opened(made, 'ok')",
    ),
    "the provider is set while streams are open": (
        "instrumentor.instrument(); one = opened(made, 'ok'); metrics.set_meter_provider(provider)",
        "another = opened(made, 'ok')",
    ),
    "the provider is set, and then observing begins again": (
        "instrumentor.instrument(); one = opened(made, 'ok'); metrics.set_meter_provider(provider)",
        "again(); another = opened(made, 'ok')",
    ),
    "the provider is set between two times of observing": (
        "instrumentor.instrument(); one = opened(made, 'ok'); instrumentor.uninstrument()",
        "metrics.set_meter_provider(provider); instrumentor.instrument(); another = opened(made, 'ok')",
    ),
    "the global provider is given": (
        "instrumentor.instrument(); one = opened(made, 'ok'); metrics.set_meter_provider(provider)",
        "again(meter_provider=provider); another = opened(made, 'ok')",
    ),
    "the global provider makes a meter that records nothing at first": (
        "metrics.set_meter_provider(provider); silence(); instrumentor.instrument()",
        "mend(); again(); one, another = opened(made, 'ok'), opened(made, 'ok')",
    ),
    "the provider that was given becomes the global one": (
        "instrumentor.instrument(meter_provider=provider); one = opened(made, 'ok'); instrumentor.uninstrument()",
        "metrics.set_meter_provider(provider); instrumentor.instrument(); another = opened(made, 'ok')",
    ),
}
"""What a program does: after both lines, two streams are open."""


@pytest.mark.parametrize("lines", IN_TURN.values(), ids=IN_TURN)
def test_the_global_provider_counts_all_streams_whenever_it_is_set(
    server: FaultServer, tmp_path: Path, interpreters: Interpreters, lines: tuple[str, str]
) -> None:
    code = "\n    ".join([*lines, "print(active())", "one.close(); another.close()", "print(active())"])
    world = World(server.url, str(tmp_path), "sdk")
    finished = interpreters.run(program(world, GLOBAL.format(code=code)))
    assert (finished.status, finished.stderr, finished.stdout) == (0, "", "[2]\n[0]\n")
