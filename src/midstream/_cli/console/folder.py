"""Writes a folder completely or not at all, and updates it later."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Final, cast

from midstream._cli.console.problem import Problem, shown

__all__ = ("MARKER", "Changes", "write_folder")

MARKER: Final = ".midstream-export"
"""The file in a folder that says what was written into it. It has no suffix, so no program opens it."""

_LISTED: Final = 5
"""How many names a message has at most."""


@dataclass(frozen=True)
class Changes:
    """What an export did to a folder, as relative paths."""

    added: tuple[str, ...]
    changed: tuple[str, ...]
    removed: tuple[str, ...]
    same: int
    """How many files were there already, as they must be."""
    is_update: bool
    """Whether there was something in the folder before."""


def write_folder(folder: str, files: Mapping[str, str], *, force: bool = False) -> Changes:
    """Writes `files`, texts by relative path, into `folder`, or updates what an earlier call wrote.

    A new folder appears with everything in it. A folder that is not empty must be from an earlier call, with its files
    as they were written, unless `force` is set. Raises `Problem` if it cannot be written; then nothing is.
    """
    target = Path(folder)
    try:
        before = _written_before(folder, force=force)
        contents = {name: text.encode() for name, text in files.items()}
        changes = _changes(target, before, contents)
        if not force:
            _refuse_to_overwrite(folder, before, changes)
        contents[MARKER] = _marker(contents)
        is_new = not target.is_dir()
        # Beside a new folder, so that one rename does it; within one that exists, which may be a mount.
        with TemporaryDirectory(prefix=".midstream-", dir=target.parent if is_new else target) as temporary:
            made = Path(temporary, "made")
            written = (*changes.added, *changes.changed, MARKER)
            _write(made, {name: contents[name] for name in written})
            if is_new:
                made.rename(target)
            else:
                _replace(target, made, Path(temporary, "old"), (*written, *changes.removed))
        _remove_empty(target, changes.removed)
    except OSError as error:
        raise _problem(folder, f"cannot be written: {error.strerror or error}") from error
    return changes


def _written_before(folder: str, *, force: bool) -> Mapping[str, str]:
    """By relative path, the digest of each file that an earlier call wrote."""
    path = Path(folder)
    if not folder:
        raise _problem(folder, "must be the name of a folder")
    if not path.is_dir():
        if os.path.lexists(path):
            raise _problem(folder, "is not a folder; give one that is empty or does not exist yet")
        if not path.parent.is_dir():
            raise _problem(folder, f"cannot be made: there is no folder {shown(str(path.parent))}")
        return {}
    if (path / MARKER).is_file():
        return _digests(folder)
    if any(path.iterdir()) and not force:
        raise _problem(
            folder,
            "is not empty, and no export wrote it; give a folder that is empty or does not exist yet, "
            "or --force to write into this one",
        )
    return {}


def _digests(folder: str) -> Mapping[str, str]:
    try:
        found = cast("object", json.loads(Path(folder, MARKER).read_text(encoding="utf-8")))
    except ValueError:
        found = None
    digests = cast("dict[object, object]", found) if isinstance(found, dict) else {None: None}
    if all(_is_inside(name) and isinstance(digest, str) for name, digest in digests.items()):
        return cast("dict[str, str]", digests)
    raise _problem(folder, f"{MARKER} in it cannot be read; delete that file, and give --force")


def _is_inside(name: object) -> bool:
    return isinstance(name, str) and not PurePosixPath(name).is_absolute() and ".." not in PurePosixPath(name).parts


def _changes(target: Path, before: Mapping[str, str], contents: Mapping[str, bytes]) -> Changes:
    there = {name for name in {*before, *contents} if os.path.lexists(target / name)}
    same = {name for name in there & contents.keys() if _read(target / name) == contents[name]}
    return Changes(
        added=tuple(sorted(contents.keys() - there)),
        changed=tuple(sorted((there & contents.keys()) - same)),
        removed=tuple(sorted(there - contents.keys())),
        same=len(same),
        is_update=target.is_dir() and any(target.iterdir()),
    )


def _refuse_to_overwrite(folder: str, before: Mapping[str, str], changes: Changes) -> None:
    edited = [
        name
        for name in (*changes.changed, *changes.removed)
        if before.get(name) != _digest(_read(Path(folder, name)) or b"")
    ]
    if edited:
        more = f" and {len(edited) - _LISTED} more" if len(edited) > _LISTED else ""
        raise _problem(
            folder,
            f"not as the last export wrote it: {', '.join(edited[:_LISTED])}{more}; "
            "--force overwrites or removes what was edited",
        )


def _read(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _marker(contents: Mapping[str, bytes]) -> bytes:
    digests = {name: _digest(content) for name, content in sorted(contents.items())}
    return (json.dumps(digests, indent=1) + "\n").encode()


def _problem(folder: str, what: str) -> Problem:
    return Problem(f"DIR {shown(folder)}: {what}")


def _write(folder: Path, contents: Mapping[str, bytes]) -> None:
    folder.mkdir()
    for name, content in contents.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def _replace(target: Path, made: Path, old: Path, names: tuple[str, ...]) -> None:
    """Moves what is in `made` to its place in `target`, and what was there for `names` into `old`: all or nothing."""
    with ExitStack() as undo:
        for name in names:
            place, new, kept = target / name, made / name, old / name
            if os.path.lexists(place):
                kept.parent.mkdir(parents=True, exist_ok=True)
                place.rename(kept)
                undo.callback(kept.rename, place)
            if new.exists():
                if not place.parent.is_dir():
                    place.parent.mkdir()
                    undo.callback(place.parent.rmdir)
                new.rename(place)
                undo.callback(place.unlink)
        undo.pop_all()


def _remove_empty(target: Path, removed: tuple[str, ...]) -> None:
    for parent in {(target / name).parent for name in removed} - {target}:
        with suppress(OSError):  # it is not empty
            parent.rmdir()
