"""An interpreter with the packages of this one but without their metadata, as bundles and frozen programs are."""

from __future__ import annotations

import sys
import sysconfig
import venv
from pathlib import Path
from typing import TYPE_CHECKING, Final

import midstream

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ("pruned",)

_NEEDED: Final = ("httpx2-", "httpcore2-")
"""Packages that cannot be imported without their metadata."""


def pruned(folder: Path, removed: Callable[[str], bool]) -> Path:
    """The interpreter of an environment in `folder`. `removed` says which metadata it lacks, by `name-version`."""
    venv.create(folder, symlinks=True)
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    packages = folder / "lib" / version / "site-packages"
    for found in Path(sysconfig.get_path("purelib")).iterdir():
        name = found.name.removesuffix(".dist-info")
        kept = name == found.name or name.startswith(_NEEDED) or not removed(name)
        if kept and found.suffix != ".pth":
            (packages / found.name).symlink_to(found)
    (packages / "midstream").symlink_to(Path(midstream.__file__).parent)
    return folder / "bin" / "python"
