"""docs/frameworks.md was measured with the pinned versions: a new version is measured again."""

from __future__ import annotations

import re
from typing import Final

from support.blocks import CHECKOUT

_PAGE: Final = (CHECKOUT / "docs" / "frameworks.md").read_text(encoding="utf-8")
_PINS: Final = ("frameworks.txt", "frameworks-strands.txt")


def test_every_version_on_the_page_is_a_pinned_one() -> None:
    pins = [(CHECKOUT / "requirements" / name).read_text(encoding="utf-8") for name in _PINS]
    pinned = {line for text in pins for line in re.findall(r"^([\w-]+==[\w.]+)", text, re.MULTILINE)}
    rows: list[tuple[str, str, str]] = re.findall(r"^\| `([\w-]+)` \| ([\d.]+) \| ([\d.]+) \|", _PAGE, re.MULTILINE)
    assert rows
    named = {f"{package}=={version}" for package, version, _ in rows} | {f"anthropic=={sdk}" for *_, sdk in rows}
    assert named <= pinned
