"""Whether what is installed is what midstream needs. Looks at the metadata of packages, and imports none."""

from __future__ import annotations

import platform
import sys
from importlib import metadata
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from midstream._cli.doctor.findings import Finding, Health, Subject, in_words
from midstream._guard import attempt
from midstream._instrumentor import INSTRUMENTS
from midstream._version import __version__

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


_NEWEST_PYTHON: Final = (3, 13)
"""The newest that midstream was tried with: see docs/compatibility.md."""

_SDK: Final = "opentelemetry-sdk"
_NO_METADATA: Final = "metadata missing"
_WITHOUT_METADATA: Final = (
    "call AnthropicInstrumentor().instrument() in the program, or keep the dist-info folders "
    "(PyInstaller: --copy-metadata anthropic --copy-metadata midstream); see docs/compatibility.md"
)


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
        return Finding(Subject.ANTHROPIC, Health.WARNING, message, _WITHOUT_METADATA)
    else:
        return Finding(Subject.ANTHROPIC, Health.OK, version)
    return Finding(Subject.ANTHROPIC, Health.PROBLEM, message, remedy)


def _is_absent(package: str, import_error: Exception | None) -> bool:
    return isinstance(import_error, ModuleNotFoundError) and import_error.name in {None, package}


def _dependencies() -> Finding:
    """What midstream cannot do without. It is imported here, so what has no metadata is there."""
    if _version("midstream") is None:
        message = f"midstream's {_NO_METADATA}, and with it what it needs"
        return Finding(Subject.DEPENDENCIES, Health.WARNING, message, _WITHOUT_METADATA)
    wanted = [one for one in _requirements("midstream") if _applies(one)]
    versions = {one: _version(one.name) for one in wanted}
    wrong = [one for one, version in versions.items() if version is not None and not _fits(one, version)]
    if wrong:
        message = "; ".join(f"{one.name} {versions[one]}, not {one.specifier}" for one in wrong)
        quoted = " ".join(f'"{one}"' for one in wrong)
        remedy = f"pip install {quoted}"
        return Finding(Subject.DEPENDENCIES, Health.PROBLEM, message, remedy)
    message = ", ".join(f"{one.name} {version or _NO_METADATA}" for one, version in versions.items())
    return Finding(Subject.DEPENDENCIES, Health.OK, message)


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
    if not there:
        message = f"{_NO_METADATA}: which versions there are cannot be looked up"
        return Finding(Subject.OPENTELEMETRY, Health.WARNING, message, _WITHOUT_METADATA)
    if _version(_SDK) is None and attempt(find_spec, "opentelemetry.sdk") is None:
        remedy = f"pip install {_SDK}, or use the one that your vendor brings"
        return Finding(Subject.OPENTELEMETRY, Health.WARNING, f"{versions}; {_SDK} is not installed", remedy)
    return Finding(Subject.OPENTELEMETRY, Health.OK, versions)


def _opentelemetry_packages() -> Iterable[str]:
    names = {canonicalize_name(str(one.metadata["Name"])) for one in metadata.distributions()}
    return (name for name in names if name.startswith("opentelemetry-"))


def _requirements(package: str) -> list[Requirement]:
    return [Requirement(text) for text in attempt(metadata.requires, package) or ()]


def _applies(requirement: Requirement) -> bool:
    """Whether it is asked for here, and without an extra."""
    return requirement.marker is None or requirement.marker.evaluate({"extra": ""})


def _is_met(requirement: Requirement) -> bool:
    version = _version(requirement.name)
    return version is not None and _fits(requirement, version)


def _fits(requirement: Requirement, version: str) -> bool:
    return attempt(requirement.specifier.contains, version, prereleases=True) is True


def _version(package: str) -> str | None:
    """The version in the package's metadata; None if it has none, or none that can be read."""
    return attempt(metadata.version, package)
