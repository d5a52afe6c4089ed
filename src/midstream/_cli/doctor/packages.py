"""Whether the installed packages are those that midstream needs, by their metadata. Imports none of them."""

from __future__ import annotations

import platform
import sys
from collections.abc import Iterable, Iterator
from importlib import metadata
from importlib.util import find_spec
from typing import Final

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from midstream._cli.doctor.findings import INSTRUMENT_LINE, Finding, Subject, in_words
from midstream._guard import attempt
from midstream._instrumentor import INSTRUMENTS
from midstream._version import __version__

_NEWEST_PYTHON: Final = (3, 14)
"""The newest that midstream was tested with: see docs/compatibility.md."""

_SDK: Final = "opentelemetry-sdk"
_OF_DOCTOR: Final = ("click", "rich")
_NO_METADATA: Final = "metadata missing"
_WITHOUT_METADATA: Final = (
    f"{INSTRUMENT_LINE} (in the program; or keep the dist-info folders, with PyInstaller "
    "--copy-metadata anthropic --copy-metadata midstream; see docs/compatibility.md)"
)


def installed(import_error: Exception | None) -> Iterator[Finding]:
    """What is installed, and whether it fits. `import_error`: what the import of the SDK raised."""
    yield _python()
    yield Subject.MIDSTREAM.ok(__version__)
    yield _anthropic(import_error)
    yield _dependencies()
    yield _opentelemetry()


def is_installed(package: str) -> bool:
    """Whether `package` has metadata here."""
    return _version(package) is not None


def only_of_extra() -> list[str]:
    """What is here only because midstream's extra `cli` requires it, such as an exporter.

    Empty where the installer did not note what was requested.
    """
    if not _is_requested("midstream"):
        return []
    wanted = attempt(metadata.requires, "midstream") or ()
    extra = [_name(needed) for needed in map(Requirement, wanted) if needed.marker is not None]
    brought = _closure(extra)
    installed_here = {canonicalize_name(str(package.metadata["Name"])) for package in metadata.distributions()}
    service = _closure(name for name in installed_here if name not in brought or _is_requested(name))
    return sorted(name for name in {*extra} - {*_OF_DOCTOR} if name in installed_here and name not in service)


def _closure(names: Iterable[str]) -> set[str]:
    """`names` with all that they require without an extra."""
    found, ahead = set[str](), list(names)
    while ahead:
        name = ahead.pop()
        if name not in found:
            found.add(name)
            ahead += map(_name, _requirements(name))
    return found


def _name(requirement: Requirement) -> str:
    return canonicalize_name(requirement.name)


def _is_requested(package: str) -> bool:
    """Whether a user named the package, and it was not only another's requirement. pip and uv note that."""
    found = attempt(metadata.distribution, package)
    return found is not None and attempt(found.read_text, "REQUESTED") is not None


def _python() -> Finding:
    version = platform.python_version()
    if sys.version_info[:2] <= _NEWEST_PYTHON:
        return Subject.PYTHON.ok(version)
    return Subject.PYTHON.warning(f"{version}; midstream was tested up to {'.'.join(map(str, _NEWEST_PYTHON))}")


def _anthropic(import_error: Exception | None) -> Finding:
    wanted = Requirement(*INSTRUMENTS)
    recorded = _version(wanted.name)
    version = recorded or (None if import_error else str(sys.modules[wanted.name].__version__))
    if version is None:
        message = "not installed" if _is_absent(wanted.name, import_error) else f"cannot be imported: {import_error!r}"
    elif not _fits(wanted, version):
        message = f"{version} is not observed: midstream supports {wanted.specifier}"
    elif import_error is not None:
        message = f"{version} cannot be imported: {in_words(import_error)}"
    elif recorded is None:
        message = f"importable as {version}, {_NO_METADATA}: opentelemetry-instrument leaves it out"
        return Subject.ANTHROPIC.warning(message, _WITHOUT_METADATA)
    else:
        return Subject.ANTHROPIC.ok(version)
    return Subject.ANTHROPIC.problem(message, f'pip install "{wanted}"')


def _is_absent(package: str, import_error: Exception | None) -> bool:
    return isinstance(import_error, ModuleNotFoundError) and import_error.name in {None, package}


def _dependencies() -> Finding:
    """What midstream cannot work without. It is imported here, so a package without metadata is there."""
    if _version("midstream") is None:
        message = f"midstream's {_NO_METADATA}, and with it what it needs"
        return Subject.DEPENDENCIES.warning(message, _WITHOUT_METADATA)
    versions = {wanted: _version(wanted.name) for wanted in _requirements("midstream")}
    wrong = [wanted for wanted, version in versions.items() if version is not None and not _fits(wanted, version)]
    if wrong:
        message = "; ".join(f"{wanted.name} {versions[wanted]}, not {wanted.specifier}" for wanted in wrong)
        quoted = " ".join(f'"{wanted}"' for wanted in wrong)
        return Subject.DEPENDENCIES.problem(message, f"pip install {quoted}")
    return Subject.DEPENDENCIES.ok(
        ", ".join(f"{wanted.name} {version or _NO_METADATA}" for wanted, version in versions.items())
    )


def _opentelemetry() -> Finding:
    """OpenTelemetry's packages are released together, and require each other in exact versions."""
    names = {canonicalize_name(str(package.metadata["Name"])) for package in metadata.distributions()}
    found = sorted(name for name in names if name.startswith("opentelemetry-"))
    versions = ", ".join(f"{name.removeprefix('opentelemetry-')} {_version(name)}" for name in found)
    mixed = [
        f"{name} {_version(name)} wants {wanted.name}{wanted.specifier}, not {version}"
        for name in found
        for wanted in _requirements(name)
        if wanted.name.startswith("opentelemetry-")
        and (version := _version(wanted.name))
        and not _fits(wanted, version)
    ]
    if mixed:
        remedy = f"pip install --upgrade {' '.join(found)}"
        return Subject.OPENTELEMETRY.problem(f"mixed versions: {'; '.join(mixed)}", remedy)
    if not found:
        message = f"{_NO_METADATA}: the versions cannot be looked up"
        return Subject.OPENTELEMETRY.warning(message, _WITHOUT_METADATA)
    if _version(_SDK) is None and attempt(find_spec, "opentelemetry.sdk") is None:
        remedy = f"pip install {_SDK} (or use the one that your vendor brings)"
        return Subject.OPENTELEMETRY.warning(f"{versions}; {_SDK} is not installed", remedy)
    return Subject.OPENTELEMETRY.ok(versions)


def _requirements(package: str) -> list[Requirement]:
    """What `package` requires here without an extra."""
    wanted = map(Requirement, attempt(metadata.requires, package) or ())
    return [needed for needed in wanted if needed.marker is None or needed.marker.evaluate({"extra": ""})]


def _fits(requirement: Requirement, version: str) -> bool:
    return attempt(lambda: requirement.specifier.contains(version, prereleases=True)) is True


def _version(package: str) -> str | None:
    """The version in the package's metadata. `None` if it cannot be read."""
    return attempt(metadata.version, package)
