"""One of those who are compared, in machine instructions: what it adds to calls and events, whatever the machine does.

The SDK's way is whole, but the HTTP client's transport is in memory: the connection and HTTP/1.1 are not counted, so
that bare is less than it is with a server, and what is added is the same. An instruction of one is not as quick as one
of another, so these are no times. Where objects lie in memory makes a difference: all is counted with several seeds.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cases import EVENT_GOALS
from counting import count, counted
from figures import Figure, Goal, to_json
from in_memory import CALLS, STREAMS, per_event
from measuring import Round, compared
from others import ENTRANTS
from providers import providers, started
from subjects import MIDSTREAM
from table import HEADER, row

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from counting import Counted
    from in_memory import Kind
    from subjects import Subject

__all__ = ("main",)

_EVENT: Final = "instructions of an event"
_CALL: Final = "instructions of a call"

_KINDS: Final[Mapping[str, Kind]] = {
    **STREAMS,
    **{name: kind for name, kind in CALLS.items() if not kind.traced},  # only midstream stands on the SDK's spans
}


def main() -> None:
    """Prints a table, and writes JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=ENTRANTS)
    how = parser.add_mutually_exclusive_group(required=True)
    how.add_argument("--json", type=Path, metavar="FILE")
    how.add_argument("--count", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--seeds", type=int, default=3, help="how often all is counted (3)")
    arguments = parser.parse_args()
    os.environ.update(ENTRANTS[arguments.name].settings)
    subject = ENTRANTS[arguments.name].subject
    if arguments.count is not None:
        _load(subject)
        count(arguments.count, {name: kind.making(subject) for name, kind in _KINDS.items()})
        return
    print(HEADER)
    told: list[Figure] = []
    by_seed = [counted((__file__, arguments.name, "--count"), seed) for seed in range(arguments.seeds)]
    for key, those in _by_key(by_seed).items():
        told.append(Figure(key, subject.name, "instr.", compared(those), _goal(key) if subject is MIDSTREAM else None))
        print(row(told[-1]))
    arguments.json.write_text(to_json(told, [subject]), encoding="utf-8")


def _goal(key: str) -> Goal | None:
    what, _, how = key.partition(": ")
    return EVENT_GOALS[how.partition(",")[0]] if what == _EVENT else None


def _load(subject: Subject) -> None:
    """Has everything imported that `subject` imports: once, before there are processes."""
    with started(providers(), subject):
        for kind in _KINDS.values():
            kind.doing(None)(1)


def _by_key(by_seed: Sequence[Mapping[str, Counted]]) -> dict[str, list[Round]]:
    """The counts as rounds, of which those before and after what is measured are the same."""
    told: dict[str, list[Round]] = {}
    for found in by_seed:
        calls = {name: one for name, one in found.items() if name in CALLS}
        for what, those in ((_EVENT, per_event(found)), (_CALL, calls)):
            for name, one in those.items():
                told.setdefault(f"{what}: {name}", []).append(Round(one.bare, one.observed, one.bare))
    return told


if __name__ == "__main__":
    main()
