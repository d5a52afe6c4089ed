"""`midstream doctor` repeats the messages of others in one line, without possible secrets."""

from __future__ import annotations

import pytest

from midstream._cli.doctor.findings import in_words, one_line


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("http://me:hunter2@collector:4318/v1/traces", "http://collector:4318/v1/traces"),
        ("https://collector/v1?api-key=hunter2", "https://collector/v1"),
        (
            "Max retries exceeded with url: /v1/traces?key=hunter2 (refused)",
            "Max retries exceeded with url: /v1/traces (refused)",
        ),
        ("is it there? yes", "is it there? yes"),
        ("\n first\nsecond", "first"),
        ("a" * 300, "a" * 197 + "..."),
    ],
)
def test_one_line(text: str, line: str) -> None:
    assert one_line(text) == line


def test_an_exception_has_its_class_before_its_message() -> None:
    assert in_words(OSError("https://me:hunter2@x\nmore")) == "OSError: https://x"
