"""docs/doctor.md explains what `midstream doctor` prints."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from midstream._cli.doctor.delivery import MODEL
from midstream._cli.doctor.findings import Health, Subject

PAGE = (Path(__file__).parents[2] / "docs" / "doctor.md").read_text()


def test_every_subject_has_a_row_and_every_row_a_subject() -> None:
    rows = re.findall(r"^\| (`.*?) \|", PAGE.partition("## Lines")[2], re.MULTILINE)
    explained = [name for row in rows for name in re.findall("`(.*?)`", row)]
    in_rows = sorted(explained, key=[subject.value for subject in Subject].index)
    assert in_rows == [subject.value for subject in Subject]


@pytest.mark.parametrize("verdict", [verdict.value for verdict in Health])
def test_every_verdict_is_explained(verdict: str) -> None:
    assert f"`{verdict}`" in PAGE.partition("## Verdicts")[2].partition("## Lines")[0]


def test_the_model_of_the_call_is_named() -> None:
    assert f"`{MODEL}`" in PAGE.partition("## The call")[2]
