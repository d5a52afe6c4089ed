"""`examples/README.md` lists every example, and each has a page."""

from __future__ import annotations

import re

from support.example import EXAMPLES


def test_every_example_has_a_page_and_the_index_leads_to_it() -> None:
    folders = {path.name for path in EXAMPLES.iterdir() if path.is_dir() and path.name != "__pycache__"}
    linked = re.findall(r"^\| \[(\w+)\]\((\w+)/README\.md\) \|", (EXAMPLES / "README.md").read_text(), re.MULTILINE)
    assert all(name == folder for name, folder in linked)
    assert {folder for _, folder in linked} == folders
    assert [folder for folder in folders if not (EXAMPLES / folder / "README.md").is_file()] == []
