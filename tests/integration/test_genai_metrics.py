"""The application chooses the names of the GenAI metrics; nothing else changes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pytest

from midstream.faults import parse
from support.clients import client
from support.exported import Exported, event_of
from support.other_streams import OTHER_STREAMS
from support.seen import numberless
from support.styles import STYLES, see

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from midstream.faults import FaultServer

    Instrumented = Callable[..., AbstractContextManager[Exported]]

Series = frozenset[tuple[str, Any]]
Metrics = Mapping[str, Mapping[Series, float]]

FAILING, REFUSED = "in_band:overloaded_error", "http:rate_limit_error"
LOOP = STYLES["create(stream=True) in a loop"]
CALLS = (
    (LOOP, "ok"),
    (LOOP, FAILING),
    (LOOP, REFUSED),
    (OTHER_STREAMS["count_tokens"], "ok"),
    (OTHER_STREAMS["batches.results"], "ok"),
)
"""A whole answer, one that fails halfway, none; then what asks for none, and what the conventions do not know."""

UNSURE = {"midstream.stream.longest_wait", "gen_ai.response.time_to_first_chunk", "exception.stacktrace"}


def told(server: FaultServer, instrumented: Instrumented, **options: Any) -> Exported:
    memory = Exported()
    with instrumented(**memory.providers, **options):
        for style, model in CALLS:
            with client(server, parse(model)) as made:
                see(style, made, model)
    return memory


def gen_ai(exported: Exported) -> Metrics:
    """By metric and series, the number of tokens, or else of records."""
    return {
        name: {
            frozenset(point.attributes.items()): point.total if "token" in name and point.total else point.value
            for point in points
        }
        for name, points in exported.metrics().items()
        if name.startswith("gen_ai.")
    }


def everything_else(exported: Exported) -> tuple[Any, ...]:
    def sure(attributes: Mapping[str, Any] | None) -> dict[str, Any]:
        return {
            name: numberless(value) if isinstance(value, str) else value
            for name, value in (attributes or {}).items()
            if name not in UNSURE
        }

    spans = [
        (s.name, s.status.status_code, numberless(s.status.description), sure(s.attributes)) for s in exported.spans
    ]
    logs = [(name, sure(attributes)) for name, attributes in map(event_of, exported.logs)]
    counted = {name: points for name, points in exported.metrics().items() if name.startswith("midstream.")}
    return spans, logs, {name: [(p.attributes, p.value) for p in points] for name, points in counted.items()}


@pytest.fixture(name="expected")
def expected_(server: FaultServer) -> dict[str, Metrics]:
    """By the option's value, the GenAI metrics of `CALLS`."""

    def series(model: str, *, answered: bool = True, operation: str = "chat", **more: str) -> Series:
        return frozenset(
            {
                "gen_ai.operation.name": operation,
                "gen_ai.provider.name": "anthropic",
                "gen_ai.request.model": model,
                "server.address": server.host,
                "server.port": server.port,
                **({"gen_ai.response.model": model} if answered else {}),
                **{_MORE[name]: value for name, value in more.items()},
            }.items()
        )

    def used(whole: int, halfway: int) -> dict[Series, float]:
        return {
            series("ok", modality="unknown"): whole,
            series(FAILING, modality="unknown"): halfway,
            series(REFUSED, modality="unknown", answered=False): 0,
        }

    durations: dict[Series, float] = {
        series("ok"): 1,
        series(FAILING, error="overloaded_error"): 1,
        series(REFUSED, error="rate_limit_error", answered=False): 1,
    }
    first_chunks: dict[Series, float] = {series("ok"): 1, series(FAILING): 1}
    of_the_count: dict[Series, float] = {series("ok", operation="count_tokens", answered=False): 1}
    released: Metrics = {
        "gen_ai.client.operation.duration": durations | of_the_count,
        "gen_ai.client.operation.time_to_first_chunk": first_chunks,
        "gen_ai.client.token.usage": {
            series("ok", kind="input"): 43,
            series("ok", kind="output"): 15,
            series(FAILING, kind="input"): 43,
        },
    }
    following: Metrics = {
        "gen_ai.client.inference.duration": durations,
        "gen_ai.client.inference.time_to_first_chunk": first_chunks,
        "gen_ai.client.inference.usage.input_tokens": used(43, 43),
        "gen_ai.client.inference.usage.output_tokens": used(15, 0),
        "gen_ai.client.inference.usage.cache_read.input_tokens": used(8, 8),
        "gen_ai.client.inference.usage.cache_write.input_tokens": used(10, 10),
        "gen_ai.client.inference.operation.input_tokens": {
            series("ok"): 43,
            series(FAILING, error="overloaded_error"): 43,
        },
        "gen_ai.client.inference.operation.output_tokens": {series("ok"): 15},
    }
    return {
        "1.41": released,
        "next": {**following, "gen_ai.client.operation.duration": of_the_count},
        "both": {**released, **following},
    }


_MORE = {"error": "error.type", "kind": "gen_ai.token.type", "modality": "gen_ai.token.modality"}


@pytest.mark.parametrize("names", ["1.41", "next", "both"])
def test_the_metrics_have_the_names_that_were_chosen_and_all_else_stays(
    server: FaultServer, instrumented: Instrumented, expected: dict[str, Metrics], names: str
) -> None:
    by_default = told(server, instrumented)
    chosen = told(server, instrumented, genai_metrics=names)
    assert gen_ai(by_default) == expected["1.41"]
    assert gen_ai(chosen) == expected[names]
    assert everything_else(chosen) == everything_else(by_default)


@pytest.mark.parametrize(
    ("names", "metrics"),
    [
        ("1.41", ["gen_ai.client.operation.time_per_output_chunk"]),
        ("next", ["gen_ai.client.inference.time_per_output_chunk"]),
        (
            "both",
            ["gen_ai.client.inference.time_per_output_chunk", "gen_ai.client.operation.time_per_output_chunk"],
        ),
    ],
)
def test_so_do_the_times_between_pieces_of_content(
    server: FaultServer, instrumented: Instrumented, names: str, metrics: list[str]
) -> None:
    with instrumented(genai_metrics=names, chunk_timings=True) as exported, client(server, parse("ok:6")) as made:
        see(LOOP, made, "ok:6")
    found = {name: points for name, points in exported.metrics().items() if name.endswith("per_output_chunk")}
    # Six pieces of content, so five gaps.
    assert {name: [point.value for point in points] for name, points in found.items()} == {m: [5] for m in metrics}


def test_the_environment_chooses_too(
    server: FaultServer,
    instrumented: Instrumented,
    expected: dict[str, Metrics],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MIDSTREAM_GENAI_METRICS", "both")
    assert gen_ai(told(server, instrumented)) == expected["both"]
