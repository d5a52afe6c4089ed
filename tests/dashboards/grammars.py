"""Grafana's own grammars of TraceQL and LogQL, from npm."""

from __future__ import annotations

import fcntl
import json
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from support.programs import needed

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ("faults_in",)

_HERE: Final = Path(__file__).parent / "grafana_grammars"
_BUILD: Final = Path(__file__).parents[2] / ".venv" / "grammars"
_FILES: Final = ("package.json", "package-lock.json", ".npmrc", "parse.mjs")

_AUTO: Final = re.compile(r"\$__auto\b")
"""Grafana replaces it with a duration. Its other variables are in strings."""


@cache
def faults_in(language: str, query: str) -> Sequence[str]:
    """What the grammar of `language` (`logql` or `traceql`) rejects in `query`, in words."""
    node, problem = needed("node", "nodejs"), _problem()
    if problem:  # also in CI: the queries are right or wrong whether or not npm's registry answers
        pytest.skip(f"npm cannot install the grammars: {problem}")
    wanted = json.dumps({"language": language, "query": _AUTO.sub("5m", query)})
    command = [node, str(_BUILD / "parse.mjs")]
    ran = subprocess.run(command, input=wanted, capture_output=True, text=True, check=True)
    faults: list[Any] = json.loads(ran.stdout)
    return [str(fault) for fault in faults]


@cache
def _problem() -> str:
    """Why the grammars are not installed; empty if they are. A changed version is installed again."""
    command = [needed("npm", "npm"), "ci", "--loglevel=error", "--fetch-retries=0"]
    _BUILD.mkdir(parents=True, exist_ok=True)
    with (_BUILD / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # tests run in several processes
        stale = not (_BUILD / "node_modules").is_dir()
        for name in _FILES:
            if not (_BUILD / name).exists() or (_BUILD / name).read_bytes() != (_HERE / name).read_bytes():
                shutil.copy(_HERE / name, _BUILD / name)
                stale = True
        if not stale:
            return ""
        ran = subprocess.run(command, cwd=_BUILD, capture_output=True, text=True, check=False)
        if ran.returncode == 0:
            return ""
        shutil.rmtree(_BUILD / "node_modules", ignore_errors=True)
        return ran.stderr.strip()[-200:] or f"status {ran.returncode}"
