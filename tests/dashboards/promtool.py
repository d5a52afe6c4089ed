"""Runs promtool on the rules: series in, alerts and samples out.

Promtool spends its time evaluating rules, so each scene gets only those that it needs.
"""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import yaml

from dashboards.boards_promql import metrics_read, parsed
from midstream._telemetry.metrics import NORMAL_FLAGS
from source import names
from source.rules import files
from support.programs import needed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from midstream._outcomes import Outcome

__all__ = ("API", "CHAT", "Fired", "Scene", "Series", "call", "failure", "promtool", "selector", "steady", "waits")

Series = dict[str, str]
"""By selector, the values in promtool's notation, one a minute."""

API = {"job": "api"}
"""A service that is scraped, without a label `service_name`."""

CHAT = {
    names.OPERATION: "chat",
    names.PROVIDER: "anthropic",
    names.MODEL: "claude",
    names.STREAMED: "true",
}
"""The labels of calls by default."""


def steady(a_minute: float, minutes: int) -> str:
    """A counter that begins with 0 and grows each minute."""
    return f"0+{a_minute}x{minutes}"


def call(outcome: Outcome, values: str, **labels: str) -> Series:
    """The series that counts calls with this outcome. Keyword arguments replace the usual labels."""
    return {selector(names.OPERATIONS, _labels(outcome, labels)): values}


def failure(outcome: Outcome, values: str, error_type: str, status: int | None = None, **labels: str) -> Series:
    """The series that has the details of these failed calls."""
    details = {names.ERROR_TYPE: error_type, **({names.STATUS: str(status)} if status else {})}
    return {selector(names.ERRORS, {**_labels(outcome, labels), **details}): values}


def waits(within: str, all_of_them: str) -> Series:
    """The histogram of the longest waits: how many took at most 20.48 s, and how many there were."""
    labels = {**API, **CHAT, names.OUTCOME: "completed"}
    return {
        selector(f"{names.LONGEST_WAIT}_bucket", {**labels, "le": "20.48"}): within,
        selector(f"{names.LONGEST_WAIT}_bucket", {**labels, "le": "+Inf"}): all_of_them,
        selector(f"{names.LONGEST_WAIT}_count", labels): all_of_them,
    }


def selector(metric: str, labels: Mapping[str, str]) -> str:
    """One series with these labels, without the empty ones."""
    pairs = (f'{name}="{value}"' for name, value in labels.items() if value)
    return f"{metric}{{{', '.join(pairs)}}}"


def _labels(outcome: Outcome, others: Mapping[str, str]) -> Mapping[str, str]:
    leaked, misreported = NORMAL_FLAGS[outcome]
    flags = {names.LEAKED: str(leaked).lower(), names.MISREPORTED: str(misreported).lower()}
    return {**API, **CHAT, names.OUTCOME: outcome.value, **flags, **others}


@dataclass(frozen=True)
class Fired:
    """An alert that fires: its labels without its name, and its annotations."""

    labels: Mapping[str, str]
    annotations: Mapping[str, str]


@dataclass(frozen=True)
class Scene:
    """Some series, a moment, and what must be true then."""

    name: str
    series: Series
    at: str
    fired: Mapping[str, Sequence[Fired]] = field(default_factory=dict[str, "Sequence[Fired]"])
    """By name, the alerts that fire. An empty list means that the alert is silent."""
    samples: Mapping[str, Mapping[str, float]] = field(default_factory=dict[str, "Mapping[str, float]"])
    """By expression, the value of each of its series."""
    every: str = "1m"
    """How often the rules are evaluated."""

    def __str__(self) -> str:
        return self.name


def promtool(scene: Scene, folder: Path, rules: Mapping[str, str] | None = None) -> str:
    """What promtool finds wrong with `scene`, by default with the shipped rules. Empty if nothing."""
    groups = _needed(scene, [group for text in (rules or files()).values() for group in yaml.safe_load(text)["groups"]])
    (folder / "rules.yaml").write_text(yaml.safe_dump({"groups": groups}), encoding="utf-8")
    test = folder / "test.yaml"
    test.write_text(yaml.safe_dump(_test(scene, [group["name"] for group in groups])), encoding="utf-8")
    ran = subprocess.run(
        [needed("promtool", "prometheus"), "test", "rules", test.name],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode in {0, 1}, ran.stderr
    assert (ran.returncode == 0) == ("SUCCESS" in ran.stdout), ran.stdout + ran.stderr
    return "" if ran.returncode == 0 else ran.stdout + ran.stderr


def _needed(scene: Scene, groups: Sequence[Any]) -> list[Any]:
    """The groups with the rules that `scene` depends on, and no others."""
    by_name: dict[str, list[Any]] = {}
    for rule in (rule for group in groups for rule in group["rules"]):
        by_name.setdefault(rule.get("alert") or rule["record"], []).append(rule)
    wanted = {*scene.fired, *(name for expression in scene.samples for name in _read(expression, by_name))}
    needed_names = set[str]()
    while wanted:
        needed_names |= wanted
        expressions = [rule["expr"] for name in wanted for rule in by_name.get(name, ())]
        wanted = {name for expression in expressions for name in metrics_read(parsed(expression))} - needed_names
    kept = [
        {**group, "rules": [rule for rule in group["rules"] if (rule.get("alert") or rule["record"]) in needed_names]}
        for group in groups
    ]
    return [group for group in kept if group["rules"]]


def _read(expression: str, rules: Mapping[str, Any]) -> set[str]:
    """The rules that `expression` reads. `ALERTS` without a name reads all alerts."""
    alerts = set(re.findall(r'alertname="(\w+)"', expression))
    read = set(metrics_read(parsed(expression)))
    return read | (alerts or set(rules)) if "ALERTS" in read else read


def _test(scene: Scene, groups: list[str]) -> dict[str, Any]:
    return {
        "rule_files": ["rules.yaml"],
        "evaluation_interval": scene.every,
        "group_eval_order": groups,
        "tests": [
            {
                "name": scene.name,
                "interval": "1m",
                "input_series": [{"series": series, "values": values} for series, values in scene.series.items()],
                "alert_rule_test": [
                    {
                        "eval_time": scene.at,
                        "alertname": name,
                        "exp_alerts": [
                            {"exp_labels": dict(one.labels), "exp_annotations": dict(one.annotations)} for one in fired
                        ],
                    }
                    for name, fired in scene.fired.items()
                ],
                "promql_expr_test": [
                    {
                        "eval_time": scene.at,
                        "expr": expression,
                        "exp_samples": [{"labels": labels, "value": value} for labels, value in samples.items()],
                    }
                    for expression, samples in scene.samples.items()
                ],
            }
        ],
    }
