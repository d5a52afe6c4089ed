"""The newest SDK that has pins is the newest there is, or was so within a month.

Judged at the date of the commit and not at today's, so a commit that passed once passes for ever: what fails is the
first commit that is made a month too late.
"""

from __future__ import annotations

import re
import subprocess
from datetime import date, timedelta
from shutil import which
from typing import Final

import pytest

from support.export import CHECKOUT

_MONTH: Final = timedelta(days=31)


def _requirements_of_the_newest() -> str:
    (newest,) = re.findall("(?m)^NEWEST := (.*)$", (CHECKOUT / "Makefile").read_text(encoding="utf-8"))
    return (CHECKOUT / "requirements" / f"{newest}.in").read_text(encoding="utf-8")


def _date_of_the_commit() -> date:
    git = which("git")
    if git is None or not (CHECKOUT / ".git").exists():
        pytest.skip("this is not a checkout: there is no commit, and so no date")
    asked = (git, "-c", f"safe.directory={CHECKOUT}", "log", "-1", "--format=%cs")
    return date.fromisoformat(subprocess.check_output(asked, cwd=CHECKOUT, text=True).strip())


def test_the_newest_pin_was_looked_at_within_a_month_of_this_commit() -> None:
    line = re.search("(?m)^anthropic.* == (.*?)  # (released .*)$", _requirements_of_the_newest())
    assert line is not None, "the pin of the newest SDK says when it was released"
    version, said = line.groups()
    age = _date_of_the_commit() - max(map(date.fromisoformat, re.findall(r"\d{4}-\d\d-\d\d", said)))
    assert age <= _MONTH, (
        f"anthropic {version}, the newest that is pinned, is {age.days} days old. `make matrix ARGS=--list` says if "
        'there is a newer one; CONTRIBUTING.md has what to do then, under "A new SDK version". If there is none, write '
        "the day on which you looked behind the pin"
    )
