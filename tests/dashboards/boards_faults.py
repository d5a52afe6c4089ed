"""For each rule for boards, faults that it must find, seeded into a board that follows it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from dashboards.boards_json import Board, panels_of

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ("FAULTS", "Seed")

Seed = Callable[[Board], None]
"""Changes a board in place."""


def _variable(board: Board, name: str) -> Any:
    return next(one for one in board["templating"]["list"] if one["name"] == name)


def _set_variable(name: str, key: str, value: object) -> Seed:
    return lambda board: _variable(board, name).update({key: value})


def _set_board(key: str, value: object) -> Seed:
    return lambda board: board.update({key: value})


def _set_panel(key: str, value: object, place: int = 0) -> Seed:
    return lambda board: panels_of(board)[place].update({key: value})


def _set_target(key: str, value: object) -> Seed:
    return lambda board: panels_of(board)[0]["targets"][0].update({key: value})


def _ask(expression: str) -> Seed:
    return _set_target("expr", expression)


def _both(one: Seed, other: Seed) -> Seed:
    def mutate(board: Board) -> None:
        one(board)
        other(board)

    return mutate


def _unset(key: str, place: int = 0) -> Seed:
    def mutate(board: Board) -> None:
        del panels_of(board)[place]["fieldConfig"]["defaults"][key]

    return mutate


def _without_variable(name: str) -> Seed:
    return lambda board: board["templating"]["list"].remove(_variable(board, name))


def _repeat_ref(board: Board) -> None:
    targets = next(panel["targets"] for panel in panels_of(board) if len(panel["targets"]) > 1)
    targets[1]["refId"] = "A"


def _add_thresholds(board: Board) -> None:
    lines = next(panel for panel in panels_of(board) if panel["type"] == "timeseries")
    lines["fieldConfig"]["defaults"]["thresholds"] = {}


def _table(board: Board) -> Any:
    return next(panel for panel in panels_of(board) if panel["title"] == "Status truth table")


def _without_links(board: Board) -> None:
    del panels_of(board)[0]["fieldConfig"]["defaults"]["links"]


def _without_trend(board: Board) -> None:
    del panels_of(board)[0]["targets"][1:]


def _drop_column(board: Board) -> None:
    (organize,) = [one["options"] for one in _table(board)["transformations"] if one["id"] == "organize"]
    del organize["renameByName"]["reported"]


def _add_column(board: Board) -> None:
    (organize,) = [one["options"] for one in _table(board)["transformations"] if one["id"] == "organize"]
    organize["renameByName"]["server_address"] = "Server"


def _sort_by_no_column(board: Board) -> None:
    _table(board)["options"]["sortBy"][0]["displayName"] = "Nothing"


def _lose_time(board: Board) -> None:
    override = _table(board)["fieldConfig"]["overrides"][-1]
    link = next(one["value"][0] for one in override["properties"] if one["id"] == "links")
    link["url"] = "/d/midstream-leaked?${job:queryparam}"


def _set_link(key: str, value: object) -> Seed:
    return lambda board: board["links"][0].update({key: value})


def _set_override_unit(board: Board) -> None:
    override = {"matcher": {"id": "byName", "options": "Calls"}, "properties": [{"id": "unit", "value": "furlongs"}]}
    _table(board)["fieldConfig"]["overrides"].append(override)


_CHOSEN: Final = (
    'job=~"$job", service_name=~"$service", gen_ai_provider_name=~"$provider", gen_ai_request_model=~"$model", '
    'gen_ai_operation_name=~"$operation"'
)
_OPERATIONS: Final = f"midstream_client_operations_total{{{_CHOSEN}}}"
_LOKI: Final = {"type": "loki", "uid": "${loki_datasource}"}

FAULTS: Final[Sequence[tuple[str, Seed, str]]] = (
    ("template-datasource-rule", _without_variable("datasource"), "no variable for the data source"),
    ("template-datasource-rule", _set_variable("datasource", "name", "ds"), "is called ds"),
    ("template-datasource-rule", _set_variable("datasource", "label", "DS"), "is labelled DS"),
    ("template-job-rule", _without_variable("job"), "no variable job"),
    ("template-job-rule", _set_variable("job", "type", "custom"), "is of type custom"),
    ("template-job-rule", _set_variable("job", "label", "job"), "is labelled job"),
    ("template-job-rule", _set_variable("job", "multi", False), "does not allow several values"),
    ("template-job-rule", _set_variable("job", "datasource", {"uid": "abc"}), "asks the data source abc"),
    ("template-job-rule", _set_variable("job", "allValue", ""), "All of job is "),
    ("template-instance-rule", _set_variable("job", "name", "instance"), "is labelled Job"),
    ("template-label-promql-rule", _set_variable("job", "query", {"query": "values(up, job)"}), "job asks values"),
    ("template-label-promql-rule", _set_variable("job", "query", {"query": "label_values(up{, job)"}), "selects up{"),
    ("template-on-time-change-reload-rule", _set_variable("model", "refresh", 1), "model is not asked again"),
    ("panel-datasource-rule", _set_panel("datasource", {"type": "prometheus", "uid": "abc"}), "data source abc"),
    ("panel-datasource-rule", _set_panel("datasource", None), "data source None"),
    ("panel-title-description-rule", _set_panel("title", ""), "no title"),
    ("panel-title-description-rule", _set_panel("description", ""), "no description"),
    ("panel-units-rule", _unset("unit"), "has the unit None"),
    ("panel-units-rule", _set_override_unit, "has the unit furlongs"),
    ("panel-no-targets-rule", _set_panel("targets", []), "asks nothing"),
    ("target-logql-rule", _both(_set_target("datasource", _LOKI), _ask("{a=")), "logql ends or goes wrong"),
    (
        "target-logql-auto-rule",
        _both(_set_target("datasource", _LOKI), _ask("rate({a='b'}[5m])")),
        "has [5m]",
    ),
    ("target-promql-rule", _ask("sum("), "unclosed left parenthesis"),
    ("target-rate-interval-rule", _ask(f"rate({_OPERATIONS}[5m])"), "is not over $__rate_interval"),
    ("target-rate-interval-rule", _ask(f"irate({_OPERATIONS}[$__range])"), "is not over $__rate_interval"),
    ("target-job-rule", _ask("sum(rate(midstream_client_operations_total[$__rate_interval]))"), "not chosen by job"),
    ("target-job-rule", _ask('sum(rate(x_total{job="$job"}[$__rate_interval]))'), "not chosen by job"),
    ("target-instance-rule", _ask(f"{_OPERATIONS}"), "not chosen by instance"),
    ("target-counter-agg-rule", _ask(f"sum({_OPERATIONS})"), "is a counter"),
    ("target-counter-agg-rule", _ask(f"sum_over_time({_OPERATIONS}[5m])"), "is a counter"),
    ("target-counter-agg-rule", _ask(f"rate(sum({_OPERATIONS})[5m:])"), "is a counter"),
    ("uneditable-dashboard-rule", _set_board("editable", True), "can be edited"),
    ("classic", _set_board("schemaVersion", 12), "schemaVersion is 12"),
    ("classic", _set_board("id", 7), "id is 7"),
    ("classic", _set_board("uid", "A"), "the uid is A"),
    ("classic", _set_board("refresh", 60), "refresh is not a text"),
    ("classic", _set_board("__inputs", []), "has __inputs"),
    ("unique", _set_panel("id", 2), "id 2 is there 2 times"),
    ("unique", _set_panel("title", "The gap"), "title 'The gap' is there 2 times"),
    ("unique", _set_variable("job", "name", "model"), "variable 'model' is there 2 times"),
    ("unique", _repeat_ref, "refId 'A' is there 2 times"),
    ("grid", _set_panel("gridPos", {"x": 20, "y": 0, "w": 8, "h": 6}), "is outside the grid"),
    ("grid", _set_panel("gridPos", {"x": 0, "y": 0, "w": 9, "h": 6}), "overlap"),
    ("core-panels", _set_panel("type", "graph"), "is of type graph"),
    ("no-address", _set_panel("links", [{"url": "https://grafana.example.com/d/x"}]), "has the address https://"),
    ("data-source-everywhere", _set_target("datasource", _LOKI), "asks {'type': 'loki'"),
    ("data-source-everywhere", _set_variable("job", "datasource", {"uid": "abc"}), "job asks {'uid': 'abc'}"),
    ("choices", _without_variable("operation"), "the variables are"),
    ("choices", _set_variable("service", "allValue", ".+"), "allValue of service is .+"),
    ("choices", _set_variable("service", "includeAll", False), "includeAll of service is False"),
    ("chosen-by-all", _ask('sum(midstream_client_stream_active{job=~"$job"})'), "is not chosen by operation"),
    ("guarded-division", _ask(f"sum({_OPERATIONS}) / sum({_OPERATIONS})"), "can be zero"),
    ("guarded-division", _ask(f"sum({_OPERATIONS}) / (sum({_OPERATIONS}) >= 0)"), "can be zero"),
    ("guarded-division", _ask(f"sum({_OPERATIONS}) / (sum({_OPERATIONS}) > -1)"), "can be zero"),
    ("guarded-division", _ask(f"sum({_OPERATIONS}) / 0"), "can be zero"),
    ("le-kept", _ask("histogram_quantile(0.5, sum by (job) (rate(x_bucket[$__rate_interval])))"), "has no le"),
    ("metrics-named", _set_panel("description", "A sentence."), "does not end with the metrics"),
    (
        "metrics-named",
        _ask("midstream_client_stream_active"),
        "the metrics midstream_client_operations_total, midstream_client_stream_a",
    ),
    ("metrics-named", _set_panel("description", "words Metric: x"), "is not described in a sentence"),
    ("says-when-empty", _unset("noValue"), "does not say when there is nothing"),
    ("no-idle-thresholds", _unset("thresholds", 1), "shows some that it does not have"),
    ("no-idle-thresholds", _add_thresholds, "has thresholds that are not visible"),
    ("whole-tables", _drop_column, "shows no reported"),
    ("whole-tables", _add_column, "has no server_address to show"),
    ("whole-tables", _sort_by_no_column, "has no column Nothing"),
    ("links", _set_link("keepTime", False), "does not lead on"),
    ("links", _set_link("tags", ["other"]), "does not lead on"),
    ("links", _set_board("links", []), "no link to the other boards"),
    ("links", _lose_time, "loses the time or a variable"),
    ("leads-on", _without_links, "leads to no trace"),
    ("why-not", _ask("sum(x)"), "does not say why"),
    ("trend", _set_panel("options", {"graphMode": "none"}), "has no trend"),
    ("trend", _without_trend, "has no trend"),
)
"""The name of a rule, the fault, and words of the rule's message."""
