"""Run the tests with many versions of everything, and write docs/compatibility.md.

Each row of the table has its own environment, which pins only what the row is about. A row with a result for the
current code does not run again, so a stopped run can continue.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import threading
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Final, TextIO

__all__ = ("CannotRunError", "Result", "Row", "page", "rows")

ROOT: Final = Path(__file__).resolve().parent.parent
PAGE: Final = ROOT / "docs" / "compatibility.md"
WORK: Final = ROOT / ".venv" / "matrix"

PYTHONS: Final = ("3.10", "3.11", "3.12", "3.13")
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
    both = (oldest_sdk, newest_sdk)
    table = (
        *(Row(sdk) for sdk in _in_order((*PINNED, *IN_BETWEEN, newest_sdk))),
        *(Row(sdk, python=python) for sdk in both for python in PYTHONS),
        *(Row(sdk, python=PYTHONS[-1]) for sdk in borders),
        *(Row(sdk, wrapt=wrapt) for sdk in both for wrapt in ("1.16", "2.0")),
        *(Row(sdk, opentelemetry=opentelemetry) for sdk in both for opentelemetry in OPENTELEMETRYS),
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
    code, commit = _fingerprint(), _commit()
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
    status = _status((*pytest, "--numprocesses=auto", f"--junitxml={report}"), log, minutes=_MINUTES_TO_TEST)
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


def _fingerprint() -> str:
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


def _newest_on_the_index() -> str:
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


# Keeping the results


def _kept() -> dict[str, Result]:
    """The results by the row's name."""
    try:
        text = (WORK / "results.json").read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    return {name: Result(**result) for name, result in json.loads(text).items()}


def _keep(results: Mapping[str, Result]) -> None:
    new = WORK / "results.json.new"
    new.write_text(json.dumps({name: asdict(result) for name, result in results.items()}, indent=1), encoding="utf-8")
    new.replace(WORK / "results.json")


# The page

_INTRODUCTION: Final = """\
<!-- Written by `make matrix` from docs/matrix.py. Edit that, not this. -->

# Compatibility

For teams that check whether midstream works with their versions of Python, the SDK and OpenTelemetry: what was
tested, and what differs.

All tests ran in each environment, with one scenario of each kind of fault. The first column names what was fixed; pip
chose the other versions on that day. A plus marks a commit with changes. Not tested: Windows, macOS, PyPy, Python 3.14
and later, other SDK versions, a live API.

"""

_OPENTELEMETRY: Final = """
## OpenTelemetry versions

| opentelemetry-api | what midstream does |
| --- | --- |
| 1.30 to 1.34 | records everything; a log event has its name in the attribute `event.name` |
| 1.35 and later, below 2 | records everything |
| below 1.30 | `instrument()` logs one warning with the found and the required version, and changes nothing |

The imported version counts: the OpenTelemetry operator for Kubernetes puts its own ahead of the application's on
`PYTHONPATH`. With 1.30 there and 1.36 or 1.45 in the application, a test finds no difference. The loader of 1.27 and
earlier logs `Instrumenting of anthropic_midstream failed` and loads no further instrumentations. Use a newer operator,
or set `OTEL_PYTHON_DISABLED_INSTRUMENTATIONS=anthropic_midstream` to keep the others.

The Prometheus exporter of 1.30 (`opentelemetry-exporter-prometheus` 0.51b0) mixes up labels when the series of a metric
have different ones: calls with a model, and batch results without. The exporter of 1.31 is correct.
"""

_WITHOUT_METADATA: Final = """
## Programs without package metadata

Frozen programs and pruned bundles often lack the `*.dist-info` folders of their packages.

- **`AnthropicInstrumentor().instrument()` does not need them.** The SDK's `__version__` decides whether it is supported.
  Tests run without metadata of the SDK, midstream, wrapt and OpenTelemetry 1.45; OpenTelemetry 1.30 cannot be imported
  without its own. Tried: a program built by PyInstaller 6.22, without an option for midstream.
- **`opentelemetry-instrument` needs those of midstream and the SDK.** Call `instrument()` in the program, or keep both
  (PyInstaller: `--copy-metadata anthropic --copy-metadata midstream`). `midstream doctor` shows
  `importable as X, metadata missing`.
- **Other packages need theirs.** httpx2 and httpcore2, and so the SDK from 1.0 on, cannot be imported without. Without
  those of OpenTelemetry, create the exporters in the program.
"""

_HEAD: Final = ("environment", "Python", "wrapt", "OpenTelemetry", "HTTP client", "result", "on", "commit")


def page(table: Iterable[Row], results: Mapping[str, Result], written: str = "") -> str:
    """Return the page. A row without a result keeps its line in `written`, the previous page."""
    lines = {cells[0].removeprefix("| "): line for line in written.splitlines() if len(cells := line.split(" | ")) > 1}
    lines = {name: line for name, line in lines.items() if line.count(" | ") == len(_HEAD) - 1}
    text = _INTRODUCTION + _line(_HEAD) + _line(["---"] * len(_HEAD))
    for row in table:
        if row.name in results:
            text += _line(_cells(row, results[row.name]))
        else:
            text += (
                f"{lines[row.name]}\n" if row.name in lines else _line([row.name, *["-"] * 4, "not run yet", "-", "-"])
            )
    sections = _sections([(row, results[row.name]) for row in table if row.name in results])
    return text + _OPENTELEMETRY + _WITHOUT_METADATA + "".join(sections)


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |\n"


def _cells(row: Row, result: Result) -> Iterator[str]:
    yield row.name
    yield row.python
    yield result.versions.get("wrapt", "-")
    yield " / ".join(result.versions.get(f"opentelemetry-{name}", "-") for name in ("api", "instrumentation"))
    yield next((f"{name} {result.versions[name]}" for name in ("httpx2", "httpx") if name in result.versions), "-")
    yield _verdict(result)
    yield f"{result.date}, {result.system}"
    yield result.commit or "-"


def _verdict(result: Result) -> str:
    if result.not_run:
        return f"not run: {result.not_run}"
    counts = ((len(result.failed), "**failed**"), (result.passed, "passed"), (sum(result.skipped.values()), "skipped"))
    return ", ".join(f"{count} {what}" for count, what in counts if count)


def _sections(run: list[tuple[Row, Result]]) -> Iterator[str]:
    failures = {row.name: result.failed for row, result in run if result.failed}
    if failures:
        yield "\n## Failures\n"
    for name, tests in failures.items():
        yield f"\n{name}:\n\n" + "".join(f"- `{test}`\n" for test in tests)
    reasons = Counter(reason for _, result in run for reason in result.skipped)
    if reasons:
        yield "\n## Skipped\n\n" + _line(("reason", "in rows")) + _line(("---", "---"))
    for reason, count in sorted(reasons.items()):
        yield _line((reason.replace("|", "\\|"), str(count)))


# The command


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="FIELD=VALUE",
        help="run only matching rows, such as sdk=0.49, python=3.13, wrapt=1.16 or opentelemetry=1.30; repeatable: a "
        "row must match all",
    )
    parser.add_argument("--again", action="store_true", help="also run rows that have a result")
    parser.add_argument("--list", action="store_true", help="list the rows and their results, without running any")
    parser.add_argument(
        "--jobs", type=int, default=max(1, (os.cpu_count() or 1) // 2), help="concurrent rows (default: %(default)s)"
    )
    found = parser.parse_args()
    for condition in found.only:
        name, equals, _ = condition.partition("=")
        if not equals or name not in Row.__dataclass_fields__:
            parser.error(
                f"invalid --only {condition!r}: expected FIELD=VALUE; fields: {', '.join(Row.__dataclass_fields__)}"
            )
    return found


def _chosen(row: Row, conditions: Iterable[str]) -> bool:
    """Whether every condition names the field's value or a prefix of its version: 0.49 matches 0.49.0, 1.1 not 1.13."""
    pairs = (condition.partition("=") for condition in conditions)
    return all(f"{getattr(row, name)}.".startswith(f"{value}.") for name, _, value in pairs)


def main() -> int:
    """Return the exit status."""
    arguments = _arguments()
    table = rows(_newest_on_the_index())
    results = _kept()
    code = _fingerprint()
    chosen = [row for row in table if _chosen(row, arguments.only)]
    if arguments.list:
        for row in chosen:
            print(f"{row.name}: {_verdict(results[row.name]) if row.name in results else 'not run yet'}")
        return 0
    done = {name for name, result in results.items() if result.code == code and not result.not_run}
    todo = [row for row in chosen if arguments.again or row.name not in done]
    print(f"{len(todo)} of {len(table)} rows to run, {arguments.jobs} at a time; logs are in {WORK}", flush=True)
    for row, result in _all_run(todo, arguments.jobs):
        results[row.name] = result
        print(f"{row.name}: {_verdict(result)}", flush=True)
        _keep(results)
        _write(table, results)
    _write(table, results)
    return 1 if any(results[row.name].failed for row in chosen if row.name in results) else 0


def _write(table: Iterable[Row], results: Mapping[str, Result]) -> None:
    written = PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""
    PAGE.write_text(page(table, results, written), encoding="utf-8")


def _all_run(todo: list[Row], jobs: int) -> Iterator[tuple[Row, Result]]:
    stopped = threading.Event()

    def run_unless_stopped(row: Row) -> tuple[Row, Result] | None:
        return None if stopped.is_set() else (row, run(row))

    with ThreadPoolExecutor(jobs) as pool:
        try:
            for future in as_completed([pool.submit(run_unless_stopped, row) for row in todo]):
                if found := future.result():
                    yield found
        finally:
            stopped.set()


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("Stopped; finished rows are kept.")
