"""What is in the wheel and in the source distribution, file by file."""

from __future__ import annotations

import subprocess
import sys
import tarfile
from typing import TYPE_CHECKING, Final
from zipfile import ZipFile

import pytest

from midstream import __version__
from release.distribution import Release, build, output
from support.export import CHECKOUT, shipped_files

if TYPE_CHECKING:
    from pathlib import Path

ROOT: Final = f"midstream-{__version__}"
LEFT_OUT: Final = (".ci/", ".gitattributes")
"""What only a checkout needs."""
ADDED: Final = {"PKG-INFO"}


def kept_by_git() -> set[str]:
    """The files of the checkout, those that are not committed yet too."""
    if not (CHECKOUT / ".git").exists():
        pytest.skip("compares with the files that git keeps, and this is not a checkout")
    command = ("git", "ls-files", "--cached", "--others", "--exclude-standard", "-z")
    listed = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=True).stdout
    return {name for name in listed.split("\0") if name and (CHECKOUT / name).exists()}


def in_the(wheel: Path) -> dict[str, bytes]:
    with ZipFile(wheel) as opened:
        return {name: opened.read(name) for name in opened.namelist()}


def test_the_wheel_has_the_package_the_boards_and_its_metadata(release: Release) -> None:
    code = {name.removeprefix("src/") for name in kept_by_git() if name.startswith("src/")}
    programs = {name for name in kept_by_git() if name.startswith(("dashboards/source/", "dashboards/generate.py"))}
    boards = {f"midstream/dashboards/{name}" for name in shipped_files()} | {f"midstream/{name}" for name in programs}
    about = {"METADATA", "RECORD", "WHEEL", "entry_points.txt", "licenses/LICENSE"}
    page = {"midstream/docs/doctor.md"}
    assert set(in_the(release.wheel)) == code | boards | page | {f"{ROOT}.dist-info/{name}" for name in about}
    assert "midstream/py.typed" in code


def test_the_source_distribution_has_the_whole_checkout(release: Release) -> None:
    with tarfile.open(release.sdist) as opened:
        found = {member.name.removeprefix(f"{ROOT}/") for member in opened.getmembers() if member.isfile()}
    assert found == {name for name in kept_by_git() if not name.startswith(LEFT_OUT)} | ADDED


def test_the_wheel_made_of_the_source_distribution_is_the_same_to_the_byte(release: Release, tmp_path: Path) -> None:
    with tarfile.open(release.sdist) as opened:
        opened.extractall(tmp_path, filter="data")
    again = build(tmp_path / ROOT, tmp_path / "dist")
    assert in_the(again.wheel) == in_the(release.wheel)
    assert again.wheel.read_bytes() == release.wheel.read_bytes()
    assert again.sdist.read_bytes() == release.sdist.read_bytes()


def test_an_editable_installation_has_no_copy_of_the_boards(tmp_path: Path) -> None:
    code = "import sys; from hatchling.build import build_editable; build_editable(sys.argv[1])"
    output((sys.executable, "-c", code, tmp_path), CHECKOUT)
    (made,) = tmp_path.glob("*.whl")
    names = set(in_the(made))
    assert [name for name in names if name.endswith(".pth")] != []
    assert [name for name in names if "dashboards" in name] == []
