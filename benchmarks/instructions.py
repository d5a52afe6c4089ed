"""The machine instructions that midstream adds per event, per chunk and per question to the body; `make instructions`.

`--check` fails if more is added than `LIMITS` allows. `--calls` counts whole calls, by the real SDK and with
OpenTelemetry's.
"""

from __future__ import annotations

import argparse
import platform
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from counting import Making, count, counted

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from counting import Do


_ITEMS: Final = 2_000

LIMITS: Final[Mapping[str, Mapping[str, int]]] = {
    "3.10": {"events": 796, "async events": 2818, "chunks": 2563, "async chunks": 4965, "questions": 260},
    "3.11": {"events": 515, "async events": 2068, "chunks": 1873, "async chunks": 3567, "questions": 238},
    "3.12": {"events": 529, "async events": 2377, "chunks": 1984, "async chunks": 3900, "questions": 265},
    "3.13": {"events": 417, "async events": 2218, "chunks": 1838, "async chunks": 3808, "questions": 297},
}
"""By version of Python and path, the instructions that may be added per item on x86-64: as measured, a tenth, and 60.

Measured with CPython as its makefile builds it by default; a build that is optimized further is within the tenth. The
60 are what one bytecode instruction costs more where the interpreter does not specialize it, which can depend on code
that has nothing to do with it. What is added in bytecode is held exactly, by tests/reliability/test_instructions.py.
"""


def main() -> None:
    """Counts, prints, and with `--check` judges."""
    parser = argparse.ArgumentParser(
        description="The machine instructions that midstream adds per event, per chunk and per question to the body."
    )
    parser.add_argument("--check", action="store_true", help="fail if more is added than the limits allow")
    parser.add_argument("--calls", action="store_const", dest="what", const="calls", help="count calls, of every kind")
    parser.add_argument("--count", nargs=2, help=argparse.SUPPRESS)
    parser.set_defaults(what="paths")
    arguments = parser.parse_args()
    if arguments.count is not None:
        kind, report = arguments.count
        count(Path(report), _MAKING[kind]())
        return
    what: str = arguments.what
    limits = LIMITS.get(".".join(platform.python_version_tuple()[:2]), {}) if what == "paths" else {}
    if arguments.check and not limits:
        sys.exit("there are limits for the paths only, and none for this version of Python")
    found = counted((__file__, "--count", what))
    print(f"Instructions for each, CPython {platform.python_version()}, {platform.machine()}")
    print(f"{'':52}{'bare':>12}{'observed':>12}{'added':>12}{'limit':>8}")
    for name, one in found.items():
        print(f"{name:52}{one.bare:12,.0f}{one.observed:12,.0f}{one.added:12,.0f}{limits.get(name, '-'):>8}")
    if arguments.check:
        over = [path for path, one in found.items() if one.added > limits[path]]
        if over:
            sys.exit(f"more instructions than allowed: {', '.join(over)}")


# What takes time is imported only here, under valgrind.


def _paths() -> Mapping[str, Making]:
    from event_paths import PATHS, drive  # noqa: PLC0415

    def driving(path: str, *, observed: bool) -> Callable[[], Do]:
        return lambda: partial(drive, path, observed=observed)

    return {path: Making(_ITEMS, driving(path, observed=False), driving(path, observed=True)) for path in PATHS}


def _calls() -> Mapping[str, Making]:
    from in_memory import CALLS  # noqa: PLC0415
    from subjects import MIDSTREAM  # noqa: PLC0415

    return {name: kind.making(MIDSTREAM) for name, kind in CALLS.items()}


_MAKING: Final[Mapping[str, Callable[[], Mapping[str, Making]]]] = {"paths": _paths, "calls": _calls}


if __name__ == "__main__":
    main()
