"""Times what midstream adds, against a server in another process: `make bench`. Use an idle machine.

Each figure is the median over rounds of bare, observed, bare. The noise is the difference of two bare runs: a figure
below it says nothing. `instructions.py` counts what is too small to be timed.
"""

from __future__ import annotations

import argparse
import gc
import platform
import resource
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from importlib.metadata import version
from typing import Final, NamedTuple

from in_memory import COUNTED_CALLS, CountedCall, transport
from open_streams import memory, throughput
from rounds import COLUMNS, measured, row, table
from server import serving
from startup import startup
from subjects import MIDSTREAM, Subject, observed_by, providers
from workloads import run

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
    given, answers = providers(), transport()
    for name, call in COUNTED_CALLS.items():

        def seconds(subject: Subject | None, call: CountedCall = call) -> float:
            with observed_by(given, call.base, subject):
                return run(call.workload, size.calls, answers) / size.calls

        rounds = measured(partial(seconds, None), partial(seconds, MIDSTREAM), size.call_rounds)
        yield row(name, "us", 1e6, rounds)


_PARTS: Final[Mapping[str, Callable[[str, Size], Iterable[list[str]]]]] = {
    "calls": lambda _url, size: calls(size),
    "memory": lambda url, size: memory(url, size.streams, min(size.rounds, _MEMORY_ROUNDS)),
    "start": lambda _url, size: startup(size.rounds),
    "throughput": lambda url, size: throughput(url, size.streams, size.events, size.rounds),
}


def main() -> None:
    """Prints a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", action="append", choices=_PARTS, help="may be repeated")
    parser.add_argument("--quick", action="store_true", help="only shows that everything runs")
    options = parser.parse_args()
    size = QUICK if options.quick else FULL
    _allow_many_files()
    gc.freeze()
    print(f"CPython {platform.python_version()}, {platform.machine()}", end="")
    print(*(f", {name} {version(name)}" for name in _DISTRIBUTIONS), sep="", end="\n\n")
    with serving() as url:
        for part in options.only or _PARTS:
            print(table(COLUMNS, list(_PARTS[part](url, size))), end="\n\n", flush=True)


def _allow_many_files() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _FILES if hard == resource.RLIM_INFINITY else min(hard, _FILES)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))


if __name__ == "__main__":
    main()
