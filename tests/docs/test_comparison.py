"""docs/comparison.md was measured with the pinned versions: a change of a version needs a new measurement."""

from __future__ import annotations

import re
from typing import Final

from support.blocks import CHECKOUT

_PAGE: Final = (CHECKOUT / "docs" / "comparison.md").read_text(encoding="utf-8")
_PINS: Final = ("sdk-0.125.txt", "sdk-2.14.txt", "alternatives.txt", "neighbours.txt")  # the later counts


def _pinned() -> dict[str, str]:
    lines = "\n".join((CHECKOUT / "requirements" / name).read_text(encoding="utf-8") for name in _PINS)
    return dict(re.findall(r"^([\w.-]+)==(\S+)", lines, re.MULTILINE))


def test_every_version_on_the_page_is_the_pinned_one() -> None:
    rows = dict(re.findall(r"^\| [^|]+ \| `([\w-]+)` \| (\S+) \| \S+ \|$", _PAGE, re.MULTILINE))
    assert rows.pop("midstream")
    pinned = _pinned()
    assert rows
    assert rows == {package: pinned.get(package) for package in rows}


def test_nothing_between_the_markers_is_missing() -> None:
    measured = re.findall(r"<!-- measured: (\w+) -->\n(.*?)<!-- end -->", _PAGE, re.DOTALL)
    assert [name for name, table in measured if "| --- |" not in table] == []
    assert {name for name, _ in measured} == {
        "versions",
        "failures",
        "details",
        "good",
        "changed",
        "metrics",
        "recorded",
    }
