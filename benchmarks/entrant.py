"""One of those who are compared, measured in this interpreter: what everybody can be measured by, in less time."""

from __future__ import annotations

import argparse
import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cases import calls, events, measure
from figures import to_json
from loading import measure_loading
from measuring import settle
from memory import allow_many_files, measure_crowd, measure_memory
from others import ENTRANTS
from server import serving
from sizes import FULL, QUICK
from table import HEADER, row

if TYPE_CHECKING:
    from collections.abc import Iterator

    from figures import Figure
    from sizes import Size

__all__ = ("figures", "main")

_SIZE: Final = replace(
    FULL,
    pairs=8,
    lengths=(2_000,),
    calls=10,
    call_rounds=5,
    open=200,
    open_deep=5,
    deep=2_000,
    crowd_events=100,
)
_QUICK: Final = replace(QUICK, lengths=(100,))


def figures(url: str, name: str, size: Size) -> Iterator[Figure]:
    """Every figure, one by one."""
    subject = ENTRANTS[name].subject
    for case in (*events(size), *calls(size)):
        if case.base is None:  # only midstream stands on the SDK's spans
            yield from measure(case, url, subject, size.pairs, warm=size.warm)
    yield measure_loading(name, subject, size.pairs)
    yield from measure_memory(url, subject, size, size.pairs, lambda _: True)
    yield from measure_crowd(url, subject, size, size.pairs)


def main() -> None:
    """Prints a table, and writes JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=ENTRANTS)
    rounds = f"rounds of bare, observed, bare for a case ({_SIZE.pairs}); {_SIZE.call_rounds} times as many for calls"
    parser.add_argument("--pairs", type=int, help=rounds)
    parser.add_argument("--quick", action="store_true", help="only shows that everything runs; the figures say nothing")
    parser.add_argument("--json", type=Path, metavar="FILE", required=True)
    arguments = parser.parse_args()
    size = _QUICK if arguments.quick else _SIZE
    size = replace(size, pairs=arguments.pairs or size.pairs)
    os.environ.update(ENTRANTS[arguments.name].settings)
    allow_many_files()
    settle()
    print(HEADER)
    told: list[Figure] = []
    with serving() as url:
        for figure in figures(url, arguments.name, size):
            told.append(replace(figure, goal=None))  # the goals are midstream's
            print(row(told[-1]), flush=True)
    arguments.json.write_text(to_json(told, [ENTRANTS[arguments.name].subject]))


if __name__ == "__main__":
    main()
