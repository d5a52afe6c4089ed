"""The wheel and the source distribution, and environments with the wheel and no more dependencies than it asks for.

Nothing is fetched: the dependencies are links to what is installed where the tests run.
"""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from dataclasses import dataclass
from importlib.metadata import Distribution, PathDistribution, distribution, distributions
from pathlib import Path
from typing import TYPE_CHECKING, Final
from zipfile import Path as ZippedPath

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from support.commands import Finished

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

__all__ = ("Environment", "Release", "build", "environment", "output", "run")

_PATIENCE_SECONDS: Final = 170.0


@dataclass(frozen=True)
class Release:
    """What is uploaded."""

    wheel: Path
    sdist: Path

    @property
    def metadata(self) -> Distribution:
        """The wheel's metadata."""
        name, version, *_ = self.wheel.name.split("-")
        # It asks for no more than joinpath() and read_text().
        return PathDistribution(ZippedPath(self.wheel, f"{name}-{version}.dist-info/"))


def build(source: Path, folder: Path) -> Release:
    """Both, built from `source` into `folder`."""
    output((sys.executable, "-m", "hatchling", "build", "--directory", folder), source)
    (wheel,) = folder.glob("*.whl")
    (sdist,) = folder.glob("*.tar.gz")
    return Release(wheel, sdist)


@dataclass(frozen=True)
class Environment:
    """A virtual environment into which the wheel was installed."""

    home: Path

    def program(self, name: str) -> Path:
        """Where the program `name` of this environment is."""
        return self.home / "bin" / name

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.program("python")

    @property
    def site_packages(self) -> Path:
        """Where it has its packages."""
        (found,) = self.home.glob("lib/python*/site-packages")
        return found

    @property
    def packages(self) -> frozenset[str]:
        """The names of the distributions that are there."""
        found = distributions(path=[str(self.site_packages)])
        return frozenset(canonicalize_name(package.metadata["name"]) for package in found)


def environment(home: Path, release: Release, extras: Iterable[str] = (), more: Iterable[str] = ()) -> Environment:
    """A new one at `home`, with the wheel and `extras`, and all that they and the requirements `more` bring."""
    venv.create(home, symlinks=True)
    python = home / "bin" / "python"
    pip = ("-m", "pip", "--disable-pip-version-check", "--python", python, "install", "--no-index", "--no-deps")
    output((sys.executable, *pip, "--no-compile", "--quiet", release.wheel), home)
    brought: dict[str, Distribution] = {}
    for wanted in (_needed(release.metadata, frozenset(extras)), map(Requirement, more)):
        for requirement in wanted:
            _bring(requirement, brought)
    made = Environment(home)
    for package in brought.values():
        _link(package, made)
    return made


def _needed(package: Distribution, extras: frozenset[str]) -> Iterator[Requirement]:
    for requirement in map(Requirement, package.requires or ()):
        marker = requirement.marker
        if marker is None or any(marker.evaluate({"extra": extra}) for extra in extras or {""}):
            yield requirement


def _bring(requirement: Requirement, brought: dict[str, Distribution]) -> None:
    name = canonicalize_name(requirement.name)
    if name not in brought or requirement.extras:
        package = brought[name] = distribution(name)
        assert requirement.specifier.contains(package.version, prereleases=True), (requirement, package.version)
        for needed in _needed(package, frozenset(requirement.extras)):
            _bring(needed, brought)


def _link(package: Distribution, where: Environment) -> None:
    """A link for each folder that is a package, and for each file that is in none, as others share what is around."""
    root = Path(str(package.locate_file("")))
    for path in {_whole(root, Path(str(file))) for file in package.files or () if ".." not in file.parts}:
        link = where.site_packages / path
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(root / path)
    for entry in package.entry_points:
        if entry.group == "console_scripts":
            module, function = entry.value.split(":")
            program = where.program(entry.name)
            program.write_text(
                f"#!{where.python}\nimport sys\nfrom {module} import {function}\nsys.exit({function}())\n"
            )
            program.chmod(0o755)


def _whole(root: Path, file: Path) -> Path:
    folders = (*reversed(file.parents[:-1]),)
    whole = (f for f in folders if (root / f / "__init__.py").exists() or f.suffix == ".dist-info")
    return next(whole, file)


def run(command: Sequence[str | Path], folder: Path, **environment: str) -> Finished:
    """Runs `command` in `folder` to its end. What is set where the tests run shows it nothing of the checkout."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "OTEL_", "MIDSTREAM_"))}
    done = subprocess.run(
        command,
        cwd=folder,
        env={**kept, "COLUMNS": "100", **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=_PATIENCE_SECONDS,
    )
    return Finished(done.returncode, done.stdout, done.stderr)


def output(command: Sequence[str | Path], folder: Path, **environment: str) -> str:
    """Its stdout. The command must succeed."""
    done = run(command, folder, **environment)
    assert done.status == 0, done.stdout + done.stderr
    return done.stdout
