"""Boards query only what the instrumentation really exports and the rules really record."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from dashboards.boards_exported import page_of_every_fault
from dashboards.boards_promql import KNOWN, metrics_read, parsed, unknown_labels, unknown_metrics
from source import names
from source.boards import every_panel
from source.measures import LEAKING
from source.panels import metrics_in
from source.states import asked

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dashboards.boards_exported import Page

BY_THE_SCRAPE: Final = frozenset(("instance", *names.TARGET)) - {"service_name"}
"""The labels that Prometheus adds to what it scrapes, or that the exporter here has no value for."""

CHUNKS: Final = "gen_ai_client_operation_time_per_output_chunk_seconds"
"""Off unless asked for: no board shows it."""

EXPRESSIONS: Final[Mapping[str, str]] = {
    f"{board.uid}: {panel.title}: {ref}": asked(expression)
    for board, panel in every_panel()
    for ref, expression in panel.expressions.items()
}


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    with pytest.MonkeyPatch.context() as patch:
        yield page_of_every_fault(patch)


@pytest.mark.injects_faults
def test_what_is_exported_is_what_the_names_say(page: Page) -> None:
    expected = {name: labels - BY_THE_SCRAPE for name, labels in names.LABELS.items()}
    assert page.labels == expected


@pytest.mark.injects_faults
def test_the_outcomes_that_leak_are_those_that_the_boards_say(page: Page) -> None:
    leaked = {
        sample.labels[names.OUTCOME]
        for sample in page.samples
        if sample.name == names.ERRORS and sample.labels[names.LEAKED] == "true"
    }
    assert leaked == {outcome.value for outcome in LEAKING}


def test_every_expression_reads_something_and_only_what_exists() -> None:
    trees = {title: parsed(expression) for title, expression in EXPRESSIONS.items()}
    unknown = {title: unknown_metrics(tree) | unknown_labels(tree) for title, tree in trees.items()}
    assert [title for title, tree in trees.items() if not metrics_read(tree)] == []
    assert {title: names for title, names in unknown.items() if names} == {}


def test_the_source_and_the_parser_find_the_same_metrics() -> None:
    found = {title: metrics_in(expression) for title, expression in EXPRESSIONS.items()}
    assert found == {title: metrics_read(parsed(expression)) for title, expression in EXPRESSIONS.items()}


def test_the_boards_show_every_metric_about_calls() -> None:
    shown = {metric for expression in EXPRESSIONS.values() for metric in metrics_in(expression)}
    families = {metric.removesuffix("_bucket").removesuffix("_sum").removesuffix("_count") for metric in names.LABELS}
    missing = {family for family in families if not any(metric.startswith(family) for metric in shown)}
    assert missing == {names.TELEMETRY_ERRORS, CHUNKS}


UNKNOWN: Final[Mapping[str, tuple[frozenset[str], frozenset[str]]]] = {
    "sum(midstream_client_failures_total)": (frozenset({"midstream_client_failures_total"}), frozenset()),
    'midstream_client_errors_total{reported="200"}': (frozenset(), frozenset({"reported"})),
    "sum by (server_address) (midstream_client_errors_total)": (frozenset(), frozenset({"server_address"})),
    "sum by (midstream_phase) (sum by (job) (midstream_client_errors_total))": (
        frozenset(),
        frozenset({"midstream_phase"}),
    ),
    "sum by (midstream_phase) (midstream_client_errors_total or midstream_client_operations_total)": (
        frozenset(),
        frozenset({"midstream_phase"}),
    ),
    'label_replace(midstream_client_errors_total, "a", "$1", "le", "(.*)")': (frozenset(), frozenset({"le"})),
    'label_join(midstream_client_errors_total, "a", ";", "job", "b")': (frozenset(), frozenset({"b"})),
    "midstream_client_errors_total / on (model) midstream_client_errors_total": (frozenset(), frozenset({"model"})),
    "sum by (le) (histogram_quantile(0.5, gen_ai_client_token_usage_bucket))": (frozenset(), frozenset({"le"})),
}


@pytest.mark.parametrize("expression", UNKNOWN)
def test_what_does_not_exist_is_found(expression: str) -> None:
    tree = parsed(expression)
    assert (unknown_metrics(tree), unknown_labels(tree) if not unknown_metrics(tree) else frozenset[str]()) == UNKNOWN[
        expression
    ]


def test_recorded_and_exported_names_do_not_collide() -> None:
    assert len(KNOWN) > len(names.LABELS)
    assert not [name for name in names.LABELS if ":" in name]
