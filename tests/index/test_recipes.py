"""docs/recipes.md: each program, installed and started as its section says, in an empty folder and environment."""

from __future__ import annotations

import re
from contextlib import closing
from doctest import ELLIPSIS, OutputChecker
from socket import create_server
from typing import TYPE_CHECKING, Final

import pytest

from index.installing import PATIENCE_SECONDS, environment, ran
from support.blocks import CHECKOUT, Block, blocks_in

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.timeout(PATIENCE_SECONDS)

_PAGE: Final = "docs/recipes.md"
_BEFORE, *_BLOCKS = blocks_in(_PAGE)
_START: Final = "python3 -m venv environment && . environment/bin/activate"
_MAX_LINES: Final = 20


def _sections() -> dict[str, list[Block]]:
    """By heading, the blocks of each section that has a program."""
    headings = {
        number: line.removeprefix("## ")
        for number, line in enumerate((CHECKOUT / _PAGE).read_text(encoding="utf-8").splitlines(), start=1)
        if line.startswith("## ")
    }
    sections: dict[str, list[Block]] = {}
    for block in _BLOCKS:
        sections.setdefault(headings[max(number for number in headings if number < block.line)], []).append(block)
    return {heading: blocks for heading, blocks in sections.items() if blocks[0].language == "python"}


_SECTIONS: Final = _sections()


@pytest.mark.parametrize("heading", _SECTIONS)
def test_the_program_prints_what_the_page_shows(heading: str, tmp_path: Path, wheels: Path) -> None:
    program, commands, printed = _SECTIONS[heading]
    name = re.match(r"# ([\w.]+)\n", program.text)
    assert name is not None
    (tmp_path / name[1]).write_text(program.text, encoding="utf-8")
    with closing(create_server(("127.0.0.1", 0))) as free:
        port = str(free.getsockname()[1])
    lines = [_START, *(f"{block.text} " for block in (_BEFORE, commands))]
    known = environment(PIP_FIND_LINKS=str(wheels), PIP_QUIET="1")
    told = ran(("bash", "-c", "\n".join(lines).replace("8080", port)), tmp_path, known)
    text = "".join(line for line in told.splitlines(keepends=True) if not re.match(r"\d requests?: ", line))
    log = tmp_path / "log"
    assert OutputChecker().check_output(f"{printed.text}\n", text, ELLIPSIS), told + (
        log.read_text() if log.exists() else ""
    )


@pytest.mark.parametrize("heading", _SECTIONS)
def test_a_program_has_twenty_lines_at_most(heading: str) -> None:
    assert len(list(filter(None, _SECTIONS[heading][0].text.splitlines()))) <= _MAX_LINES
