"""Phrases that pages, docstrings and messages avoid, and how long pages may be."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from support.blocks import CHECKOUT, PAGES

_AVOID: Final = {
    r"(?<![Tt]here )\bis no (?!longer|more|higher)": "is not a",
    r"(?<![Tt]here )\bis none\b": "is not one",
    r"\b(is|are|was|were|be) told\b": "records, reports",
    r"\btells\b": "reports, shows",
    r"\bwho asks?\b": "a caller",
    r"\b([Ww]hoever|[Ss]omebody|[Nn]obody)\b": "a caller, a reader, a component",
    r"\bof (its|their|our) own\b": "its own",
    r"\bfor good\b": "permanently",
    r"\bat once\b": "immediately, simultaneously",
    r"\bbegins? anew\b": "starts over",
    r"\bput off\b": "deferred",
    r"\bmade up\b": "arbitrary",
    r"\blet go\b": "closed, dropped",
    r"\bis that of\b": "is the ... of",
    r", for (it|there|they) \b": "because",
}
"""By phrase, what to write instead."""

_FOLDERS: Final = ("benchmarks", "dashboards", "docs", "examples", "src", "tests")
_GENERATED: Final = re.compile(
    r"<!-- (?:run|measured): .*?<!-- end -->|<!-- Measured by .*?<!-- Measured until here\. -->", re.DOTALL
)
_TABLE_ROWS: Final = re.compile(r"^\|.*\n", re.MULTILINE)

_MAX_WORDS_IN_DOCS: Final = 12_000
_MAX_LINES_OF_CONTRIBUTING: Final = 120


def _texts() -> list[str]:
    paths = [*CHECKOUT.glob("*.md"), *(path for folder in _FOLDERS for path in (CHECKOUT / folder).rglob("*.*"))]
    texts = [path.relative_to(CHECKOUT) for path in paths if path.suffix in {".md", ".py"} and path != Path(__file__)]
    return sorted(path.as_posix() for path in texts if "node_modules" not in path.parts)


def _written(page: str) -> str:
    """A page without the tables and excerpts that commands write."""
    text = _GENERATED.sub("", (CHECKOUT / page).read_text(encoding="utf-8"))
    return _TABLE_ROWS.sub("", text) if text.startswith("<!-- ") else text


def _found(name: str) -> list[str]:
    text = re.sub(r"\s+(# )?", " ", (CHECKOUT / name).read_text(encoding="utf-8"))
    found = ((better, re.finditer(phrase, text)) for phrase, better in _AVOID.items())
    places = ((better, slice(max(0, m.start() - 40), m.end() + 20)) for better, matches in found for m in matches)
    return [f"{text[place]!r}: write {better!r}" for better, place in places]


def test_texts_avoid_these_phrases() -> None:
    assert {name: found for name in _texts() if (found := _found(name))} == {}


def test_the_pages_in_docs_stay_short() -> None:
    words = {page: len(re.findall(r"\S*\w\S*", _written(page))) for page in PAGES if page.startswith("docs/")}
    assert sum(words.values()) <= _MAX_WORDS_IN_DOCS, words


def test_contributing_fits_on_two_screens() -> None:
    lines = (CHECKOUT / "CONTRIBUTING.md").read_text(encoding="utf-8").splitlines()
    assert len(lines) <= _MAX_LINES_OF_CONTRIBUTING
    assert [line for line in lines if len(line) > 120] == []
