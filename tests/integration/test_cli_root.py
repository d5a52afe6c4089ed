"""The command line as such: how it is started, interrupted, and completed by a shell."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from midstream import __version__
from support.commands import midstream, midstream_running

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.newest


def test_python_dash_m_midstream_is_the_same_command() -> None:
    done = midstream("--version", PYTHONWARNINGS="error")  # with an environment, it is started so
    assert (done.status, done.stdout, done.stderr) == (0, f"midstream, version {__version__}\n", "")


def test_ctrl_c_ends_a_command_with_status_130_and_without_a_traceback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "waiting.py").write_text("import time\ndef wait():\n    print('waits')\n    time.sleep(100)\n")
    monkeypatch.chdir(tmp_path)
    with midstream_running("doctor", "--setup", "waiting:wait") as command:
        command.read_until("waits")
        done = command.stop(signal.SIGINT)
    assert done.status == 130
    assert "Traceback" not in done.stdout


@pytest.mark.parametrize(
    ("typed", "completed"),
    [("midstream doc", "plain,doctor\n"), ("midstream demo --only reset@0", "plain,reset@0\n")],
)
def test_a_shell_completes_commands_and_faults(typed: str, completed: str) -> None:
    words = {"COMP_WORDS": typed, "COMP_CWORD": str(len(typed.split()) - 1)}
    assert midstream("", _MIDSTREAM_COMPLETE="bash_complete", **words).stdout == completed
