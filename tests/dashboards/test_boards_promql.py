"""Prometheus accepts every expression of the boards, and their annotations mark the right moments."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Final

import pytest
import yaml

from dashboards.promtool import Scene, call, promtool
from midstream._outcomes import Outcome
from source.annotations import ANNOTATIONS
from source.boards import every_panel, interpolate
from support.programs import needed

if TYPE_CHECKING:
    from pathlib import Path

EXPRESSIONS: Final = [expression for _, panel in every_panel() for expression in panel.expressions.values()]


def check(expressions: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    rules = [{"record": f"board:{place}", "expr": interpolate(one)} for place, one in enumerate(expressions)]
    (folder / "boards.yaml").write_text(yaml.safe_dump({"groups": [{"name": "boards", "rules": rules}]}))
    return subprocess.run(
        [needed("promtool", "prometheus"), "check", "rules", "boards.yaml"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


def test_every_expression_is_valid(tmp_path: Path) -> None:
    checked = check(EXPRESSIONS, tmp_path)
    assert checked.returncode == 0, checked.stderr
    assert f"{len(EXPRESSIONS)} rules found" in checked.stdout
    assert len(EXPRESSIONS) > 60


def test_an_expression_that_is_not_valid_is_found(tmp_path: Path) -> None:
    checked = check([*EXPRESSIONS, "rate(midstream_client_errors_total)"], tmp_path)
    assert checked.returncode == 1
    assert "expected type range vector" in checked.stderr


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_nothing_of_grafana_is_left(expression: str) -> None:
    assert "$" not in interpolate(expression).replace('"$1"', "")


def test_every_annotation_is_valid(tmp_path: Path) -> None:
    checked = check([annotation.expression for annotation in ANNOTATIONS], tmp_path)
    assert checked.returncode == 0, checked.stderr


ANNOTATED: Final = {
    "New versions": (
        {
            'target_info{job="api", instance="a", service_version="1"}': "1x20 _x40",
            'target_info{job="api", instance="b", service_version="2"}': "_x20 1x40",
            'target_info{job="new", instance="c", service_version="1"}': "_x20 1x40",
        },
        {"22m": {'{job="api", service_version="2"}': 1.0}, "30m": {}},
    ),
    "Restarts": (
        {
            **call(Outcome.COMPLETED, "0+1x60", instance="stays"),
            **call(Outcome.COMPLETED, "0+1x20 0+1x40", instance="restarts"),
            **call(Outcome.COMPLETED, "_x20 0+1x40", instance="is new"),
        },
        {"23m": {'{job="api"}': 2.0}, "40m": {}},
    ),
    "Firing alerts": (
        {
            'ALERTS{alertname="MidstreamOutage", alertstate="firing", job="api"}': "1x60",
            'ALERTS{alertname="MidstreamOutage", alertstate="pending", job="api"}': "1x60",
            'ALERTS{alertname="Other", alertstate="firing", job="api"}': "1x60",
        },
        {"30m": {'ALERTS{alertname="MidstreamOutage", alertstate="firing", job="api"}': 1.0}},
    ),
}
"""By the name of an annotation, series, and what it marks at some moments."""


def test_every_annotation_is_here() -> None:
    assert ANNOTATED.keys() == {annotation.name for annotation in ANNOTATIONS}


@pytest.mark.parametrize("name", ANNOTATED)
def test_an_annotation_marks_what_it_is_about(name: str, tmp_path: Path) -> None:
    (asked,) = [interpolate(one.expression) for one in ANNOTATIONS if one.name == name]
    series, moments = ANNOTATED[name]
    for at, marked in moments.items():
        assert promtool(Scene(name, dict(series), at, samples={asked: marked}), tmp_path) == ""
