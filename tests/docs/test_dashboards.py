"""docs/dashboards.md names every board and every alert, with its severities."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import Any, Final

import yaml

from source.boards import BOARDS
from support.blocks import CHECKOUT

_PAGE: Final = (CHECKOUT / "docs" / "dashboards.md").read_text(encoding="utf-8")


def test_every_alert_has_a_row_with_its_severities() -> None:
    rules: Any = yaml.safe_load((CHECKOUT / "dashboards" / "prometheus" / "midstream-alerts.yaml").read_text("utf-8"))
    severities = defaultdict[str, set[str]](set)
    for rule in (rule for group in rules["groups"] for rule in group["rules"] if "alert" in rule):
        severities[rule["alert"]].add(rule["labels"]["severity"])
    rows = re.findall(r"\[(Midstream\w+)\]\([^)]+/\1\.md\) \| ([\w, ]+) \|", _PAGE)
    assert {alert: set(named.split(", ")) for alert, named in rows} == severities


def test_every_board_has_a_row() -> None:
    assert re.findall(r"\| \[([\w ]+)\]\(\.\./dashboards/README\.md#", _PAGE) == [board.name for board in BOARDS]
