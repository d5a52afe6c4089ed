"""How `midstream watch` adds OTLP up, and how it shows it."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

import pytest

from midstream._cli.watch.distribution import Distribution
from midstream._cli.watch.otlp import LogEvent, Point, Source
from midstream._cli.watch.tally import Tally
from midstream._cli.watch.wording import first_chunk, percent, plural
from midstream._outcomes import Outcome
from midstream._telemetry.scope import EVENT_NAME

if TYPE_CHECKING:
    from collections.abc import Mapping

pytestmark = pytest.mark.newest

A, B = Source((("service.name", "a"),)), Source((("service.name", "b"),))
OPERATIONS = "midstream.client.operations"
COMPLETED = {"midstream.outcome": "completed"}


def point(
    value: float | Distribution,
    metric: str = OPERATIONS,
    attributes: Mapping[str, str] = COMPLETED,
    *,
    source: Source = A,
    started: int | None = 1,
) -> Point:
    found = value if isinstance(value, Distribution) else Distribution(total=value)
    return Point(source, metric, attributes, started, found)


def tally_of(*points: Point) -> Tally:
    tally = Tally()
    for each in points:
        tally.add_points([each])
    return tally


@pytest.mark.parametrize(
    ("points", "calls"),
    [
        ([point(2), point(5)], 5),  # a sum replaces the one before
        ([point(5, started=1), point(2, started=2)], 7),  # the service has started again
        ([point(2, source=A), point(5, source=B)], 7),
        ([point(2, started=None), point(5, started=None)], 7),  # differences
        ([point(5), point(9, attributes={"midstream.outcome": "of the future"}), point(9, "another.metric")], 5),
    ],
    ids=["sums", "restart", "two services", "differences", "unknown"],
)
def test_sums_replace_and_differences_add(points: list[Point], calls: int) -> None:
    assert tally_of(*points).figures().count(Outcome.COMPLETED) == calls


def test_success_leaves_out_what_the_application_ended_and_http_sees_two_failures() -> None:
    figures = tally_of(*(point(1, attributes={"midstream.outcome": outcome.value}) for outcome in Outcome)).figures()
    assert figures.count() == 10
    assert figures.success == pytest.approx(1 / 8)
    assert figures.success_by_http == pytest.approx(6 / 8)


def test_tokens_and_first_chunks_have_the_released_names_or_the_next_ones_and_count_once() -> None:
    ten = Distribution(1, 10.0)
    released = [
        point(ten, "gen_ai.client.token.usage", {"gen_ai.token.type": "input"}),
        point(ten, "gen_ai.client.operation.time_to_first_chunk", {}),
    ]
    following = [
        point(10, "gen_ai.client.inference.usage.input_tokens", {}),
        point(10, "gen_ai.client.inference.usage.output_tokens", {}),
        point(ten, "gen_ai.client.inference.time_to_first_chunk", {}),
    ]
    for points, tokens in ((released, (10, 0)), (following, (10, 10)), (released + following, (10, 10))):
        figures = tally_of(*points).figures()
        assert (figures.input_tokens, figures.output_tokens, figures.first_chunk) == (*tokens, ten)


# Distributions


def histogram(*values: float) -> Distribution:
    buckets = [Distribution(1, value, value, (1.0, 2.0), _counts(value)) for value in values]
    return sum(buckets, Distribution())


def _counts(value: float) -> tuple[int, ...]:
    return (int(value <= 1), int(1 < value <= 2), int(value > 2))


def test_a_quantile_is_estimated_within_its_bucket_and_not_above_the_largest_value() -> None:
    found = histogram(0.5, 0.5, 1.5, 1.5)
    assert [found.quantile(share) for share in (0.25, 0.5, 0.75, 1.0)] == [0.5, 1.0, 1.25, 1.5]
    assert histogram(5.0).quantile(0.5) == pytest.approx(3.5)
    assert found.mean == 1.0


def test_other_buckets_leave_the_mean_only() -> None:
    mixed = histogram(0.5) + Distribution(1, 1.5, 1.5, (3.0,), (1, 0))
    assert (mixed.mean, mixed.quantile(0.5), mixed.counts) == (1.0, None, ())
    assert first_chunk(mixed) == "1.00 s on average"
    assert first_chunk(Distribution()) == "-"


@pytest.mark.parametrize(
    ("body", "known", "line"),
    [
        ("cut", {"anthropic.request.id": "req_1"}, "cut (request req_1)"),
        ("529 (request req_2)", {"midstream.in_band.request_id": "req_2", "anthropic.request.id": "req_1"}, None),
        ("cut", {}, None),
    ],
    ids=["header", "already in the line", "unknown"],
)
def test_the_line_of_a_failure_has_the_request_id_once(body: str, known: Mapping[str, str], line: str | None) -> None:
    tally = Tally()
    tally.add_events([LogEvent(A, EVENT_NAME, body, known, 0)])
    assert [call.line for call in tally.figures().failures] == [line or body]


# Words


@pytest.mark.parametrize(
    ("share", "text"),
    [(None, "-"), (0.0, "0 %"), (1.0, "100 %"), (0.9999, "99.9 %"), (0.00001, "0.1 %"), (0.975, "97.5 %")],
)
def test_a_percentage_is_100_only_for_all_and_0_only_for_none(share: float | None, text: str) -> None:
    assert percent(share) == text


def test_plurals() -> None:
    words = zip(count(), ["call", "call", "call", "process"])
    assert [plural(number, thing) for number, thing in words] == ["0 calls", "1 call", "2 calls", "3 processes"]
