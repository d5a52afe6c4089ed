"""`midstream dashboards export` into the folder of an earlier export: it updates it, and lists what has changed."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from midstream._cli.console.folder import MARKER, write_folder
from midstream._cli.console.problem import Problem
from support.export import contents, export, shipped_files

if TYPE_CHECKING:
    from collections.abc import Mapping

GRAFANA = "https://grafana.example.com"
BEFORE: Mapping[str, str] = {"a/same": "same", "a/changed": "old", "b/gone": "gone"}
AFTER: Mapping[str, str] = {"a/same": "same", "a/changed": "new", "c/added": "added"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_folder(str(tmp_path / "new"), BEFORE)
    return tmp_path / "new"


def texts(folder: Path) -> dict[str, str]:
    return {name: text.decode() for name, text in contents(folder).items()}


# The command


def test_with_other_options_it_lists_what_has_changed(tmp_path: Path) -> None:
    export(tmp_path / "new")
    result = export(tmp_path / "new", "--grafana-url", GRAFANA)
    same = len(shipped_files()) - 1
    assert (result.exit_code, result.output.splitlines()) == (
        0,
        [f"Updated {tmp_path / 'new'}: 1 changed, {same} as before.", "  changed  prometheus/midstream-alerts.yaml"],
    )
    assert GRAFANA in (tmp_path / "new" / "prometheus" / "midstream-alerts.yaml").read_text()


def test_in_another_format_the_other_files_go(tmp_path: Path) -> None:
    export(tmp_path / "new")
    export("--format", "kubernetes", tmp_path / "objects")
    assert export("--format", "kubernetes", tmp_path / "new").exit_code == 0
    assert contents(tmp_path / "new") == contents(tmp_path / "objects")
    assert not (tmp_path / "new" / "grafana").exists()


def test_the_same_again_changes_nothing(tmp_path: Path) -> None:
    export(tmp_path / "new")
    result = export(tmp_path / "new")
    assert result.exit_code == 0
    assert result.output.startswith(f"Nothing has changed: {tmp_path / 'new'} has 5 boards, ")
    assert contents(tmp_path / "new") == shipped_files()


# The folder


def test_files_are_added_changed_and_removed(folder: Path) -> None:
    changes = write_folder(str(folder), AFTER)
    assert (changes.added, changes.changed, changes.removed, changes.same) == (
        ("c/added",),
        ("a/changed",),
        ("b/gone",),
        1,
    )
    assert texts(folder) == AFTER
    assert not (folder / "b").exists()


def test_what_others_put_beside_it_stays(folder: Path) -> None:
    (folder / "b" / "mine").write_text("mine")
    write_folder(str(folder), AFTER)
    assert texts(folder) == {**AFTER, "b/mine": "mine"}


@pytest.mark.parametrize("name", ["a/changed", "b/gone"])
def test_a_file_that_was_edited_is_kept_unless_forced(folder: Path, name: str) -> None:
    (folder / name).write_text("edited")
    before = texts(folder)
    with pytest.raises(Problem, match=f"not as the last export wrote it: {name}; --force overwrites"):
        write_folder(str(folder), AFTER)
    assert texts(folder) == before
    write_folder(str(folder), AFTER, force=True)
    assert texts(folder) == AFTER


def test_a_file_that_was_edited_to_what_it_becomes_is_as_it_must_be(folder: Path) -> None:
    (folder / "a" / "changed").write_text("new")
    assert write_folder(str(folder), AFTER).changed == ()


def test_a_file_of_others_in_the_way_is_kept_unless_forced(folder: Path) -> None:
    (folder / "c").mkdir()
    (folder / "c" / "added").write_text("mine")
    with pytest.raises(Problem, match="c/added"):
        write_folder(str(folder), AFTER)
    write_folder(str(folder), AFTER, force=True)
    assert texts(folder) == AFTER


def test_a_folder_of_others_needs_force(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine")
    with pytest.raises(Problem, match="is not empty, and no export wrote it"):
        write_folder(str(tmp_path), AFTER)
    write_folder(str(tmp_path), AFTER, force=True)
    assert texts(tmp_path) == {**AFTER, "mine": "mine"}
    assert write_folder(str(tmp_path), BEFORE).removed == ("c/added",)


@pytest.mark.parametrize("before", range(1, 7))
def test_an_error_half_way_leaves_all_as_it_was(folder: Path, monkeypatch: pytest.MonkeyPatch, before: int) -> None:
    rename, done = Path.rename, list[object]()

    def failing_once(path: Path, target: Path) -> Path:
        done.append(path)
        if len(done) == before:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return rename(path, target)

    there = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    monkeypatch.setattr(Path, "rename", failing_once)
    with pytest.raises(Problem, match=os.strerror(errno.EIO)):
        write_folder(str(folder), AFTER)
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == there
    assert not (folder / "c").exists()


@pytest.mark.parametrize("text", ["", "[]", "{", json.dumps({"../outside": "0"}), json.dumps({"/etc/passwd": "0"})])
def test_notes_that_no_export_wrote_are_refused(folder: Path, text: str) -> None:
    (folder / MARKER).write_text(text)
    with pytest.raises(Problem, match=f"{MARKER} in it cannot be read"):
        write_folder(str(folder), AFTER)
    assert texts(folder) == BEFORE
