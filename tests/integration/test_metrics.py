"""The metrics that exist before anything fails, and those that are off by default."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.instrumentation.utils import suppress_instrumentation
from opentelemetry.sdk.metrics import AlwaysOffExemplarFilter

from midstream._telemetry.limits import MAX_VALUES
from midstream.faults import parse
from support.clients import client
from support.exported import Exported
from support.styles import STYLES, see

if TYPE_CHECKING:
    from midstream.faults import FaultServer

LOOP = STYLES["create(stream=True) in a loop"]


def test_the_series_of_all_ten_outcomes_exist_from_the_first_call_of_a_model_on(
    server: FaultServer, exported: Exported, instrumented: Any
) -> None:
    with instrumented(), client(server, parse("ok")) as made:
        see(LOOP, made, "ok")
        see(STYLES["create"], made, "ok")
    found = {
        (
            point.attributes["gen_ai.request.stream"],
            point.attributes["midstream.outcome"],
            point.attributes["midstream.leaked"],
            point.attributes["midstream.misreported"],
        ): point.value
        for point in exported.metrics()["midstream.client.operations"]
    }
    normally = {
        "completed": (False, False),
        "http_error": (False, False),
        "connection_error": (False, False),
        "in_band_error": (False, True),
        "transport_error": (True, False),
        "truncated": (False, False),
        "malformed": (True, False),
        "client_error": (False, False),
        "cancelled": (False, False),
        "abandoned": (False, False),
    }
    assert found == {
        (stream, outcome, *flags): int(outcome == "completed")
        for stream in (True, False)
        for outcome, flags in normally.items()
    }


@pytest.mark.parametrize("hidden", [False, True], ids=["first of all", "after a call that telemetry must not see"])
def test_they_exist_while_the_first_call_runs(
    server: FaultServer, exported: Exported, instrumented: Any, *, hidden: bool
) -> None:
    values: list[float] = []

    def collect(_request: object) -> None:
        values.extend(point.value for point in exported.metrics()["midstream.client.operations"])

    with instrumented(errors="corrected"), client(server, parse("ok")) as made:
        if hidden:
            with suppress_instrumentation():
                see(STYLES["create"], made, "ok")
        made._client.event_hooks = {"request": [collect]}
        see(STYLES["create"], made, "ok")
    assert values == [0] * 10


def test_an_open_stream_is_active_until_its_end(server: FaultServer, exported: Exported, instrumented: Any) -> None:
    def active() -> list[float]:
        return [point.value for point in exported.metrics()["midstream.client.stream.active"]]

    with instrumented(), client(server, parse("ok")) as made:
        stream = made.messages.create(
            model="ok", max_tokens=64, messages=[{"role": "user", "content": "hello"}], stream=True
        )
        next(stream)
        assert active() == [1]
        stream.close()
        assert active() == [0]


def test_chunk_timings_are_recorded_only_on_request(server: FaultServer, exported: Exported, instrumented: Any) -> None:
    name = "gen_ai.client.operation.time_per_output_chunk"
    with instrumented(), client(server, parse("ok:6")) as made:
        see(LOOP, made, "ok:6")
    assert name not in exported.metrics()
    with instrumented(chunk_timings=True), client(server, parse("ok:6")) as made:
        see(LOOP, made, "ok:6")
    (point,) = exported.metrics()[name]
    # Six pieces of content, so five gaps.
    assert point.value == 5
    assert point.attributes == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "anthropic",
        "gen_ai.request.model": "ok:6",
        "gen_ai.response.model": "ok:6",
        "server.address": server.host,
        "server.port": server.port,
    }


def test_the_duration_of_the_metric_matches_the_span(
    server: FaultServer, exported: Exported, instrumented: Any
) -> None:
    with instrumented(), client(server, parse("slow:10")) as made:
        see(LOOP, made, "slow:10")
    (point,) = exported.metrics()["gen_ai.client.operation.duration"]
    span = exported.span
    assert span.start_time is not None
    assert span.end_time is not None
    assert point.total is not None
    assert abs(point.total - (span.end_time - span.start_time) / 1e9) < 0.05


class Counting(AlwaysOffExemplarFilter):
    """Sees every record."""

    def __init__(self) -> None:
        self.records = 0

    def should_sample(self, value: float, time_unix_nano: int, attributes: Any, context: Any) -> bool:
        self.records += 1
        return super().should_sample(value, time_unix_nano, attributes, context)


RECORDS = {
    ("create", "ok"): 3,
    ("create", "http:overloaded_error"): 1,
    ("create(stream=True) in a loop", "ok"): 5,
    ("create(stream=True) in a loop", "in_band:overloaded_error@4"): 4,
    ("create(stream=True) in a loop", "in_band:overloaded_error@0"): 2,
    ("create(stream=True) in a loop", "http:overloaded_error"): 1,
}
"""By style and model of a call, its metric records, which are most of its cost."""


@pytest.mark.parametrize(("style", "model"), RECORDS)
def test_a_call_makes_few_records(server: FaultServer, instrumented: Any, style: str, model: str) -> None:
    counting = Counting()
    exported = Exported(meter_options={"exemplar_filter": counting})
    with instrumented(**exported.providers), client(server, parse(model)) as made:
        see(STYLES[style], made, model)  # the first of a kind creates the series of all outcomes
        counting.records = 0
        see(STYLES[style], made, model)
    assert counting.records == RECORDS[style, model]
    exported.shutdown()


def test_models_without_number_make_series_with_one(server: FaultServer, exported: Exported, instrumented: Any) -> None:
    models = [f"ok:{n}" for n in range(1, MAX_VALUES + 21)]
    with instrumented(), client(server, parse("ok")) as made:
        for model in models:
            see(STYLES["create"], made, model)
        see(STYLES["create"], made, models[0])
    metrics = exported.metrics()
    counted = {
        point.attributes["gen_ai.request.model"]: point.value
        for point in metrics["midstream.client.operations"]
        if point.attributes["midstream.outcome"] == "completed"
    }
    assert counted == {models[0]: 2, **dict.fromkeys(models[1:MAX_VALUES], 1), "_OTHER": 20}
    for name, points in metrics.items():
        if name.startswith("gen_ai."):
            assert {point.attributes["gen_ai.request.model"] for point in points} == set(counted), name
    assert {str(span.attributes["gen_ai.request.model"]) for span in exported.spans if span.attributes} == set(models)
