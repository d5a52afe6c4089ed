"""docs/correcting.md shows what the SDK raises, and what it raises with corrected errors."""

from __future__ import annotations

import subprocess
import sys

from support.blocks import CHECKOUT


def test_the_table_matches_calls_made_now() -> None:
    done = subprocess.run(
        [sys.executable, CHECKOUT / "docs" / "correcting.py", "--check"], check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, f"run `make docs`\n{done.stdout}{done.stderr}"
    assert (done.stdout, done.stderr) == ("", "")
