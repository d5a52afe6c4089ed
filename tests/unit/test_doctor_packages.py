"""What `midstream doctor` reports of the installed packages, by their metadata."""

from __future__ import annotations

import importlib
import sys
from importlib import metadata
from typing import TYPE_CHECKING

import pytest

from midstream._cli.doctor.findings import Finding, Health, Subject
from midstream._cli.doctor.packages import installed
from midstream._version import __version__

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Install = Callable[..., None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Puts the metadata of a package before all that is installed."""
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])

    def put(name: str, version: str, *requirements: str) -> None:
        folder = tmp_path / f"{name.replace('-', '_')}-{version}.dist-info"
        folder.mkdir()
        lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
        lines += [f"Requires-Dist: {requirement}" for requirement in requirements]
        (folder / "METADATA").write_text("\n".join(lines) + "\n")
        importlib.invalidate_caches()

    yield put
    importlib.invalidate_caches()


def found(import_error: Exception | None = None) -> dict[Subject, Finding]:
    return {finding.subject: finding for finding in installed(import_error)}


def test_the_packages_of_the_tests_are_ok() -> None:
    assert {finding.verdict for finding in found().values()} == {Health.OK}
    assert found()[Subject.MIDSTREAM].message == __version__
    assert f"wrapt {metadata.version('wrapt')}" in found()[Subject.DEPENDENCIES].message
    assert f"sdk {metadata.version('opentelemetry-sdk')}" in found()[Subject.OPENTELEMETRY].message


@pytest.mark.parametrize("version", ["0.48.1", "3.0.0"])
def test_an_sdk_out_of_range_is_a_problem_with_the_range(install: Install, version: str) -> None:
    install("anthropic", version)
    finding = found()[Subject.ANTHROPIC]
    assert finding.verdict is Health.PROBLEM
    assert finding.message == f"{version} is not observed: midstream supports <3,>=0.49"
    assert finding.remedy == 'pip install "anthropic<3,>=0.49"'


@pytest.mark.parametrize("version", ["0.49.0", "2.99.0", "2.12.0b1"])
def test_an_sdk_in_range_is_ok(install: Install, version: str) -> None:
    install("anthropic", version)
    assert found()[Subject.ANTHROPIC].verdict is Health.OK


def test_an_sdk_that_cannot_be_imported_is_a_problem_with_the_reason() -> None:
    finding = found(ImportError("no module named 'jiter'"))[Subject.ANTHROPIC]
    assert finding.verdict is Health.PROBLEM
    assert finding.message.endswith("cannot be imported: ImportError: no module named 'jiter'")


def test_an_sdk_that_is_not_installed_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    version = metadata.version

    def without(name: str) -> str:
        if name == "anthropic":
            raise metadata.PackageNotFoundError(name)
        return version(name)

    monkeypatch.setattr(metadata, "version", without)
    finding = found(ModuleNotFoundError("No module named 'anthropic'"))[Subject.ANTHROPIC]
    assert (finding.verdict, finding.message) == (Health.PROBLEM, "not installed")


def test_a_dependency_out_of_range_is_a_problem(install: Install) -> None:
    install("wrapt", "1.15.0")
    finding = found()[Subject.DEPENDENCIES]
    assert finding.verdict is Health.PROBLEM
    assert finding.message == "wrapt 1.15.0, not <3,>=1.16"
    assert finding.remedy == 'pip install "wrapt<3,>=1.16"'


def test_opentelemetry_packages_of_two_releases_are_a_problem(install: Install) -> None:
    install("opentelemetry-distro", "0.1b0", "opentelemetry-instrumentation ==0.1b0", "opentelemetry-sdk ~=1.13")
    finding = found()[Subject.OPENTELEMETRY]
    there = metadata.version("opentelemetry-instrumentation")
    assert finding.verdict is Health.PROBLEM
    assert finding.message == (
        f"mixed versions: opentelemetry-distro 0.1b0 wants opentelemetry-instrumentation==0.1b0, not {there}"
    )
    assert finding.remedy is not None
    assert finding.remedy.startswith("pip install --upgrade opentelemetry-api ")


def test_requirements_of_extras_are_ignored(install: Install) -> None:
    install("opentelemetry-other", "1.0", "opentelemetry-api ==0.1; extra == 'old'")
    assert found()[Subject.OPENTELEMETRY].verdict is Health.OK
