"""Every fenced block of every page is run, or parsed by its program. tests/README.md describes how."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from docs.reading import reader
from support.blocks import PAGES, blocks_in, quick_start

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from _pytest.mark import ParameterSet

pytestmark = pytest.mark.timeout(600)  # each command is a process, on a machine that may be busy


ELSEWHERE = {
    "examples/another_instrumentation/README.md": "tests/neighbours/test_example.py",
    "docs/recipes.md": "tests/index/test_recipes.py",
}
"""Pages that need packages which are not installed here, and the tests that run them."""


def _pages() -> Iterator[ParameterSet]:
    for page in PAGES:
        if blocks_in(page) and page not in ELSEWHERE:
            # tests/examples runs the programs of the examples; their pages run before a release.
            yield pytest.param(page, marks=[pytest.mark.full] if page.startswith("examples/") else [])


@pytest.mark.parametrize("page", [*_pages()])
def test_the_blocks_of_a_page_do_what_the_page_says(page: str, tmp_path: Path) -> None:
    with reader(tmp_path) as person:
        for block in [block for block in blocks_in(page) if block not in quick_start()]:
            try:
                person.do(block)
            except Exception as error:  # noqa: BLE001 - whatever fails, in any language, the message names the block
                pytest.fail(f"{block}: {error}", pytrace=False)
