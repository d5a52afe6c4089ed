"""`midstream dashboards export` out of a wheel, in an environment that has click and nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from zipfile import ZipFile

import click
import pytest

from support.export import CHECKOUT, contents, shipped_files, wrote

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class Installed:
    folder: Path
    command: Path


def run(command: Sequence[str | Path], folder: Path) -> str:
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(command, cwd=folder, env=kept, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Made of the source distribution, as an installation from it makes one."""
    folder = tmp_path_factory.mktemp("wheel")
    build = (sys.executable, "-m", "hatchling", "build", "--directory", folder, "--target")
    run((*build, "sdist"), CHECKOUT)
    (source,) = folder.glob("*.tar.gz")
    run(("tar", "-xzf", source), folder)
    run((*build, "wheel"), folder / source.name.removesuffix(".tar.gz"))
    (made,) = folder.glob("*.whl")
    return made


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    home = tmp_path_factory.mktemp("environment")
    venv.create(home, symlinks=True)
    python = home / "bin" / "python"
    (site,) = home.glob("lib/python*/site-packages")
    (site / "click").symlink_to(Path(click.__file__).parent)
    pip = ("-m", "pip", "--disable-pip-version-check", "--python", python, "install", "--no-index", "--no-deps")
    run((sys.executable, *pip, "--no-compile", "--quiet", wheel), home)
    return Installed(site / "midstream", home / "bin" / "midstream")


def test_the_wheel_has_the_files_and_the_program_that_makes_them_stays_out(wheel: Path) -> None:
    names = [name for name in ZipFile(wheel).namelist() if name.startswith("midstream/dashboards/")]
    assert set(names) >= {f"midstream/dashboards/{name}" for name in shipped_files()}
    assert {name.split("/")[2] for name in names} == {"grafana", "prometheus", "runbooks"}


def test_it_exports_the_same_files_as_the_checkout(installed: Installed, tmp_path: Path) -> None:
    told = run((installed.command, "dashboards", "export", "new"), tmp_path)
    assert told == wrote("new")
    assert contents(tmp_path / "new") == shipped_files()


def test_it_takes_them_from_the_installed_package(installed: Installed, tmp_path: Path) -> None:
    assert shipped_files(installed.folder / "dashboards") == shipped_files()
    told = run((installed.command, "dashboards", "export", "--format", "kubernetes", "new"), tmp_path)
    assert told == wrote("new")


def test_an_editable_installation_has_no_copy_of_them(tmp_path: Path) -> None:
    code = "import sys; from hatchling.build import build_editable; build_editable(sys.argv[1])"
    run((sys.executable, "-c", code, tmp_path), CHECKOUT)
    (made,) = tmp_path.glob("*.whl")
    names = ZipFile(made).namelist()
    assert [name for name in names if name.endswith(".pth")] != []
    assert [name for name in names if "dashboards" in name] == []
