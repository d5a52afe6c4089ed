"""Whether what is installed is what midstream needs. Looks at the metadata of packages, and imports none."""

from __future__ import annotations

import platform
import sys
from importlib import metadata
from typing import TYPE_CHECKING, Final

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from midstream.cli.doctor_findings import Finding, Health, Subject, in_words
from midstream.instrumentor import INSTRUMENTS
from midstream.version import __version__

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ("installed",)

_NEWEST_PYTHON: Final = (3, 13)
"""The newest that midstream was tried with: see docs/compatibility.md."""

_SDK: Final = "opentelemetry-sdk"


def installed(import_error: Exception | None) -> Iterator[Finding]:
    """What is there, and whether it fits. `import_error` is what the SDK raised when it was imported."""
    yield _python()
    yield Finding(Subject.MIDSTREAM, Health.OK, __version__)
    yield _anthropic(import_error)
    yield _dependencies()
    yield _opentelemetry()


def _python() -> Finding:
    version = platform.python_version()
    if sys.version_info[:2] <= _NEWEST_PYTHON:
        return Finding(Subject.PYTHON, Health.OK, version)
    tried = ".".join(map(str, _NEWEST_PYTHON))
    return Finding(Subject.PYTHON, Health.WARNING, f"{version}; midstream was tried up to {tried}")


def _anthropic(import_error: Exception | None) -> Finding:
    wanted = Requirement(*INSTRUMENTS)
    remedy = f'pip install "{wanted}"'
    version = _version(wanted.name)
    if version is None:
        return Finding(Subject.ANTHROPIC, Health.PROBLEM, "not installed", remedy)
    if not _fits(wanted, version):
        message = f"{version} is not observed: midstream supports {wanted.specifier}"
    elif import_error is not None:
        message = f"{version} cannot be imported: {in_words(import_error)}"
    else:
        return Finding(Subject.ANTHROPIC, Health.OK, version)
    return Finding(Subject.ANTHROPIC, Health.PROBLEM, message, remedy)


def _dependencies() -> Finding:
    """What midstream cannot do without."""
    wanted = [one for one in _requirements("midstream") if _applies(one)]
    wrong = [one for one in wanted if not _is_met(one)]
    if wrong:
        message = "; ".join(
            f"{one.name} {_version(one.name) or 'is not installed'}, not {one.specifier}" for one in wrong
        )
        quoted = " ".join(f'"{one}"' for one in wrong)
        remedy = f"pip install {quoted}"
        return Finding(Subject.DEPENDENCIES, Health.PROBLEM, message, remedy)
    return Finding(Subject.DEPENDENCIES, Health.OK, ", ".join(f"{one.name} {_version(one.name)}" for one in wanted))


def _opentelemetry() -> Finding:
    """The packages of OpenTelemetry are released together, and ask for each other's exact versions."""
    there = sorted(_opentelemetry_packages())
    versions = ", ".join(f"{name.removeprefix('opentelemetry-')} {_version(name)}" for name in there)
    mixed = [
        f"{name} {_version(name)} wants {one.name}{one.specifier}, not {_version(one.name)}"
        for name in there
        for one in _requirements(name)
        if one.name.startswith("opentelemetry-") and _version(one.name) and _applies(one) and not _is_met(one)
    ]
    if mixed:
        remedy = f"pip install --upgrade {' '.join(there)}"
        return Finding(Subject.OPENTELEMETRY, Health.PROBLEM, f"mixed versions: {'; '.join(mixed)}", remedy)
    if _version(_SDK) is None:
        remedy = f"pip install {_SDK}, or use the one that your vendor brings"
        return Finding(Subject.OPENTELEMETRY, Health.WARNING, f"{versions}; {_SDK} is not installed", remedy)
    return Finding(Subject.OPENTELEMETRY, Health.OK, versions)


def _opentelemetry_packages() -> Iterable[str]:
    names = {canonicalize_name(str(one.metadata["Name"])) for one in metadata.distributions()}
    return (name for name in names if name.startswith("opentelemetry-"))


def _requirements(package: str) -> list[Requirement]:
    return [Requirement(text) for text in metadata.requires(package) or ()]


def _applies(requirement: Requirement) -> bool:
    """Whether it is asked for here, and without an extra."""
    return requirement.marker is None or requirement.marker.evaluate({"extra": ""})


def _is_met(requirement: Requirement) -> bool:
    version = _version(requirement.name)
    return version is not None and _fits(requirement, version)


def _fits(requirement: Requirement, version: str) -> bool:
    return requirement.specifier.contains(version, prereleases=True)


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
