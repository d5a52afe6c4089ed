"""The boards, rules and runbooks that come with midstream."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import midstream
from midstream._cli.console.problem import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


_KINDS: Final = {"grafana": "*.json", "prometheus": "*.yaml", "runbooks": "*.md"}
"""By folder, the files in it that are for users."""


@dataclass(frozen=True)
class Shipped:
    """Texts, by the name of their file."""

    boards: Mapping[str, str]
    rules: Mapping[str, str]
    runbooks: Mapping[str, str]


def shipped() -> Shipped:
    """All of them. Raises `Problem` if this installation lacks some."""
    place = next((place for place in _places() if place.is_dir()), None)
    found = [_texts(place / folder, pattern) if place else {} for folder, pattern in _KINDS.items()]
    if all(found):
        return Shipped(*found)
    message = f"the boards, rules and runbooks are missing from {next(_places())}; install midstream again"
    raise Problem(message)


def _places() -> Iterator[Path]:
    package = Path(midstream.__file__).parent
    yield package / "dashboards"  # where a wheel puts them
    yield package.parents[1] / "dashboards"  # a checkout, with the package in src/


def _texts(folder: Path, pattern: str) -> dict[str, str]:
    return {path.name: path.read_bytes().decode() for path in sorted(folder.glob(pattern))}
