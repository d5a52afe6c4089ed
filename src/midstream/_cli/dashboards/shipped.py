"""The boards, rules and runbooks that come with midstream, and those that its programs make with other settings."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from midstream._cli.console.problem import Problem
from midstream._cli.console.values import shipped_path
from midstream._cli.dashboards.settings import BoardSettings

_PATTERNS: Final = {
    "grafana": "*.json",
    "grafana-v2": "*.json",
    "prometheus": "*.yaml",
    "runbooks": "*.md",
    "alertmanager": "*.yaml",
}
"""By folder, the files in it that are for users."""


Files = Mapping[str, Mapping[str, str]]
"""By folder, texts by file name."""


def shipped() -> Files:
    """Reads them all. Raises `Problem` if this installation lacks some."""
    folder = shipped_path("dashboards")
    return _sorted({f"{kind}/{name}": text for kind in _PATTERNS for name, text in _texts(folder, kind).items()})


def made(settings: BoardSettings) -> Files:
    """Makes them with these settings. Raises `Problem` if this installation cannot."""
    folder = shipped_path("dashboards")
    # In another process, because the modules of the program have the settings from the moment they are imported.
    path = os.pathsep.join(filter(None, (str(folder), *sys.path)))
    ran = subprocess.run(  # noqa: S603 - this interpreter, with a program of this package
        [sys.executable, str(folder / "generate.py"), "--print"],
        env={**os.environ, **settings.in_environment(), "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    if ran.returncode == 0:
        return _sorted(json.loads(ran.stdout))
    why = (ran.stderr.splitlines() or ["no reason given"])[-1]
    message = f"the boards and rules could not be made: {why}"
    raise Problem(message)


def _texts(folder: Path, kind: str) -> Mapping[str, str]:
    return {path.name: path.read_bytes().decode() for path in sorted((folder / kind).glob(_PATTERNS[kind]))}


def _sorted(files: Mapping[str, str]) -> Files:
    found: dict[str, dict[str, str]] = {kind: {} for kind in _PATTERNS}
    for name, text in files.items():
        kind, _, file_name = name.partition("/")
        found[kind][file_name] = text
    if not all(found.values()):
        message = (
            f"the boards, rules and runbooks are missing from {shipped_path('dashboards')}; install midstream again"
        )
        raise Problem(message)
    return found
