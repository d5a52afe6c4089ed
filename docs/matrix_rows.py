"""The rows of docs/compatibility.md, and how one runs: build its environment, run the tests in it, remove it."""

from __future__ import annotations

import hashlib
import json
import platform
import re
import shutil
import signal
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Final, TextIO

__all__ = ("ROOT", "WORK", "CannotRunError", "Result", "Row", "fingerprint", "newest_on_the_index", "rows", "run")

ROOT: Final = Path(__file__).resolve().parent.parent
WORK: Final = ROOT / ".venv" / "matrix"

PYTHONS: Final = ("3.10", "3.11", "3.12", "3.13", "3.14")
DEFAULT_PYTHON: Final = f"{sys.version_info.major}.{sys.version_info.minor}"


def _pinned() -> Iterator[str]:
    for file in (ROOT / "requirements").glob("sdk-*.in"):
        yield from re.findall(r"(?m)^anthropic\S* == (\S+)", file.read_text(encoding="utf-8"))


def _in_order(versions: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(versions), key=lambda version: [int(number) for number in version.split(".")]))


PINNED: Final = _in_order(_pinned())
"""SDK versions with pins: the oldest, the newest, and those that changed something."""
IN_BETWEEN: Final = ("0.79.0", "0.104.0", "1.7.0", "1.17.0", "2.0.0", "2.6.0", "2.11.0")

OPENTELEMETRYS: Final = ("1.30", "1.36")
"""The oldest that pyproject.toml accepts, and an intermediate version."""

_OF_PACKAGES: Final = ("tests/contract", "tests/integration", "--ignore-glob=*/test_cli_*")
"""The tests of what depends on the versions of packages. The others depend on Python, and `make test` runs them all."""

_MINUTES_TO_BUILD: Final = 15
_MINUTES_TO_TEST: Final = 30
_PYTEST_INTERRUPTED: Final = 2


@dataclass(frozen=True)
class Row:
    """One environment. pip chooses every version that is not a field."""

    sdk: str
    python: str = DEFAULT_PYTHON
    wrapt: str = "newest"
    opentelemetry: str = "newest"

    @property
    def name(self) -> str:
        """What distinguishes it; unique."""
        special = [f"Python {self.python}"] * (self.python != DEFAULT_PYTHON)
        special += [f"wrapt {self.wrapt}"] * (self.wrapt != "newest")
        special += [f"OpenTelemetry {self.opentelemetry}"] * (self.opentelemetry != "newest")
        return ", ".join([f"anthropic {self.sdk}", *special])

    @property
    def place(self) -> Path:
        """The folder of its environment."""
        return WORK / self.name.replace(", ", "_").replace(" ", "-").lower()

    def file(self, ending: str) -> Path:
        """The path of its log (`log`) or test report (`xml`)."""
        return self.place.with_name(f"{self.place.name}.{ending}")

    @property
    def tests(self) -> tuple[str, ...]:
        """All tests for a row that is about Python. For the others, those of packages."""
        return () if self.python != DEFAULT_PYTHON else _OF_PACKAGES

    @property
    def requirements(self) -> tuple[str, ...]:
        """The arguments of one `pip install`."""
        return (
            *(f"--requirement={ROOT / 'requirements' / name}" for name in ("common.in", "extras.in")),
            *_opentelemetry(self.opentelemetry),
            f"anthropic[aiohttp,bedrock,vertex] == {self.sdk}",
            "wrapt < 3" if self.wrapt == "newest" else f"wrapt == {self.wrapt}.*",
        )


@dataclass(frozen=True)
class Result:
    """The result of a row."""

    code: str
    """The fingerprint of the tested code."""
    date: str
    system: str
    versions: Mapping[str, str] = field(default_factory=dict[str, str])
    passed: int = 0
    failed: list[str] = field(default_factory=list[str])
    skipped: Mapping[str, int] = field(default_factory=dict[str, int])
    """The number of tests by reason."""
    not_run: str = ""
    """The reason, if the row did not run."""
    commit: str = ""
    """The commit; a plus marks uncommitted changes."""


class CannotRunError(Exception):
    """A row cannot run; the message is the reason."""


def rows(newest_sdk: str = PINNED[-1]) -> tuple[Row, ...]:
    """Return the table. `newest_sdk` is the newest version on the index."""
    oldest_sdk, *borders, _ = PINNED
    table = (
        *(Row(sdk) for sdk in _in_order((*PINNED, *IN_BETWEEN, newest_sdk))),
        *(Row(oldest_sdk, python=python) for python in (PYTHONS[0], PYTHONS[-1])),
        *(Row(newest_sdk, python=python) for python in PYTHONS),
        *(Row(sdk, python=PYTHONS[-1]) for sdk in borders),
        # `make test` has the oldest SDK with the oldest OpenTelemetry.
        *(Row(newest_sdk, wrapt=wrapt) for wrapt in ("1.16", "2.0")),
        *(Row(newest_sdk, opentelemetry=opentelemetry) for opentelemetry in OPENTELEMETRYS),
    )
    return tuple(dict.fromkeys(table))


def _opentelemetry(version: str) -> Iterator[str]:
    pinned = OPENTELEMETRYS[0] if version == "newest" else version
    for line in (ROOT / "requirements" / f"otel-{pinned}.in").read_text(encoding="utf-8").splitlines():
        if line.startswith("opentelemetry-"):
            yield line.partition(" ")[0] if version == "newest" else line


# Running a row


def run(row: Row) -> Result:
    """Build the row's environment, run the tests in it and remove it. A stopped run has no result."""
    code, commit = fingerprint(), _commit()
    WORK.mkdir(parents=True, exist_ok=True)
    versions: Mapping[str, str] = {}
    passed, failed, skipped, not_run = 0, list[str](), dict[str, int](), ""
    with row.file("log").open("w", encoding="utf-8") as log:
        try:
            versions = _build(row, log)
            passed, failed, skipped = _test(row, log)
        except CannotRunError as why:
            not_run = str(why)
        finally:
            shutil.rmtree(row.place, ignore_errors=True)
    date = datetime.now(timezone.utc).date().isoformat()
    system = f"{platform.system()} {platform.machine()}"
    return Result(code, date, system, versions, passed, failed, skipped, not_run, commit)


def _build(row: Row, log: TextIO) -> Mapping[str, str]:
    shutil.rmtree(row.place, ignore_errors=True)
    python = str(row.place / "bin" / "python")
    install = (python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary=:all:")
    commands = (
        (_interpreter(row.python), "-m", "venv", str(row.place)),
        (*install, *row.requirements),
        (*install, "--no-deps", "--no-build-isolation", "--editable", str(ROOT)),
    )
    for command in commands:
        if _status(command, log, minutes=_MINUTES_TO_BUILD):
            message = "the environment could not be built"
            raise CannotRunError(message)
    listed = subprocess.check_output((python, "-m", "pip", "list", "--format=json"), stderr=log, text=True)
    return {package["name"].lower(): package["version"] for package in json.loads(listed)}


def _test(row: Row, log: TextIO) -> tuple[int, list[str], dict[str, int]]:
    report = row.file("xml")
    report.unlink(missing_ok=True)
    pytest = (str(row.place / "bin" / "python"), "-m", "pytest", "-p", "no:cacheprovider")
    status = _status(
        (*pytest, "--numprocesses=auto", f"--junitxml={report}", *row.tests), log, minutes=_MINUTES_TO_TEST
    )
    if status == _PYTEST_INTERRUPTED:
        raise KeyboardInterrupt
    if status not in {0, 1}:
        message = f"the tests did not finish: status {status}"
        raise CannotRunError(message)
    return _counted(ET.parse(report).getroot())  # noqa: S314 - pytest has just written it


def _counted(report: ET.Element) -> tuple[int, list[str], dict[str, int]]:
    passed, failed, skipped = 0, list[str](), Counter[str]()
    for case in report.iter("testcase"):
        if case.find("failure") is not None or case.find("error") is not None:
            failed.append(f"{case.get('classname')}::{case.get('name')}")
        elif (skip := case.find("skipped")) is not None:
            skipped[skip.get("message", "")] += 1
        else:
            passed += 1
    return passed, failed, dict(skipped)


def _status(command: tuple[str, ...], log: TextIO, *, minutes: int) -> int:
    print("$", *command, file=log, flush=True)
    try:
        status = subprocess.run(command, cwd=ROOT, stdout=log, stderr=log, check=False, timeout=minutes * 60).returncode
    except subprocess.TimeoutExpired as error:
        message = f"stopped after {minutes} min"
        raise CannotRunError(message) from error
    if -status in {signal.SIGINT, signal.SIGTERM}:
        raise KeyboardInterrupt
    return status


def _interpreter(version: str) -> str:
    if version == DEFAULT_PYTHON:
        return sys.executable
    candidates = [*Path.home().glob(f".pyenv/versions/{version}.*/bin/python")]
    if on_path := shutil.which(f"python{version}"):
        candidates.insert(0, Path(on_path))
    for candidate in candidates:
        # The command on the path may be a broken shim.
        asked = (str(candidate), "-c", "import sys; print('%d.%d' % sys.version_info[:2])")
        if subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip() == version:
            return str(candidate)
    message = f"Python {version} was not found"
    raise CannotRunError(message)


def fingerprint() -> str:
    """Return what identifies the code and its tests."""
    found = hashlib.sha256()
    for folder in ("src", "tests"):
        for file in sorted((ROOT / folder).rglob("*.py")):
            found.update(str(file.relative_to(ROOT)).encode() + b"\0" + file.read_bytes() + b"\0")
    return found.hexdigest()


def _commit() -> str:
    git = shutil.which("git")
    if git is None:
        return ""
    asked = ((git, "rev-parse", "--short", "HEAD"), (git, "status", "--porcelain", "--", "src", "tests"))
    head, changes = (
        subprocess.run(question, cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()
        for question in asked
    )
    return f"{head}+" if changes else head


def newest_on_the_index() -> str:
    """Return the newest version of the SDK; the newest with pins if the index does not answer."""
    ask = (
        sys.executable,
        "-m",
        "pip",
        "install",
        "--dry-run",
        "--ignore-installed",
        "--no-deps",
        "--only-binary=:all:",
    )
    answer = subprocess.run(
        (*ask, "--quiet", "--report=-", "anthropic < 3"), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False
    )
    if answer.returncode:
        print(f"The index did not answer; using anthropic {PINNED[-1]} as the newest version.", file=sys.stderr)
        return PINNED[-1]
    (package,) = json.loads(answer.stdout)["install"]
    newest = str(package["metadata"]["version"])
    if newest != PINNED[-1]:
        print(
            f"anthropic {newest} is out, but {PINNED[-1]} is the newest with pins: see CONTRIBUTING.md.",
            file=sys.stderr,
        )
    return newest
