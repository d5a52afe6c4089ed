"""The pictures of a terminal show real runs, whole, as the commands write now."""

from __future__ import annotations

import re
from html import unescape
from typing import Final

import pytest

import terminal
from midstream._outcomes import Outcome

_TEXT: Final = re.compile(r'<text [^>]*clip-path="url\(#\w+-line-(\d+)\)">(.*?)</text>')
_FAILURE: Final = re.compile(r"\d\d:\d\d:\d\d (\w+) claude-sonnet-5 - [^()]*\(request\s+req_\w+\)")


def shown(name: str) -> str:
    """The text of a picture, line by line."""
    picture = (terminal.IMAGES / f"{name}.svg").read_text(encoding="utf-8")
    assert "@font-face" not in picture
    lines: dict[int, str] = {}
    for line, text in _TEXT.findall(picture):
        lines[int(line)] = lines.get(int(line), "") + unescape(text).replace("\xa0", " ")
    return "\n".join(lines[line].rstrip() for line in sorted(lines))


@pytest.mark.parametrize(("name", "command"), [("demo", terminal.DEMO), ("watch", terminal.WATCH)])
def test_a_picture_begins_with_its_command_and_cuts_nothing(name: str, command: str) -> None:
    text = shown(name)
    assert text.startswith(f"$ {command}\n")
    assert "…" not in text


def test_the_watch_has_every_outcome_open_streams_and_three_kinds_of_failures() -> None:
    text = shown("watch")
    counts = dict(re.findall(r"^(\w+) +(\d+)(?:  .*)?$", text, re.MULTILINE))
    assert counts.keys() == {outcome.value for outcome in Outcome}
    assert re.search(r"success according to HTTP +100 %.*\nactual success +[789]\d\.\d %", text)
    assert re.search(rf"^{sum(map(int, counts.values()))} calls, [1-9] open streams, ", text, re.MULTILINE)
    _, _, failures = text.partition("time to the first chunk")
    assert set(_FAILURE.findall(failures)) == {"in_band_error", "truncated", "transport_error"}


def test_an_animated_picture_shows_one_line_after_the_other() -> None:
    still = terminal.drawn("demo", 40, "midstream demo", "\x1b[1mfirst\x1b[0m\nsecond")
    moving = terminal.animated("demo", still)
    assert [text for _, text in _TEXT.findall(moving)][:3] == ["$&#160;midstream&#160;demo", "first", "second"]
    delays = re.findall(r"\.line-(\d) \{ animation: shown 0s ([\d.]+)s both \}", moving)
    assert delays == [("1", "2.12"), ("2", "2.24")]
