"""Runs the benchmarks with midstream and with every other instrumentation, and writes docs/benchmarks.md.

Who needs one gets an environment of its own, with the pins of requirements/others.txt. The results are kept, each in a
file, so that one can be measured again; the page is written from those that there are. Instructions are counted with
`--instructions`: that takes longer, and may be done beside anything else.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import subprocess
import sys
import time
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from others import ENTRANTS
from page import PAGE, page
from results import read, read_figures

if TYPE_CHECKING:
    from others import Entrant
    from results import Result

__all__ = ("GOALS", "main")

ROOT: Final = Path(__file__).resolve().parent.parent
ENVIRONMENTS: Final = ROOT / ".venv"
RESULTS: Final = ENVIRONMENTS / "benchmarks"
REQUIREMENTS: Final = ROOT / "requirements"
PINS: Final = (REQUIREMENTS / "sdk-2.14.txt", REQUIREMENTS / "others.txt")

GOALS: Final = "goals"
"""The name of what is no comparison: all about midstream, at full length. It takes as long as all others together."""

_OURS_TO_SET: Final = ("ANTHROPIC_", "DD_", "LOGFIRE_", "OTEL_", "PYTHON", "SENTRY_", "TRACELOOP_")
"""How the names of environment variables begin that would change what is measured."""


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(_OURS_TO_SET)}


def _python(name: str) -> Path:
    """The interpreter with everything that `name` needs; builds its environment if the pins have changed."""
    entrant = ENTRANTS.get(name)
    if entrant is None or not entrant.alone:
        return Path(sys.executable)
    place = ENVIRONMENTS / f"bench-{name}"
    python, stamp = place / "bin" / "python", place / ".pins"
    wanted = _fingerprint(entrant)
    if not stamp.is_file() or stamp.read_text(encoding="utf-8") != wanted:
        print(f"== building {place.relative_to(ROOT)}", flush=True)
        subprocess.run([sys.executable, "-m", "venv", "--clear", place], check=True)
        pip = (python, "-m", "pip", "--quiet", "--disable-pip-version-check", "install", "--only-binary", ":all:")
        needed = ("anthropic", "opentelemetry-sdk", "opentelemetry-instrumentation", "wrapt", "hatchling", "editables")
        constraints = [f"--constraint={pins}" for pins in PINS]
        subprocess.run([*pip, *constraints, *needed, entrant.subject.distribution], check=True)
        subprocess.run([*pip, "--no-deps", "--no-build-isolation", "--editable", ROOT], check=True)
        subprocess.run([python, "-m", "pip", "--quiet", "check"], check=True)
        stamp.write_text(wanted, encoding="utf-8")
    return python


def _fingerprint(entrant: Entrant) -> str:
    parts = (sys.version, str(ROOT), entrant.subject.distribution, *(one.read_text(encoding="utf-8") for one in PINS))
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _run(name: str, *, quick: bool, pairs: int | None) -> None:
    """Measures, and keeps what was measured."""
    python = _python(name)
    print(f"== {name}", flush=True)
    told = RESULTS / f"{name}.bench.json"
    program = ["bench.py"] if name == GOALS else ["entrant.py", name]
    asked = [*program, *(["--quick"] if quick else []), *([f"--pairs={pairs}"] if pairs else [])]
    started = time.monotonic()
    subprocess.run([python, *asked, "--json", told], check=True, cwd=ROOT / "benchmarks", env=_environment())
    run: dict[str, Any] = {
        "date": datetime.now(timezone.utc).date().isoformat(),
        "machine": _machine(),
        "seconds": round(time.monotonic() - started, 1),
        "quick": quick,
    }
    kept = {"run": run, "bench": json.loads(told.read_text(encoding="utf-8"))}
    (RESULTS / f"{name}.json").write_text(json.dumps(kept, indent=1), encoding="utf-8")
    told.unlink()


def _count(name: str) -> None:
    """Counts instructions, and keeps them."""
    print(f"== {name}, instructions", flush=True)
    told = RESULTS / f"{name}.instructions.json"
    subprocess.run(
        [_python(name), "entrant_counts.py", name, "--json", told],
        check=True,
        cwd=ROOT / "benchmarks",
        env=_environment(),
    )


def _results() -> dict[str, Result]:
    """All that are kept."""
    found = {name: read(file) for name in (*ENTRANTS, GOALS) if (file := RESULTS / f"{name}.json").is_file()}
    for name, result in found.items():
        file = RESULTS / f"{name}.instructions.json"
        if file.is_file():
            found[name] = replace(result, figures={**result.figures, **read_figures(file)})
    return found


def _machine() -> str:
    known = Path("/proc/cpuinfo")
    lines = known.read_text(encoding="utf-8").splitlines() if known.is_file() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    system = f"{platform.system()} {platform.release()} {platform.machine()}"
    return f"{models[0] if models else platform.processor()}, {os.cpu_count()} cores, {system}"


def main() -> None:
    """Runs what is asked for, and writes the page."""
    names = (*ENTRANTS, GOALS)
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", action="append", choices=names, help=f"may be given several times (all but {GOALS})")
    parser.add_argument("--pairs", type=int, help="rounds of bare, observed, bare")
    parser.add_argument("--quick", action="store_true", help="only shows that everything runs; the figures say nothing")
    parser.add_argument("--instructions", action="store_true", help="counts instructions, and measures nothing")
    parser.add_argument("--page", action="store_true", help="only writes the page, from the results that there are")
    arguments = parser.parse_args()
    if arguments.instructions and GOALS in (arguments.only or ()):
        parser.error(f"instructions are counted of all but {GOALS}")
    RESULTS.mkdir(parents=True, exist_ok=True)
    for name in () if arguments.page else arguments.only or ENTRANTS:
        if arguments.instructions:
            _count(name)
        else:
            _run(name, quick=arguments.quick, pairs=arguments.pairs)
    results = _results()
    PAGE.write_text(page(results, results.pop(GOALS, None)), encoding="utf-8")
    print(f"wrote {PAGE.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
