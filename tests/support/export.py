"""`midstream dashboards export`, run in this process, and what it is to write."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from click.testing import CliRunner

from midstream._cli.app import app
from midstream._cli.console.folder import MARKER

if TYPE_CHECKING:
    from collections.abc import Mapping

    from click.testing import Result

__all__ = ("CHECKOUT", "contents", "export", "shipped_files", "wrote")

CHECKOUT: Final = Path(__file__).parents[2]
_KINDS: Final = {
    "grafana": "*.json",
    "grafana-v2": "*.json",
    "prometheus": "*.yaml",
    "runbooks": "*.md",
    "alertmanager": "*.yaml",
}


def export(*arguments: str | Path) -> Result:
    """Runs the command."""
    return CliRunner().invoke(app, ["dashboards", "export", *map(str, arguments)])


def contents(folder: Path) -> Mapping[str, bytes]:
    """All files below `folder`, the hidden ones too, by relative path, without what an export notes about itself."""
    files = (path for path in folder.rglob("*") if not path.is_dir() and path.name != MARKER)
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def shipped_files(dashboards: Path = CHECKOUT / "dashboards") -> Mapping[str, bytes]:
    """What is exported as it is, by relative path. There is some of each kind."""
    found = {kind: sorted((dashboards / kind).glob(pattern)) for kind, pattern in _KINDS.items()}
    assert all(found.values()), found
    return {f"{kind}/{path.name}": path.read_bytes() for kind, paths in found.items() for path in paths}


def wrote(folder: str | Path) -> str:
    """What the command says when it is done."""
    kinds = [path.partition("/")[0] for path in shipped_files()]
    boards, _, rules, runbooks, _ = map(kinds.count, _KINDS)
    return f"Wrote {boards} boards, {rules} files of rules and {runbooks} runbooks to {folder}.\n"
