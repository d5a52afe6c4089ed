"""What midstream costs: the same with and without it, side by side in one run; the server is another process.

Costs are CPU time of this process. Each figure is the median over many rounds of bare, observed, bare, as a difference
and as a ratio, with the quartiles beside it. The control is bare against bare: what it shows is noise.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cases import calls, events, measure, measure_iterator
from clients import SDK_TRACING
from figures import environment, to_json
from measuring import settle
from memory import allow_many_files, measure_crowd, measure_memory
from server import serving
from sizes import FULL, QUICK
from startup import measure_startup
from subjects import MIDSTREAM
from table import HEADER, row

if TYPE_CHECKING:
    from collections.abc import Iterator

    from figures import Figure
    from sizes import Size
    from subjects import Subject

__all__ = ("figures", "main")

_ITERATOR_ROUNDS = 4
"""Rounds of the isolated iterators, for each of another case: they are short."""


@dataclass(frozen=True)
class Asked:
    """What is to be measured: everything with `only` in its name."""

    size: Size
    pairs: int
    only: str

    def wants(self, key: str) -> bool:
        """Whether the figure is to be measured."""
        return self.only in key


def figures(url: str, subject: Subject, asked: Asked) -> Iterator[Figure]:
    """Every figure, one by one."""
    if subject is MIDSTREAM:
        for flavor in ("sync", "async"):
            if asked.wants(f"event: {flavor}, the iterator alone"):
                yield measure_iterator(flavor, _ITERATOR_ROUNDS * asked.pairs, warm=asked.size.warm)
    for case in (*events(asked.size), *calls(asked.size)):
        if any(asked.wants(one.key) for one in case.measures):
            yield from measure(case, url, subject, asked.pairs, warm=asked.size.warm)
    if subject is MIDSTREAM:
        yield from measure_startup(asked.pairs, asked.wants, warm=asked.size.warm)
    yield from measure_memory(url, subject, asked.size, asked.pairs, asked.wants)
    if asked.wants("throughput"):
        yield from measure_crowd(url, subject, asked.size, asked.pairs)


def main() -> None:
    """Prints a table, and writes JSON if asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, help=f"rounds of bare, observed, bare for each case ({FULL.pairs})")
    parser.add_argument("--only", default="", metavar="TEXT", help="only figures with this text in their name")
    parser.add_argument("--quick", action="store_true", help="only shows that everything runs; the figures say nothing")
    parser.add_argument("--json", type=Path, metavar="FILE", help="writes the figures there too")
    arguments = parser.parse_args()
    size = QUICK if arguments.quick else FULL
    asked = Asked(size, arguments.pairs or size.pairs, arguments.only)
    subjects = (MIDSTREAM, SDK_TRACING)
    allow_many_files()
    settle()
    print(
        ", ".join(f"{name} {what}" for name, what in environment(subjects).items()), f"{asked.pairs} rounds", sep=", "
    )
    print(HEADER)
    told: list[Figure] = []
    with serving() as url:
        for figure in figures(url, MIDSTREAM, asked):
            told.append(figure)
            print(row(figure), flush=True)
    if arguments.json is not None:
        arguments.json.write_text(to_json(told, subjects))


if __name__ == "__main__":
    main()
