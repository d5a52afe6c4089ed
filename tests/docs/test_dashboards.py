"""docs/dashboards.md names every board and every alert, with its severities."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import Any, Final

import yaml

from source.boards import BOARDS
from support.blocks import CHECKOUT

_PAGE: Final = (CHECKOUT / "docs" / "dashboards.md").read_text(encoding="utf-8")
_RUNBOOK: Final = re.compile(r"\[(Midstream\w+)\]\([^)]+/\1\.md\)")


def test_every_alert_is_beside_its_severities_with_its_runbook() -> None:
    rules: Any = yaml.safe_load((CHECKOUT / "dashboards" / "prometheus" / "midstream-alerts.yaml").read_text("utf-8"))
    severities = defaultdict[str, set[str]](set)
    for rule in (rule for group in rules["groups"] for rule in group["rules"] if "alert" in rule):
        severities[rule["alert"]].add(rule["labels"]["severity"])
    rows = re.findall(r"^\| ([\w, ]+) \| (\[Midstream.*) \|$", _PAGE, re.MULTILINE)
    links = {alert: set(named.split(", ")) for named, alerts in rows for alert in _RUNBOOK.findall(alerts)}
    assert links == severities


def test_every_board_has_a_row() -> None:
    assert re.findall(r"\| \[([\w ]+)\]\(\.\./dashboards/README\.md#", _PAGE) == [board.name for board in BOARDS]
