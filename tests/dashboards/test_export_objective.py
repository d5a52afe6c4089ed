"""`midstream dashboards export --objective 99.5 --window 28d`: the number, thresholds and texts everywhere."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
import yaml

from source.objective import BURNS
from support.commands import midstream
from support.export import contents

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("exported") / "new"
    done = midstream("dashboards", "export", "--objective", "99.5", "--window", "28d", str(folder))
    assert (done.status, done.stderr) == (0, "")
    return folder


def test_the_usual_numbers_are_nowhere(exported: Path) -> None:
    usual = re.compile(r"\(1 - 0\.99\)|/ 0\.01\b|objective of 99 ?%|\b14\.4\b|\b0\.144\b|\b30d\b|\b30 days\b")
    found = {name: usual.findall(text.decode()) for name, text in contents(exported).items()}
    assert {name: numbers for name, numbers in found.items() if numbers} == {}


def test_the_alerts_fire_when_the_same_share_of_the_budget_is_used(exported: Path) -> None:
    groups = yaml.safe_load((exported / "prometheus" / "midstream-alerts.yaml").read_text())["groups"]
    alerts = [rule for group in groups for rule in group["rules"] if rule["alert"] == "MidstreamErrorBudgetBurn"]
    factors = ["13.44", "5.6", "2.8", "1"]
    minimums = [45, 108, 215, 600]  # so many calls that it takes three failures
    for alert, burn, factor, calls in zip(alerts, BURNS, factors, minimums, strict=True):
        limits = re.findall(r"> ([\d.]+) \* \(1 - 0\.995\)", alert["expr"])
        assert limits == [factor, factor]
        assert alert["expr"].endswith(f">= {calls}")
        assert alert["labels"]["long"] == burn.long
        assert "The objective of 99.5% allows 0.5%." in alert["annotations"]["description"]
        assert "error budget for 28d lasts" in alert["annotations"]["summary"]


def test_the_boards_say_and_draw_them(exported: Path) -> None:
    budget = (exported / "grafana" / "midstream-budget.json").read_text()
    assert "the objective of 99.5 % allows in 28d" in budget
    assert "[28d:30m]" in budget
    assert "/ 0.005" in budget
    assert '"value": 13.44' in budget
    assert '"value": 0.995' in (exported / "grafana" / "midstream-outcomes.json").read_text()


def test_the_runbooks_say_them(exported: Path) -> None:
    fleet = (exported / "runbooks" / "MidstreamFleetFailure.md").read_text()
    assert "more than 6.72 % of the calls" in " ".join(fleet.split())
