"""`midstream watch` in a terminal: a real pseudo-terminal of 80 columns, in which keys are pressed."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from support.terminal import in_terminal
from support.watched import environment_for, program

if TYPE_CHECKING:
    from midstream.faults import FaultServer

pytestmark = [pytest.mark.newest, pytest.mark.skipif(os.name != "posix", reason="has no pseudo-terminals")]

_COMMAND = (sys.executable, "-m", "midstream", "watch")
_WAITS = """
import time
print("stdout is", "a terminal" if sys.stdout.isatty() else "a file")
call("ok", "in_band:overloaded_error")
try:
    time.sleep(60)
except KeyboardInterrupt:
    print("interrupted", flush=True)
    raise
"""


def test_a_screen_shows_the_figures_and_ctrl_c_ends_the_program_with_a_summary(
    server: FaultServer, tmp_path: Path
) -> None:
    command = program(tmp_path, _WAITS)
    with in_terminal(*_COMMAND, "--", *command, **environment_for(server)) as terminal:
        drawn = terminal.wait_for_screen("50.0 %", " - 529 overloaded_error")
        terminal.press("\x03")
        status = terminal.end()
    assert [line for line in drawn if len(line) > 80] == []
    shown = "\n".join(drawn)
    assert "midstream watch" in drawn[0]
    assert re.search(r"success according to HTTP +100 %.*\nactual success +50.0 %", shown)
    assert re.search(r"completed +1\n", shown)
    assert re.search(r"in_band_error +1 +1 misreported", shown)
    assert re.search(r"2 calls, 0 open streams, 86 tokens in, 15 out", shown)
    assert re.search(r" - 529 overloaded_error:\n    Overloaded \(request req_in_band_\d+\)", shown)
    assert "stdout is" not in shown
    assert status == 130
    after = terminal.text()
    assert re.search(r"It ends with\n(    .*\n)+    KeyboardInterrupt\n\nmidstream .*: exit status 130\n", after)
    log = re.search(r"The program's output is in (\S+)\.", after)
    assert log is not None
    written = Path(log[1]).read_text(encoding="utf-8")
    Path(log[1]).unlink()
    assert written.startswith("stdout is a file\ninterrupted\nTraceback")
    assert written.count("KeyboardInterrupt") == 1


def test_a_low_terminal_shows_the_last_failures_that_fit_whole(server: FaultServer, tmp_path: Path) -> None:
    command = program(tmp_path, "call('http:rate_limit_error', *['in_band'] * 4)\ntime.sleep(60)")
    with in_terminal(*_COMMAND, "--quiet", "--", *command, **environment_for(server), LINES="24") as terminal:
        drawn = terminal.wait_for_screen("5 calls")
        terminal.press("\x03")
        terminal.end()
    below = drawn[next(place for place, line in enumerate(drawn) if line.startswith("time to the first chunk")) + 1 :]
    last = len(server.requests)
    assert [line.strip() for line in below[1::2]] == [f"req_in_band_{number:06})" for number in (last - 1, last)]
    assert all(line.endswith(" in_band - 529 overloaded_error: Overloaded (request") for line in below[::2])


def test_with_lines_the_program_keeps_the_terminal(server: FaultServer, tmp_path: Path) -> None:
    command = program(tmp_path, _WAITS)
    with in_terminal(*_COMMAND, "--lines", "--", *command, **environment_for(server)) as terminal:
        terminal.read_until(" - 529 overloaded_error")
        terminal.press("\x03")
        status = terminal.end()
    first, failure, *_ = terminal.text().splitlines()
    assert (status, first) == (130, "stdout is a terminal")
    assert failure.startswith("midstream: ")
    assert "| completed | 1 |" in terminal.text()
