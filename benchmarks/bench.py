"""Times what midstream adds, against a server in another process: `make bench`. Use an idle machine.

Each figure is the median over rounds of bare, observed, bare. The noise is the difference of two bare runs: a figure
below it says nothing. `instructions.py` counts what is too small to be timed.
"""

from __future__ import annotations

import argparse
import gc
import platform
import resource
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from importlib.metadata import version
from typing import Final, NamedTuple

from in_memory import transport
from open_streams import memory, throughput
from rounds import COLUMNS, measured, row, table
from server import serving
from startup import startup
from subjects import MIDSTREAM, SDK_TRACES, SDK_TRACING, Subject, observed_by, providers
from workloads import CALLS, Workload, run

_FILES: Final = 8192
_MEMORY_ROUNDS: Final = 3
_DISTRIBUTIONS: Final = ("anthropic", "opentelemetry-sdk", "wrapt", "midstream")


class Size(NamedTuple):
    """How much is measured. A run has few calls, so that the speed of the machine changes little between two runs."""

    call_rounds: int
    rounds: int
    calls: int
    streams: int
    events: int


FULL: Final = Size(call_rounds=40, rounds=9, calls=25, streams=1_000, events=500)
QUICK: Final = Size(call_rounds=1, rounds=1, calls=2, streams=20, events=20)


def calls(size: Size) -> Iterator[list[str]]:
    """CPU time of every kind of call that `instructions.py --calls` counts, over the same transport in memory."""
    given = providers()
    answers = transport()
    for base in (None, SDK_TRACING) if SDK_TRACES else (None,):
        for name, workload in CALLS.items():

            def seconds(subject: Subject | None, base: Subject | None = base, workload: Workload = workload) -> float:
                with observed_by(given, base, subject):
                    return run(workload, size.calls, answers) / size.calls

            rounds = measured(partial(seconds, None), partial(seconds, MIDSTREAM), size.call_rounds)
            yield row(f"{name}{', on the SDK span' if base else ''}", "us", 1e6, rounds)


def main() -> None:
    """Prints a Markdown table."""
    parts = ("calls", "memory", "start", "throughput")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", action="append", choices=parts, help="may be repeated")
    parser.add_argument("--quick", action="store_true", help="only shows that everything runs")
    options = parser.parse_args()
    size = QUICK if options.quick else FULL
    _allow_many_files()
    gc.freeze()
    print(f"CPython {platform.python_version()}, {platform.machine()}", end="")
    print(*(f", {name} {version(name)}" for name in _DISTRIBUTIONS), sep="", end="\n\n")
    with serving() as url:
        rows: dict[str, Callable[[], Iterable[list[str]]]] = {
            "calls": lambda: calls(size),
            "memory": lambda: memory(url, size.streams, min(size.rounds, _MEMORY_ROUNDS)),
            "start": lambda: startup(size.rounds),
            "throughput": lambda: throughput(url, size.streams, size.events, size.rounds),
        }
        for part in options.only or parts:
            print(table(COLUMNS, list(rows[part]())), end="\n\n", flush=True)


def _allow_many_files() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _FILES if hard == resource.RLIM_INFINITY else min(hard, _FILES)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))


if __name__ == "__main__":
    main()
