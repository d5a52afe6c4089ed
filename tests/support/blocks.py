"""The fenced blocks of the pages that users read."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ("CHECKOUT", "PAGES", "Block", "blocks_in", "prose_of", "quick_start")

CHECKOUT: Final = Path(__file__).parents[2]

_WHERE: Final = (
    "*.md",
    "docs/*.md",
    "tests/*.md",
    "examples/**/*.md",
    "dashboards/*.md",
    "dashboards/prometheus/*.md",
    "registry/*.md",
)
_OF_OTHERS: Final = "node_modules"

PAGES: Final = tuple(
    sorted(
        path.relative_to(CHECKOUT).as_posix()
        for pattern in _WHERE
        for path in CHECKOUT.glob(pattern)
        if _OF_OTHERS not in path.parts
    )
)
"""Every page, by its path in the checkout. The tests of the runbooks are in `dashboards`."""

_FENCE: Final = re.compile(r"(?P<indent> *)(?P<fence>`{3,}|~{3,})(?P<language>[^`]*)")


@dataclass(frozen=True)
class Block:
    """A fenced block: the page and the line of its first fence, its language, and what stands in it."""

    page: str
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}, {self.language or 'no language'}"


def blocks_in(page: str) -> list[Block]:
    """The blocks of a page, from its top to its end. Raises `ValueError` if one does not end."""
    return _parsed(page, _lines(page))[0]


def quick_start() -> tuple[Block, Block]:
    """The commands of README.md's quick start, and what they print. `make test-index` runs them with a real pip."""
    commands, printed, *_ = blocks_in("README.md")
    return commands, printed


def prose_of(page: str) -> str:
    """A page without its blocks."""
    return "\n".join(_parsed(page, _lines(page))[1])


def _lines(page: str) -> list[str]:
    return (CHECKOUT / page).read_text(encoding="utf-8").splitlines()


def _parsed(page: str, lines: Iterable[str]) -> tuple[list[Block], list[str]]:
    blocks: list[Block] = []
    prose: list[str] = []
    numbered = enumerate(lines, start=1)
    for number, line in numbered:
        fence = _FENCE.fullmatch(line)
        if fence is None:
            prose.append(line)
            continue
        inside: list[str] = []
        for _, following in numbered:
            if following.strip() == fence["fence"]:
                break
            inside.append(following.removeprefix(fence["indent"]))
        else:
            message = f"{page}:{number}: the block does not end"
            raise ValueError(message)
        blocks.append(Block(page, number, fence["language"].strip(), "\n".join(inside)))
    return blocks, prose
