"""The workflows and hooks run what the Makefile has, with the versions of Python that the project supports."""

from __future__ import annotations

import json
import re
import subprocess
from shutil import which
from typing import TYPE_CHECKING, Final

import pytest

from support.export import CHECKOUT

if TYPE_CHECKING:
    from pathlib import Path

CI: Final = CHECKOUT / ".github/workflows/ci.yml"
RELEASE: Final = CHECKOUT / ".github/workflows/release.yml"
MAKEFILE: Final = (CHECKOUT / "Makefile").read_text(encoding="utf-8")
PYTHONS: Final = re.findall(r"Python :: (3\.\d+)", (CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))


def printed_by_make(*arguments: str) -> str:
    make = which("make")
    assert make is not None
    return subprocess.check_output((make, "--silent", *arguments), cwd=CHECKOUT, text=True)


def pythons_in(workflow: Path) -> set[str]:
    return set(re.findall(r"\b3\.\d+\b", workflow.read_text(encoding="utf-8")))


@pytest.mark.parametrize("file", [CI, RELEASE, CHECKOUT / ".pre-commit-config.yaml"], ids=lambda file: file.name)
def test_every_target_is_in_the_makefile(file: Path) -> None:
    named = re.findall(
        r"(?:: make|\.ci/run|\(make)(?: --silent)? ([a-z-]+)(?![$\w-])", file.read_text(encoding="utf-8")
    )
    assert named != []
    assert set(named) <= set(re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE))


def test_the_oldest_and_the_newest_python_are_tested_and_instructions_counted_with_that_of_the_limits() -> None:
    assert pythons_in(CI) >= {PYTHONS[0], "3.11", PYTHONS[-1]}


def test_a_release_is_installed_with_every_python() -> None:
    assert pythons_in(RELEASE) == set(PYTHONS)


def test_the_environments_are_those_of_make_test() -> None:
    tested = re.findall(r"== tests with (sdk-\S+)\"", printed_by_make("--dry-run", "test"))
    assert tested != []
    assert json.loads(printed_by_make("environments")) == tested
