"""The boards, rules and runbooks that come with midstream."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import midstream
from midstream._cli.console.problem import Problem

if TYPE_CHECKING:
    from collections.abc import Mapping


_PATTERNS: Final = {"grafana": "*.json", "prometheus": "*.yaml", "runbooks": "*.md"}
"""By folder, the files in it that are for users."""


@dataclass(frozen=True)
class Shipped:
    """Texts by file name."""

    boards: Mapping[str, str]
    rules: Mapping[str, str]
    runbooks: Mapping[str, str]


def shipped() -> Shipped:
    """Reads them all. Raises `Problem` if this installation lacks some."""
    package = Path(midstream.__file__).parent
    # Where a wheel has them, and where a checkout has them, with the package in src/.
    folders = (package / "dashboards", package.parents[1] / "dashboards")
    folder = next(filter(Path.is_dir, folders), folders[0])
    found = [_texts(folder / name, pattern) for name, pattern in _PATTERNS.items()]
    if all(found):
        return Shipped(*found)
    message = f"the boards, rules and runbooks are missing from {folders[0]}; install midstream again"
    raise Problem(message)


def _texts(folder: Path, pattern: str) -> dict[str, str]:
    return {path.name: path.read_bytes().decode() for path in sorted(folder.glob(pattern))}
