"""Prometheus takes every expression of the boards."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Final

import pytest
import yaml

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
