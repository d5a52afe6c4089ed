"""`midstream dashboards export --prices FILE`: rules with the user's prices, which the panel Money lost reads."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from dashboards.promtool import Scene, promtool
from midstream._cli.dashboards.prices import Prices
from source.prices import PRICE
from support.export import contents, export

if TYPE_CHECKING:
    from pathlib import Path

PRICES = {
    "claude-sonnet-4.5*": {"input": 2, "output": 8},
    "claude-*": {"input": 1, "output": 4.5},
    "free": {"input": 0, "output": 0},
}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "prices.json"
    path.write_text(json.dumps(PRICES))
    return path


@pytest.mark.parametrize(
    ("form", "name"),
    [("files", "prometheus/midstream-prices.yaml"), ("kubernetes", "prometheusrule-midstream-prices.yaml")],
)
def test_the_rules_are_exported_with_the_others(tmp_path: Path, file: Path, form: str, name: str) -> None:
    result = export("--format", form, "--prices", file, tmp_path / "new")
    assert (result.exit_code, " 3 files of rules " in result.output) == (0, True)
    assert PRICE in contents(tmp_path / "new")[name].decode()


def test_the_first_pattern_that_matches_a_model_has_its_price(tmp_path: Path, file: Path) -> None:
    recorded = 'midstream:operations:rate5m{job="api", gen_ai_request_model="%s"}'
    models = ("claude-sonnet-4.5-20250929", "claude-sonnet-4x5", "claude-opus", "free", "another")
    rules = {"prices.yaml": Prices.from_file(str(file)).rules()}
    millionth = f"round({PRICE} * 1e6, 0.1)"
    expected = {
        ("claude-sonnet-4.5-20250929", "input"): 2.0,
        ("claude-sonnet-4.5-20250929", "output"): 8.0,
        ("claude-sonnet-4x5", "input"): 1.0,
        ("claude-sonnet-4x5", "output"): 4.5,
        ("claude-opus", "input"): 1.0,
        ("claude-opus", "output"): 4.5,
        ("free", "input"): 0.0,
        ("free", "output"): 0.0,
    }
    samples = {
        f'{{gen_ai_request_model="{model}", gen_ai_token_type="{kind}"}}': price
        for (model, kind), price in expected.items()
    }
    scene = Scene("prices", {recorded % model: "1x60" for model in models}, "60m", samples={millionth: samples})
    assert promtool(scene, tmp_path, rules) == ""


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "must be JSON with the prices of a million tokens by model"),
        ("[]", "must be JSON with the prices"),
        ("{}", "must be JSON with the prices"),
        ('{"m": 1}', "m needs two numbers, input and output"),
        ('{"m": {"input": 1}}', "m needs two numbers"),
        ('{"m": {"input": 1, "output": "2"}}', "m needs two numbers"),
        ('{"m": {"input": 1, "output": true}}', "m needs two numbers"),
        ('{"m": {"input": 1, "output": -1}}', "m needs two numbers"),
        ('{"m": {"input": 1, "output": NaN}}', "m needs two numbers"),
        ('{"m": {"input": 1, "output": 2, "cache": 3}}', "m needs two numbers"),
    ],
)
def test_another_file_is_refused(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "prices.json"
    file.write_text(text)
    result = export("--prices", file, tmp_path / "new")
    assert (result.exit_code, f"Error: --prices {file}: {said}" in result.stderr) == (2, True)
    assert not (tmp_path / "new").exists()


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    result = export("--prices", tmp_path / "none", tmp_path / "new")
    assert (result.exit_code, f"--prices {tmp_path / 'none'}: cannot be read: No such file" in result.stderr) == (
        2,
        True,
    )
