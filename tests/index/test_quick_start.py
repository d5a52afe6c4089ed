"""README.md's quick start works as written: in a checkout, and elsewhere once a package index has midstream."""

from __future__ import annotations

import shutil
from doctest import ELLIPSIS, OutputChecker
from typing import TYPE_CHECKING, Final

import pytest

from index.installing import PATIENCE_SECONDS, built, environment, ran
from support.blocks import CHECKOUT, quick_start

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.timeout(PATIENCE_SECONDS)

_NOT_CHECKED_OUT: Final = shutil.ignore_patterns(".*", "__pycache__", "node_modules", "dist", "site")


def _sorted(lines: str) -> str:
    """Exporters write in any order."""
    return "".join(sorted(f"{line}\n" for line in lines.splitlines()))


@pytest.mark.parametrize("where", ["in a checkout", "from an index"])
def test_the_block_prints_what_the_page_shows(tmp_path: Path, where: str) -> None:
    commands, printed = quick_start()
    user, known = tmp_path / "user", {}
    if where == "in a checkout":
        shutil.copytree(CHECKOUT, user, ignore=_NOT_CHECKED_OUT)
    else:
        user.mkdir()
        (tmp_path / "released").mkdir()
        known = {"PIP_FIND_LINKS": str(built(tmp_path / "released").parent)}
    told = ran(("bash", "-euc", commands.text), user, environment(**known))
    same = OutputChecker().check_output(_sorted(printed.text), _sorted(told), ELLIPSIS)
    assert same, told
