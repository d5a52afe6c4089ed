"""Frameworks' own retries and fallbacks survive what is corrected; docs/frameworks.md says what they do otherwise."""

from __future__ import annotations

import subprocess
import sys
from typing import Final

import pytest

from support.blocks import CHECKOUT
from support.framework_trials import TRIALS, Trial, result_of

pytestmark = pytest.mark.timeout(600)

_TRIED: Final = {
    f"{trial.package} {trial.how}, {name}": (trial, fault)
    for trial in TRIALS
    if trial.version is not None
    for fault, name in trial.faults.items()
}


@pytest.mark.parametrize(("trial", "fault"), _TRIED.values(), ids=_TRIED)
def test_the_answer_arrives_whole_when_errors_are_corrected(trial: Trial, fault: str) -> None:
    assert result_of(trial, fault, errors="corrected") == "whole"


def test_the_tables_in_the_documentation_match_calls_made_now() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", CHECKOUT / "docs" / "frameworks.py", "--check"],
        check=False,
        capture_output=True,
        text=True,
        env={"PYTHONPATH": f"{CHECKOUT / 'src'}:{CHECKOUT / 'tests'}"},
    )
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
