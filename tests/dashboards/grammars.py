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

from support.programs import needed

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ("faults_in",)

_HERE: Final = Path(__file__).parent / "grafana_grammars"
_BUILD: Final = Path(__file__).parents[2] / ".venv" / "grammars"
_FILES: Final = ("package.json", "package-lock.json", ".npmrc", "parse.mjs")

_AUTO: Final = re.compile(r"\$__auto\b")
"""Grafana writes a duration in its place. Its other variables stand in strings."""


@cache
def faults_in(language: str, query: str) -> Sequence[str]:
    """What the grammar of `language`, `logql` or `traceql`, does not accept in `query`, in words."""
    wanted = json.dumps({"language": language, "query": _AUTO.sub("5m", query)})
    command = [needed("node", "nodejs"), str(_built() / "parse.mjs")]
    ran = subprocess.run(command, input=wanted, capture_output=True, text=True, check=True)
    faults: list[Any] = json.loads(ran.stdout)
    return [str(fault) for fault in faults]


@cache
def _built() -> Path:
    """Where the grammars are installed. They are installed again if their versions have changed."""
    npm = needed("npm", "npm")
    _BUILD.mkdir(parents=True, exist_ok=True)
    with (_BUILD / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # tests run in several processes
        stale = not (_BUILD / "node_modules").is_dir()
        for name in _FILES:
            if not (_BUILD / name).exists() or (_BUILD / name).read_bytes() != (_HERE / name).read_bytes():
                shutil.copy(_HERE / name, _BUILD / name)
                stale = True
        if stale:
            subprocess.run([npm, "ci", "--loglevel=error"], cwd=_BUILD, capture_output=True, text=True, check=True)
    return _BUILD
