"""An application is type-checked against what is installed: py.typed is present and right."""

from __future__ import annotations

import json
import shutil
import sys
from typing import TYPE_CHECKING

from release.distribution import output
from support.export import CHECKOUT

if TYPE_CHECKING:
    from pathlib import Path

    from release.distribution import Environment

PUBLIC_NAMES = CHECKOUT / "tests" / "typing" / "public_names.py"
"""What is right, and what must be an error."""


def test_mypy_says_what_is_right_and_what_is_wrong(core: Environment, tmp_path: Path) -> None:
    shutil.copy(PUBLIC_NAMES, tmp_path)
    flags = ("--strict", "--config-file=", f"--cache-dir={tmp_path / 'cache'}", "--python-executable", core.python)
    told = output((sys.executable, "-m", "mypy", *flags, PUBLIC_NAMES.name), tmp_path)
    assert told == "Success: no issues found in 1 source file\n"


def test_so_does_pyright(core: Environment, tmp_path: Path) -> None:
    shutil.copy(PUBLIC_NAMES, tmp_path)
    settings = {"typeCheckingMode": "strict", "reportUnnecessaryTypeIgnoreComment": True}
    (tmp_path / "pyrightconfig.json").write_text(json.dumps(settings))
    told = output((sys.executable, "-m", "pyright", "--pythonpath", core.python, PUBLIC_NAMES.name), tmp_path)
    assert told == "0 errors, 0 warnings, 0 informations\n"
