"""Counters of calls are read when metrics are collected: what that means for readers, providers and processes."""

from __future__ import annotations

from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.sdk.metrics import Counter, MeterProvider, ObservableCounter
from opentelemetry.sdk.metrics.export import AggregationTemporality, InMemoryMetricReader
from opentelemetry.sdk.metrics.view import DropAggregation, View

from midstream._guard import UNCOUNTED
from midstream._telemetry.metrics import OPERATIONS
from midstream._telemetry.totals import Totals
from midstream.faults import parse
from support.clients import client
from support.exported import Exported
from support.interpreters import Finished
from support.styles import STYLES, see

if TYPE_CHECKING:
    from collections.abc import Callable

    from midstream.faults import FaultServer
    from support.interpreters import Interpreters

DELTA: dict[type, AggregationTemporality] = dict.fromkeys((Counter, ObservableCounter), AggregationTemporality.DELTA)
NAME = "midstream.client.operations"


def points_of(reader: InMemoryMetricReader, name: str) -> list[Any]:
    data = reader.get_metrics_data()
    return [
        point
        for resource in (data.resource_metrics if data else ())
        for scope in resource.scope_metrics
        for metric in scope.metrics
        if metric.name == name
        for point in metric.data.data_points
    ]


def completed(reader: InMemoryMetricReader) -> float:
    points = points_of(reader, NAME)
    return sum(float(point.value) for point in points if dict(point.attributes).get("midstream.outcome") == "completed")


@pytest.fixture
def called(server: FaultServer, instrumented: Any) -> Callable[..., None]:
    """Makes calls that are recorded with a meter provider."""

    def call(provider: Any, *models: str) -> None:
        with instrumented(meter_provider=provider), client(server, parse("ok")) as made:
            for model in models:
                see(STYLES["create"], made, model)

    return call


def test_readers_of_deltas_and_of_sums_side_by_side_each_get_what_is_right(called: Any) -> None:
    deltas, sums = InMemoryMetricReader(preferred_temporality=DELTA), InMemoryMetricReader()
    provider = MeterProvider([deltas, sums], shutdown_on_exit=False)
    called(provider, "ok", "ok")
    assert (completed(deltas), completed(sums)) == (2, 2)
    called(provider, "ok")
    assert [completed(sums), completed(deltas), completed(deltas), completed(sums)] == [3, 1, 0, 3]


def test_each_provider_has_its_own_totals_and_keeps_them_without_calls(called: Any) -> None:
    first, second = Exported(), Exported()
    called(first.meter_provider, "ok")
    called(second.meter_provider, "ok", "http:overloaded_error")
    called(first.meter_provider, "ok")
    assert (first.outcomes(), second.outcomes()) == ({"completed": 2}, {"completed": 1, "http_error": 1})
    first.shutdown()
    second.shutdown()


class Wrapping:
    """Passes on what another provider makes."""

    def __init__(self, provider: Any) -> None:
        self.get_meter = provider.get_meter


class Unhashable(Wrapping):
    """Like logfire's."""

    __hash__ = None  # type: ignore[assignment]


class Slotted:
    """Accepts neither attributes nor weak references."""

    __slots__ = ("get_meter",)

    def __init__(self, provider: Any) -> None:
        self.get_meter = provider.get_meter


@pytest.mark.parametrize("wrapping", [Wrapping, Unhashable, Slotted])
@pytest.mark.parametrize("is_same", [True, False], ids=["the same", "a new one each time"])
def test_a_provider_around_another_has_the_totals_of_the_other(called: Any, wrapping: Any, is_same: bool) -> None:
    exported = Exported()
    once = wrapping(exported.meter_provider)
    for _ in range(3):
        called(once if is_same else wrapping(exported.meter_provider), "ok")
    called(exported.meter_provider, "ok")
    assert exported.outcomes() == {"completed": 4}
    exported.shutdown()


def test_only_histograms_lead_from_a_metric_to_a_trace(
    server: FaultServer, exported: Exported, instrumented: Any
) -> None:
    with instrumented(), client(server, parse("http:overloaded_error")) as made:
        see(STYLES["create"], made, "http:overloaded_error")
    data = exported.metrics_in_memory.get_metrics_data()
    assert data is not None
    found = {
        metric.name: [exemplar.span_id for point in metric.data.data_points for exemplar in point.exemplars]
        for resource in data.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
    }
    assert exported.span.context is not None
    assert {name: spans for name, spans in found.items() if spans} == {
        "gen_ai.client.operation.duration": [exported.span.context.span_id]
    }


@pytest.mark.parametrize(("kind", "is_dropped"), [(Counter, False), (ObservableCounter, True)])
def test_a_view_by_type_must_name_observable_counters(called: Any, kind: Any, is_dropped: bool) -> None:
    reader = InMemoryMetricReader()
    view = View(instrument_type=kind, aggregation=DropAggregation())
    called(MeterProvider([reader], views=[view], shutdown_on_exit=False), "ok")
    assert (completed(reader) == 0) == is_dropped


def test_a_view_with_fewer_attributes_adds_up(called: Any) -> None:
    reader = InMemoryMetricReader()
    view = View(instrument_name=NAME, attribute_keys={"midstream.outcome"})
    provider = MeterProvider([reader], views=[view], shutdown_on_exit=False)
    called(provider, "ok:1", "ok:2")
    assert [completed(reader), completed(reader)] == [2, 2]
    assert len(points_of(reader, NAME)) == 10


def test_a_series_starts_at_the_first_collection_and_not_at_the_first_call(called: Any) -> None:
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader], shutdown_on_exit=False)
    called(provider, "ok")
    (duration,) = points_of(reader, "gen_ai.client.operation.duration")
    called(provider, "ok")
    starts = {point.start_time_unix_nano for point in points_of(reader, NAME)}
    assert min(starts) > duration.start_time_unix_nano


def test_threads_add_and_read_at_the_same_time_and_nothing_is_lost() -> None:
    exported = Exported()
    meter = exported.meter_provider.get_meter("midstream")
    totals = Totals.of(meter, exported.meter_provider, UNCOUNTED.metrics)
    reads: list[float] = []

    def add() -> None:
        for number in range(5_000):
            totals.adder(OPERATIONS, {"midstream.outcome": "completed"})()
            if number % 500 == 0:
                reads.extend(observation.value for observation in totals.observed(NAME))

    threads = [Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert exported.outcomes() == {"completed": 20_000}
    assert max(reads) <= 20_000
    exported.shutdown()


PROXY = """
from opentelemetry.metrics import set_meter_provider
from support.exported import Exported
from support.clients import client
from support.styles import STYLES, see
from midstream import AnthropicInstrumentor
from midstream.faults import FaultServer, parse

AnthropicInstrumentor().instrument()
with FaultServer() as server, client(server, parse("ok")) as made:
    see(STYLES["create"], made, "ok")
    exported = Exported()
    set_meter_provider(exported.meter_provider)
    see(STYLES["create"], made, "ok")
print(exported.outcomes())
"""

EXIT = """
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import ConsoleMetricExporter, PeriodicExportingMetricReader
from support.clients import client
from support.styles import STYLES, see
from midstream import AnthropicInstrumentor
from midstream.faults import FaultServer, parse

def totals(data):
    points = [p for r in data.resource_metrics for s in r.scope_metrics for m in s.metrics for p in m.data.data_points
              if m.name == "midstream.client.operations"]
    return str({p.attributes["midstream.outcome"]: p.value for p in points if p.value}) + chr(10)

reader = PeriodicExportingMetricReader(ConsoleMetricExporter(formatter=totals), export_interval_millis=3_600_000)
AnthropicInstrumentor().instrument(meter_provider=MeterProvider([reader]))
with FaultServer() as server, client(server, parse("ok")) as made:
    see(STYLES["create"], made, "ok")
"""


@pytest.mark.parametrize(
    ("program", "printed"),
    [
        pytest.param(PROXY, "{'completed': 2}", id="calls before the application has set its provider count"),
        pytest.param(EXIT, "{'completed': 1}", id="the exit collects what no collection has seen"),
    ],
)
def test_in_a_process(interpreters: Interpreters, program: str, printed: str) -> None:
    assert interpreters.run(program) == Finished(0, f"{printed}\n", "")
