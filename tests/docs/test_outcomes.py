"""docs/outcomes.md shows what the fault server sends, what the SDK raises and what midstream records."""

from __future__ import annotations

import re
import subprocess
import sys

from midstream._outcomes import Outcome
from support.blocks import CHECKOUT

PAGE = (CHECKOUT / "docs" / "outcomes.md").read_text(encoding="utf-8")


def test_the_excerpts_and_tables_match_calls_made_now() -> None:
    done = subprocess.run(
        [sys.executable, CHECKOUT / "docs" / "outcomes.py", "--check"], check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, f"run `make docs`\n{done.stdout}{done.stderr}"
    assert (done.stdout.strip(), done.stderr) == ("", "")


def test_every_outcome_has_a_row_and_a_section_in_its_order() -> None:
    outcomes = [outcome.value for outcome in Outcome]
    assert sorted(re.findall(r"^\| \[`(\w+)`\]\(#\1\)", PAGE, re.MULTILINE)) == sorted(outcomes)
    assert sorted(re.findall(r"^## (\w+)$", PAGE, re.MULTILINE)) == sorted(outcomes)


def test_what_a_section_shows_has_the_outcome_of_its_heading() -> None:
    sections = re.split(r"^## ", PAGE, flags=re.MULTILINE)[1:-1]
    shown = {section.split()[0]: set(re.findall(r"`midstream\.outcome` \| `(\w+)`", section)) for section in sections}
    assert shown == {outcome.value: {outcome.value} for outcome in Outcome}
