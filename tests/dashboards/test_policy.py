"""What docs/policy.md says about the boards, and about moving others to the next names of the GenAI metrics."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

from midstream._telemetry.metrics import METRICS, NEXT_METRICS
from source import names
from source.boards import every_panel

if TYPE_CHECKING:
    from collections.abc import Iterable

    from midstream._telemetry.metrics import Metric

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = (ROOT / "docs" / "policy.md").read_text(encoding="utf-8")
MOVES: Final[list[tuple[str, str]]] = re.findall(r"^\| `(gen_ai_\w+)[^|]*\| `(gen_ai_\w+)", PAGE, re.MULTILINE)
"""The series that the page moves, and to which."""

_ENDING: Final = re.compile(r"_(bucket|count|sum|total)$")


def of_gen_ai(metrics: Iterable[Metric]) -> set[str]:
    return {series for metric in metrics if metric.name.startswith("gen_ai.") for series in names.series_of(metric)}


def test_the_page_moves_every_released_metric_to_series_that_there_are() -> None:
    old, new = ({pair[side] for pair in MOVES} for side in (0, 1))
    released = of_gen_ai(METRICS)
    assert old <= released
    assert {_ENDING.sub("", name) for name in old} == {_ENDING.sub("", name) for name in released}
    assert new <= of_gen_ai(NEXT_METRICS)


def test_the_panels_that_read_gen_ai_metrics_are_those_of_the_page() -> None:
    reading = [
        panel.title for _, panel in every_panel() if any("gen_ai_client" in e for e in panel.expressions.values())
    ]
    after = PAGE[PAGE.index("Seven panels read") :]
    assert reading == re.findall(r"\*\*(.+?)\*\*", after)


def test_no_rule_and_no_alert_reads_one() -> None:
    rules = sorted((ROOT / "dashboards" / "prometheus").glob("*.yaml"))
    assert [path.name for path in rules if "gen_ai_client" in path.read_text(encoding="utf-8")] == []
    assert rules != []
