"""The generated files are the committed ones, and the check reports differences."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from source.boards import BOARDS

if TYPE_CHECKING:
    from collections.abc import Sequence

DASHBOARDS: Final = Path(__file__).parents[2] / "dashboards"
FOLDERS: Final = ("alertmanager", "grafana", "grafana-v2", "prometheus")


def generate(*arguments: str) -> subprocess.CompletedProcess[str]:
    program = [sys.executable, str(DASHBOARDS / "generate.py"), *arguments]
    return subprocess.run(program, capture_output=True, text=True, check=False, encoding="utf-8")


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("generated")
    assert generate("--folder", str(folder)).returncode == 0
    return folder


@pytest.fixture
def copy(generated: Path, tmp_path: Path) -> Path:
    return shutil.copytree(generated, tmp_path / "copy")


def test_the_committed_files_are_up_to_date() -> None:
    checked = generate("--check")
    assert checked.returncode == 0, f"run `make dashboards`\n{checked.stdout}{checked.stderr}"
    assert (checked.stdout, checked.stderr) == ("The boards and rules are up to date.\n", "")


def test_every_board_has_its_file() -> None:
    assert {path.stem for path in (DASHBOARDS / "grafana").glob("*.json")} == {board.uid for board in BOARDS}


def test_writing_again_changes_nothing(copy: Path) -> None:
    before = contents(copy)
    assert generate("--folder", str(copy)).returncode == 0
    assert contents(copy) == before


def test_the_files_are_made_from_nothing_else(generated: Path) -> None:
    made = contents(generated)
    assert made
    assert made.keys() <= contents(DASHBOARDS).keys()
    assert not any(b"\r" in text for text in made.values())


CHANGES: Final[Sequence[tuple[str, str]]] = (
    ("grafana/midstream-leaked.json", "Leaked exceptions"),
    ("prometheus/midstream-alerts.yaml", "severity"),
)


@pytest.mark.parametrize(("name", "words"), CHANGES, ids=[name for name, _ in CHANGES])
def test_the_check_shows_what_was_edited_by_hand(copy: Path, name: str, words: str) -> None:
    edited = copy / name
    edited.write_text(edited.read_text(encoding="utf-8").replace(words, "Something else", 1), encoding="utf-8")
    before = contents(copy)
    checked = generate("--check", "--folder", str(copy))
    assert checked.returncode == 1
    assert f"--- {name} as it is" in checked.stdout
    assert [line for line in checked.stdout.splitlines() if line.startswith("-") and "Something else" in line]
    assert [line for line in checked.stdout.splitlines() if line.startswith("+") and words in line]
    assert contents(copy) == before


def test_the_check_sees_other_ends_of_lines(copy: Path) -> None:
    edited = copy / "grafana" / "midstream-budget.json"
    edited.write_bytes(edited.read_bytes().replace(b"\n", b"\r\n"))
    checked = generate("--check", "--folder", str(copy))
    assert (checked.returncode, "midstream-budget.json" in checked.stdout) == (1, True)


@pytest.mark.parametrize("folder", FOLDERS)
def test_the_check_names_a_missing_file(copy: Path, folder: str) -> None:
    missing = next(path for path in sorted((copy / folder).iterdir()) if path.name.startswith("midstream"))
    missing.unlink()
    checked = generate("--check", "--folder", str(copy))
    assert (checked.returncode, f"{folder}/{missing.name}: is missing\n") == (1, checked.stdout)


@pytest.mark.parametrize(
    "name", ["grafana/midstream-old.json", "grafana/notes.txt", "prometheus/old.yml", "grafana/old/board.json"]
)
def test_the_check_names_a_stray_file(copy: Path, name: str) -> None:
    (copy / name).parent.mkdir(exist_ok=True)
    (copy / name).write_text("{}", encoding="utf-8")
    checked = generate("--check", "--folder", str(copy))
    assert (checked.returncode, f"{name}: nothing generates it\n") == (1, checked.stdout)
