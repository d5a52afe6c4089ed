"""Counts the machine instructions that midstream adds: `make instructions`.

--paths    per event, per chunk of a body, and per attribute of a body that the SDK reads: prepared items
--streams  per event of a stream that the real SDK reads
--calls    per call and per short stream, with the floor: the same telemetry, recorded by hand
--others   per call, with the SDK's own tracing and OpenTelemetry's instrumentation (`make bench-others`)
--check    fails if more is added than `LIMITS` or, with --calls, `CALL_LIMITS` allows
"""

from __future__ import annotations

import argparse
import platform
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Final

from counting import Countable, count, counted
from rounds import table

_ITEMS: Final = 2_000

LIMITS: Final[Mapping[str, Mapping[str, int]]] = {
    "3.10": {"events": 796, "async events": 2818, "chunks": 2770, "async chunks": 4965, "attributes": 260},
    "3.11": {"events": 515, "async events": 2068, "chunks": 2080, "async chunks": 3567, "attributes": 238},
    "3.12": {"events": 529, "async events": 2377, "chunks": 2190, "async chunks": 3900, "attributes": 265},
    "3.13": {"events": 417, "async events": 2218, "chunks": 2050, "async chunks": 3808, "attributes": 297},
}
"""The maximum that may be added per item on x86-64, by version of Python and path: the measured count, a tenth, and 60.

Measured with CPython built by its makefile's defaults; a build with more optimization is within the tenth. The 60 are
the cost of an instruction that the interpreter does not specialize. tests/reliability/test_instructions.py is exact.
"""

CALL_LIMITS: Final[Mapping[str, Mapping[str, int]]] = {
    "3.11": {
        "call": 824_000,
        "call refused": 772_000,
        "stream": 1_308_000,
        "stream failing after 4 events": 1_370_000,
        "call, on the SDK span": 770_000,
        "call refused, on the SDK span": 680_000,
        "stream, on the SDK span": 1_250_000,
        "stream failing after 4 events, on the SDK span": 1_320_000,
    }
}
"""The maximum that may be added per call, sync and async, by Python and kind of call, with SDK 2.14.0, OpenTelemetry
1.45.1 and wrapt 2.5.2: the goals (800,000, 750,000, 1,270,000 and 1,330,000), and on the SDK's span the highest count
measured, each with 3 %. The layout of the memory alone changes a count by 2 %."""


def main() -> None:
    """Counts, prints a Markdown table, and with `--check` compares with the limits."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    what = parser.add_mutually_exclusive_group()
    for name in ("paths", "streams", "calls", "others"):
        what.add_argument(f"--{name}", dest="what", action="store_const", const=name)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--count", nargs=2, metavar=("WHAT", "FILE"), help=argparse.SUPPRESS)
    parser.set_defaults(what="paths")
    options = parser.parse_args()
    if options.count is not None:
        name, report = options.count
        count(Path(report), _countables(name))
        return
    tables = {"paths": LIMITS, "calls": CALL_LIMITS}.get(options.what, {})
    limits = tables.get(".".join(platform.python_version_tuple()[:2]), {})
    if options.check and not limits:
        sys.exit(f"{options.what} has no limits for this Python; they exist for {', '.join(tables) or 'other options'}")
    counts = counted((__file__, "--count", f"{options.what}{' without floor' if options.check else ''}"))
    if options.what == "streams":
        from in_memory import per_event  # noqa: PLC0415 - imports the SDK

        counts = per_event(counts)
    print(f"Machine instructions, CPython {platform.python_version()}, {platform.machine()}; bare, and what is added\n")
    print(_table(counts))
    if options.check:
        over = [
            name
            for name, found in counts.items()
            if found["midstream"] - found["bare"] > limits[name.replace(", sync", "").replace(", async", "")]
        ]
        if over:
            sys.exit(f"more instructions than allowed: {', '.join(over)}; the limits are {limits}")


def _table(counts: Mapping[str, Mapping[str, float]]) -> str:
    variants = list(dict.fromkeys(variant for found in counts.values() for variant in found))
    rows = [
        [name, *(f"{found[variant] - found['bare'] * (variant != 'bare'):,.0f}" for variant in found)]
        for name, found in counts.items()
    ]
    return table(["", *variants], rows)


def _countables(what: str) -> Mapping[str, Countable]:
    """Imports the SDK and OpenTelemetry: only under valgrind."""
    from event_paths import PATHS, drive  # noqa: PLC0415
    from in_memory import COUNTABLES  # noqa: PLC0415

    if not what.startswith("paths"):
        return COUNTABLES[what]
    observed = {"bare": False, "midstream": True}
    return {
        path: Countable(_ITEMS, {name: partial(partial, drive, path, observed=by) for name, by in observed.items()})
        for path in PATHS
    }


if __name__ == "__main__":
    main()
