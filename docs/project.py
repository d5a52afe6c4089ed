"""Where the repository is, from pyproject.toml."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

__all__ = ("REPOSITORY", "ROOT")

ROOT: Final = Path(__file__).resolve().parent.parent

REPOSITORY: Final[str] = re.findall(
    r'^repository = "([^"]+)"$', (ROOT / "pyproject.toml").read_text(encoding="utf-8"), re.MULTILINE
)[0]
