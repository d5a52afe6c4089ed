"""Writes a folder completely or not at all."""

from __future__ import annotations

import os
from contextlib import ExitStack
from pathlib import Path
from shutil import rmtree
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from midstream._cli.console.problem import Problem, shown

if TYPE_CHECKING:
    from collections.abc import Mapping


def write_folder(folder: str, files: Mapping[str, str]) -> None:
    """Writes `files`, texts by relative path, into `folder`: an empty one, or a new one in a folder that exists.

    A new folder appears with everything in it. Raises `Problem` if it cannot be written; then nothing is.
    """
    try:
        target = _checked(folder)
        is_new = not target.is_dir()
        # Beside a new folder, so that one rename does it; within an empty one, which may be a mount.
        with TemporaryDirectory(prefix=".midstream-", dir=target.parent if is_new else target) as temporary:
            made = Path(temporary, "made")
            _write(made, files)
            if is_new:
                made.rename(target)
            else:
                _move_contents(made, target)
    except OSError as error:
        raise _problem(folder, f"cannot be written: {error.strerror or error}") from error


def _checked(folder: str) -> Path:
    path = Path(folder)
    if not folder:
        raise _problem(folder, "must be the name of a folder")
    if path.is_dir():
        if any(path.iterdir()):
            raise _problem(folder, "is not empty; give a folder that is empty or does not exist yet")
    elif os.path.lexists(path):
        raise _problem(folder, "is not a folder; give one that is empty or does not exist yet")
    elif not path.parent.is_dir():
        raise _problem(folder, f"cannot be made: there is no folder {shown(str(path.parent))}")
    return path


def _problem(folder: str, what: str) -> Problem:
    return Problem(f"DIR {shown(folder)}: {what}")


def _write(folder: Path, files: Mapping[str, str]) -> None:
    folder.mkdir()
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(text.encode())


def _move_contents(source: Path, target: Path) -> None:
    with ExitStack() as undo:
        for entry in sorted(source.iterdir()):
            moved = entry.rename(target / entry.name)
            undo.callback(_remove, moved)
        undo.pop_all()


def _remove(path: Path) -> None:
    if path.is_dir():
        rmtree(path)
    else:
        path.unlink()
