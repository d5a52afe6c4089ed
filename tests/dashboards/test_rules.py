"""The shipped rule files: form, names, links, and plausible numbers."""

from __future__ import annotations

import re
import subprocess
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from dashboards.boards_promql import metrics_read, parsed, unknown_labels, unknown_metrics
from dashboards.rule_scenes_recorded import RATIOS
from midstream._telemetry.metrics import METRICS
from source import names, recording
from source.alerts import ALERTS
from source.objective import (
    ABSENT,
    ANY,
    BURNS,
    CALLER,
    DENIAL,
    FLEET,
    LIMITS,
    OBJECTIVE,
    OUTAGE,
    PAIRS,
    PERIOD,
    SHORTEST,
    STALL,
    WINDOWS,
    seconds,
)
from source.recording import RECORDED, RECORDINGS
from source.rules import files
from source.variables import CHOICES
from support.programs import needed

if TYPE_CHECKING:
    from source.alert import Alert
    from source.objective import Most

DASHBOARDS = Path(__file__).parents[2] / "dashboards"
FILES = files()
RECORDED_RULES = [rule for rules in RECORDINGS.values() for rule in rules]
EXPRESSIONS = [*(rule.expression for rule in RECORDED_RULES), *(alert.expression for alert in ALERTS)]

each_file = pytest.mark.parametrize("name", FILES)
each_alert = pytest.mark.parametrize(
    "alert", ALERTS, ids=[" ".join((alert.name, alert.severity, *alert.labels.values())) for alert in ALERTS]
)


def rules_in(name: str) -> list[Any]:
    return [rule for group in yaml.safe_load(FILES[name])["groups"] for rule in group["rules"]]


def linted(rules: Path) -> subprocess.CompletedProcess[str]:
    command = [needed("promtool", "prometheus"), "check", "rules", "--lint=all", "--lint-fatal", str(rules)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@each_file
def test_promtool_has_nothing_to_say_against_the_rules(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(FILES[name], encoding="utf-8")
    ran = linted(tmp_path / name)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert f"SUCCESS: {len(rules_in(name))} rules found" in ran.stdout


def test_promtool_would_say_it_if_there_were_two_rules_of_one_name(tmp_path: Path) -> None:
    text = FILES["midstream-recording.yaml"].replace("midstream:leaks:", "midstream:failures:")
    (tmp_path / "rules.yaml").write_text(text, encoding="utf-8")
    assert linted(tmp_path / "rules.yaml").returncode != 0


def test_the_files_have_all_rules_as_they_are_described() -> None:
    assert [(rule["record"], rule["expr"]) for rule in rules_in("midstream-recording.yaml")] == [
        (rule.record, rule.expression) for rule in RECORDED_RULES
    ]
    assert rules_in("midstream-alerts.yaml") == [
        {
            "alert": alert.name,
            "expr": alert.expression,
            "for": alert.hold,
            **({"keep_firing_for": alert.keep} if alert.keep else {}),
            "labels": {"severity": alert.severity, **alert.labels},
            "annotations": dict(alert.annotations),
        }
        for alert in ALERTS
    ]


@each_file
def test_people_can_read_the_files(name: str) -> None:
    text = FILES[name]
    assert text.startswith("# Written by `python dashboards/generate.py` from dashboards/source/; do not edit.\n")
    assert text.endswith("\n")
    assert not [line for line in text.splitlines() if line != line.rstrip() or "\t" in line]
    assert text.count("expr: |-\n") == text.count("expr:") == len(rules_in(name))


def test_group_names_are_there_once() -> None:
    groups = [group["name"] for text in FILES.values() for group in yaml.safe_load(text)["groups"]]
    assert sorted(set(groups)) == sorted(groups)


def test_the_rules_query_only_what_exists() -> None:
    for expression in EXPRESSIONS:
        tree = parsed(expression)
        assert metrics_read(tree), expression
        assert not unknown_metrics(tree), expression
        assert not unknown_labels(tree), expression


def test_each_group_records_what_its_later_rules_read_and_only_the_shortest_window_reads_raw_series() -> None:
    shortest = {rule.record for rule in RECORDINGS[SHORTEST]}
    for window, rules in RECORDINGS.items():
        before = set[str]()
        for rule in rules:
            raw = {names.OPERATIONS, names.ERRORS} if window == SHORTEST else shortest
            assert metrics_read(parsed(rule.expression)) <= before | raw, rule.record
            assert rule.record.endswith(f"rate{window}")
            before.add(rule.record)


def test_nothing_is_divided_by_what_may_be_zero() -> None:
    for expression in EXPRESSIONS:
        for divisor in re.findall(r"(?<!\w)/ (.*)", expression):
            assert divisor.startswith("(") or int(divisor), expression
        assert expression.count("/ (") <= len(re.findall(r"> 0\)|\) >= \d+\)$", expression, re.MULTILINE)), expression


@each_alert
def test_an_alert_says_how_bad_it_is_what_happened_to_whom_and_where_to_go_on(alert: Alert) -> None:
    assert alert.severity in {"critical", "warning", "info"}
    assert set(alert.annotations) == {"summary", "description", "runbook_url", "dashboard_url", "calls_url"}
    for words in (alert.text.summary, alert.text.description):
        named = '{{ or $labels.service_name $labels.job "a service without a name" }}' in words
        assert named or (alert.name, words) == ("MidstreamFleetFailure", alert.text.summary)
        assert set(re.findall(r"\$labels\.(\w+)", words)) <= set(alert.by)
    assert "$value | humanize" in alert.text.description or 'printf "%.0f" $value' in alert.text.description
    assert alert.annotations["runbook_url"] == f"runbooks/{alert.name}.md"
    assert (DASHBOARDS / "grafana" / f"{alert.text.board}.json").is_file()
    assert alert.annotations["dashboard_url"].startswith(f"/d/{alert.text.board}?from=now-")
    assert alert.annotations["calls_url"].startswith("/d/midstream-calls?from=now-")


@each_alert
def test_the_link_to_the_board_uses_existing_variables_and_labels(alert: Alert) -> None:
    variables = {choice.name: choice.label for choice in CHOICES}
    linked = re.findall(
        r"\{\{ with \$labels\.(\w+) \}\}&var-(\w+)=\{\{ \. \| urlquery \}\}\{\{ end \}\}",
        alert.annotations["dashboard_url"],
    )
    of = alert.by if alert.of is None else alert.of
    assert {label for label, _ in linked} == {label for label in of if label in variables.values()}
    assert all(variables[variable] == label for label, variable in linked)
    assert alert.name == "MidstreamFleetFailure" or {*names.TARGET} <= {label for label, _ in linked}


@each_alert
def test_an_alert_differs_from_others_in_its_labels(alert: Alert) -> None:
    grouped = re.findall(r"sum by \(([\w, ]+)\)", alert.expression)
    of_records = [RECORDED[name] for name in metrics_read(parsed(alert.expression)) if name in RECORDED]
    assert grouped or of_records
    assert all(by.split(", ") == list(alert.by) for by in grouped)
    assert grouped or any(labels == set(alert.by) for labels in of_records)


@each_alert
def test_an_alert_on_a_share_has_a_minimum_of_calls(alert: Alert) -> None:
    has_minimum = ">= " in alert.expression
    assert has_minimum == (alert.name not in ANY or alert.severity == "critical")
    shown = "humanizePercentage" in alert.text.description
    assert shown == (has_minimum and alert.name != "MidstreamTelemetryAbsent")


def test_alerts_with_one_name_differ_in_their_labels() -> None:
    labels = [(alert.name, alert.severity, *alert.labels.values()) for alert in ALERTS]
    assert sorted(set(labels)) == sorted(labels)
    windows = [alert.name for alert in ALERTS if set(alert.labels) == {"long", "short"}]
    assert Counter(windows) == {"MidstreamErrorBudgetBurn": len(BURNS), **dict.fromkeys(PAIRS, 2)}


def test_an_alert_that_ends_when_a_share_does_keeps_firing_for_a_while() -> None:
    assert {alert.name for alert in ALERTS if not alert.keep} == {*ANY, "MidstreamTelemetryAbsent"}
    assert all(alert.keep for alert in ALERTS if alert.severity == "critical")


def test_every_number_belongs_to_an_alert() -> None:
    others = {"MidstreamErrorBudgetBurn", "MidstreamFleetFailure", "MidstreamOutage", "MidstreamTelemetryAbsent"}
    assert {*PAIRS, *LIMITS, *ANY, *others} == {alert.name for alert in ALERTS}


def test_the_windows_of_the_budget_make_sense() -> None:
    for burn in BURNS:
        assert burn.long in WINDOWS
        assert burn.short in WINDOWS
        assert 5 * seconds(burn.short) <= seconds(burn.long) < seconds(PERIOD)
        assert seconds(burn.hold) < seconds(burn.long)
        # So many calls are needed that it takes three failures.
        assert 2 / burn.calls < burn.factor * (1 - OBJECTIVE) <= 3 / (burn.calls - 1)
        assert burn.factor * (1 - OBJECTIVE) < 1
    assert [burn.factor for burn in BURNS] == sorted((burn.factor for burn in BURNS), reverse=True)
    assert [seconds(burn.long) for burn in BURNS] == sorted(seconds(burn.long) for burn in BURNS)


@pytest.mark.parametrize("name", LIMITS)
def test_the_limits_make_sense(name: str) -> None:
    limit = LIMITS[name]
    assert 0 < limit.share < 1
    assert limit.calls > 1
    assert seconds(limit.hold) < seconds(limit.window)
    assert limit.short is None


@pytest.mark.parametrize("name", PAIRS)
def test_the_limits_of_a_pair_make_sense(name: str) -> None:
    fast, slow = PAIRS[name].fast, PAIRS[name].slow
    for limit in (fast, slow):
        assert {limit.window, limit.short} <= set(WINDOWS)
        assert seconds(str(limit.short)) < seconds(limit.window)
        assert seconds(limit.hold) < seconds(limit.window)
        assert limit.share * limit.calls >= 3
    assert fast.share > slow.share
    assert seconds(fast.window) < seconds(slow.window)


@pytest.mark.parametrize("most", [OUTAGE, DENIAL, CALLER])
def test_a_page_comes_within_three_times_as_many_calls_as_it_needs(most: Most) -> None:
    assert set(most.windows) <= set(WINDOWS)
    lengths = [seconds(window) for window in most.windows]
    assert all(later <= 3 * earlier for earlier, later in pairwise(lengths))
    assert 1 / most.calls < most.share


def test_what_is_worth_an_alert_at_once_has_no_hold_and_everything_else_has_one() -> None:
    assert {alert.name for alert in ALERTS if alert.hold == "0m"} == {
        *ANY,
        "MidstreamCallerErrors",
        "MidstreamFleetFailure",
        "MidstreamOutage",
    }
    # An interval of one minute between exports fits in several times.
    assert all(seconds(window) >= seconds("5m") for window in (*ANY.values(), *WINDOWS))


def test_an_absent_service_is_missed_before_it_is_forgotten() -> None:
    assert seconds("5m") + seconds(ABSENT.hold) < seconds(ABSENT.window)
    assert seconds("5m") < seconds(ABSENT.lasting) < seconds(ABSENT.window)


def test_only_outages_what_the_api_refuses_and_a_budget_that_burns_fast_page() -> None:
    critical = [(alert.name, alert.labels.get("long")) for alert in ALERTS if alert.severity == "critical"]
    assert critical == [
        ("MidstreamFleetFailure", None),
        ("MidstreamOutage", None),
        ("MidstreamErrorBudgetBurn", "1h"),
        ("MidstreamErrorBudgetBurn", "6h"),
        ("MidstreamCallerErrors", None),
        ("MidstreamAccessDenied", None),
    ]


def test_a_stall_is_measured_at_the_bound_of_a_bucket() -> None:
    (metric,) = (metric for metric in METRICS if names.label(metric.name) + "_seconds" == names.LONGEST_WAIT)
    assert STALL in (metric.buckets or ())
    assert int(STALL) != STALL, "`le` of a whole number is written in more than one way"


def test_the_ratios_are_recorded_for_all_windows() -> None:
    assert set(RECORDED) == {
        name
        for window in WINDOWS
        for name in (
            recording.operations(window),
            recording.errors(window),
            recording.calls(window),
            recording.eligible(recording.operations(window)),
            recording.eligible(recording.calls(window)),
            *(recording.share(kind, window) for kind in RATIOS),
        )
    } | {
        recording.failing(FLEET.long),
        recording.failing(FLEET.short),
        *(
            recording.of_models(name)
            for window in (FLEET.long, FLEET.short)
            for name in (recording.eligible(recording.calls(window)), recording.share(recording.FAILED, window))
        ),
    }


def test_the_readme_lists_every_alert_with_its_severity_and_thresholds() -> None:
    readme = (DASHBOARDS / "prometheus" / "README.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| `(Midstream\w+)` \| ([\w, ]+) \|", readme, re.MULTILINE)
    severities = {name: {alert.severity for alert in ALERTS if alert.name == name} for name, _ in listed}
    assert [(name, set(told.split(", "))) for name, told in listed] == list(severities.items())
    assert severities.keys() == {alert.name for alert in ALERTS}
    assert f"The objective is {100 * OBJECTIVE:g} % over {PERIOD[:-1]} days" in readme
    assert f"for {', '.join(WINDOWS[:-1])} and {WINDOWS[-1]}" in readme
    assert "2 % in 1h, 5 % in 6h, 10 % in 1d and in 3d" in " ".join(readme.split())
    assert set(ANY.values()) == {"1h"}
    assert f"within {3 * OUTAGE.all_of} calls" in " ".join(readme.split())
