"""What a page links to or names exists."""

from __future__ import annotations

import re
from typing import Final

import pytest

from support.blocks import CHECKOUT, PAGES, prose_of

_LINK: Final = re.compile(r"\]\(([^()\s]+)\)|(?:src|srcset|href)=\"([^\"]+)\"")
_ELSEWHERE: Final = ("http://", "https://", "mailto:")

_FILE: Final = re.compile(r"`((?:[\w.-]+/)*[\w*-]+\.py)`")
_SHORT_NAMES: Final = {
    "CONTRIBUTING.md": "src/midstream",
    "SECURITY.md": "",
    "docs/reliability.md": "tests/reliability",
    "tests/README.md": "tests/docs",
}
"""By page, the folder of the files that it names without one."""


def _links(page: str) -> list[str]:
    found = (link[1] or link[2] for link in _LINK.finditer(prose_of(page)))
    return [link for link in found if not link.startswith(_ELSEWHERE)]


def _anchors(page: str) -> set[str]:
    """The anchors of its headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", prose_of(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", [page for page in PAGES if _links(page)])
def test_every_link_within_the_repository_leads_somewhere(page: str) -> None:
    dead: list[str] = []
    for link in _links(page):
        path, _, anchor = link.partition("#")
        target = (CHECKOUT / page).parent / path if path else CHECKOUT / page
        if not target.exists() or (anchor and anchor not in _anchors(str(target.relative_to(CHECKOUT)))):
            dead.append(link)
    assert dead == []


def test_every_page_in_docs_is_linked_from_the_readme() -> None:
    assert {page for page in PAGES if page.startswith("docs/")} <= set(_links("README.md"))


@pytest.mark.parametrize("page", _SHORT_NAMES)
def test_the_files_that_a_page_names_exist(page: str) -> None:
    folders = (CHECKOUT, CHECKOUT / _SHORT_NAMES[page])
    named = _FILE.findall(prose_of(page))
    assert named
    assert [name for name in named if not any([*folder.glob(name)] for folder in folders)] == []
