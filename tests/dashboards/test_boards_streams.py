"""The queries of Tempo and Loki: Grafana's grammars accept them, and they name what midstream records."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import pytest

from dashboards.grammars import faults_in
from midstream._outcomes import Outcome
from midstream._telemetry.attributes import CALL_ATTRIBUTES, REQUEST_ATTRIBUTES
from source.boards import BOARDS
from source.boards.calls import BOARD
from source.names import label
from source.streams import LOGS, TRACES

if TYPE_CHECKING:
    from collections.abc import Mapping

_OF_A_TRACE: Final = "${trace}"

QUERIES: Final[Mapping[str, tuple[str, str]]] = {
    f"{board.uid}: {panel.title}": (panel.source["type"], query.expression)
    for board in BOARDS
    for panel in board.panels
    for query in panel.queries
    if panel.source["type"] in {TRACES, LOGS} and query.expression != _OF_A_TRACE
}
LANGUAGES: Final = {TRACES: "traceql", LOGS: "logql"}
RESOURCE: Final = {"service_name", "deployment_environment_name", "k8s_namespace_name"}
RECORDED: Final = {one.name for one in CALL_ATTRIBUTES} | {one.name for one in REQUEST_ATTRIBUTES}


def test_both_languages_are_queried() -> None:
    assert {kind for kind, _ in QUERIES.values()} == {TRACES, LOGS}


@pytest.mark.parametrize("title", QUERIES)
def test_the_grammar_accepts_the_query(title: str) -> None:
    kind, query = QUERIES[title]
    assert faults_in(LANGUAGES[kind], query) == []


@pytest.mark.parametrize(
    ("language", "query"),
    [
        ("traceql", '{ span.midstream.outcome =~ "a" '),
        ("traceql", '{ span.midstream.outcome =~ "a" } | choose(span.a)'),
        ("logql", '{service_name=~".+"} | midstream_outcome=~'),
        ("logql", "sum(count_over_time({service_name=~`.+`} [5m])"),
    ],
)
def test_the_grammar_sees_a_fault(language: str, query: str) -> None:
    assert faults_in(language, query)


@pytest.mark.parametrize("title", QUERIES)
def test_it_queries_only_recorded_attributes(title: str) -> None:
    kind, query = QUERIES[title]
    if kind == TRACES:
        asked = set(re.findall(r"span\.([\w.]+)", query))
        assert asked
        assert asked - RECORDED == set()
    else:
        asked = set(re.findall(r"(\w+)=~|unwrap (\w+)|{{\.(\w+)", query))
        words = {word for found in asked for word in found if word} - {
            "service_name",
            "deployment_environment_name",
            "k8s_namespace_name",
        }
        assert words
        assert words - {label(name) for name in RECORDED} == set()


def test_all_finds_calls_without_model_and_without_error_type() -> None:
    (spans,) = [query for kind, query in QUERIES.values() if kind == TRACES]
    assert '("${model:pipe}" = ".*" || span.gen_ai.request.model =~ "${model:pipe}")' in spans
    assert '("${error_type:pipe}" = ".*" || span.error.type =~ "${error_type:pipe}")' in spans


def test_loki_gets_a_selector_that_finds_something() -> None:
    logs = [query for kind, query in QUERIES.values() if kind == LOGS]
    assert all('{service_name=~".+", service_name=~"$service"}' in query for query in logs)


def test_the_failures_are_chosen_to_begin_with() -> None:
    (outcome,) = [variable for variable in BOARD.variables if variable["name"] == "outcome"]
    assert outcome["current"]["value"] == [one.value for one in Outcome if one.is_failure]
    assert outcome["query"].split(",") == [one.value for one in Outcome]


def test_only_this_board_has_the_data_sources_of_tempo_and_loki() -> None:
    kinds = {
        board.uid: [one["query"] for one in board.as_json()["templating"]["list"] if one["type"] == "datasource"]
        for board in BOARDS
    }
    assert kinds == {board.uid: ["prometheus"] for board in BOARDS} | {BOARD.uid: ["prometheus", TRACES, LOGS]}


# The way there


def link(board: str, title: str, column: str = "") -> str:
    """Where a click on this panel, or on a number in this column, leads."""
    (panel,) = [one for each in BOARDS if each.uid == board for one in each.panels if one.title == title]
    config = panel.as_json(1, {})["fieldConfig"]
    if not column:
        return str(config["defaults"]["links"][-1]["url"])
    (override,) = [one["properties"] for one in config["overrides"] if one["matcher"]["options"] == column]
    (links,) = [one["value"] for one in override if one["id"] == "links"]
    return str(links[-1]["url"])


def chosen(url: str) -> list[str]:
    """The variables that it sets. It keeps all others."""
    assert url.startswith(f"/d/{BOARD.uid}?${{__url_time_range}}&${{datasource:queryparam}}&")
    return re.findall(r"var-([^&]+)", url)


CLICKS: Final[Mapping[tuple[str, ...], list[str]]] = {
    ("midstream-outcomes", "How calls ended"): ["outcome=${__field.labels.midstream_outcome}"],
    ("midstream-outcomes", "In-band errors"): ["error_type=${__field.labels.error_type}", "outcome=in_band_error"],
    ("midstream-outcomes", "Duration"): [],
    ("midstream-outcomes", "The gap"): [
        "outcome=client_error",
        "outcome=in_band_error",
        "outcome=malformed",
        "outcome=transport_error",
        "outcome=truncated",
    ],
    ("midstream-outcomes", "Status truth table", "Calls"): ['outcome=${__data.fields["Outcome"]}'],
    ("midstream-outcomes", "By model", "In band"): ['model=${__data.fields["Model"]}', "outcome=in_band_error"],
    ("midstream-leaked", "In detail", "Calls"): [
        'error_type=${__data.fields["Exception class"]}',
        'outcome=${__data.fields["Outcome"]}',
        'model=${__data.fields["Model"]}',
        'provider=${__data.fields["Provider"]}',
        'operation=${__data.fields["Operation"]}',
    ],
}


@pytest.mark.parametrize("click", CLICKS, ids=" ".join)
def test_a_click_leads_to_the_calls_that_were_counted(click: tuple[str, ...]) -> None:
    assert chosen(link(*click)) == CLICKS[click]


def test_a_click_on_a_span_shows_its_trace_and_keeps_everything_else() -> None:
    url = link(BOARD.uid, "Traces", "Span")
    assert chosen(url) == ["trace=${__data.fields.traceIdHidden}"]
    names = {variable["name"] for variable in BOARD.as_json()["templating"]["list"]} - {"trace"}
    assert set(re.findall(r"\$\{(\w+):queryparam\}", url)) == names


def test_every_percentile_has_exemplars() -> None:
    queries = [query for board in BOARDS for panel in board.panels for query in panel.queries]
    percentiles = [query for query in queries if "histogram_quantile(" in query.expression]
    assert percentiles
    assert all(query.exemplar for query in percentiles)
