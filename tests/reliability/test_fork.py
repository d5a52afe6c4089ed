"""A call is told once, by the process that made it, whatever is forked meanwhile."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from support.lifecycle import LONG, SPANS
from support.processes import Told, World, program, told

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from midstream.faults import FaultServer
    from support.interpreters import Interpreters

spans_of_both_kinds = pytest.mark.parametrize("spans", SPANS)

MIXED = {
    "ok": "completed",
    "in_band:overloaded_error": "in_band_error",
    "cut": "truncated",
    "http:api_error": "http_error",
}


@pytest.fixture(params=SPANS)
def world(server: FaultServer, tmp_path: Path, request: pytest.FixtureRequest) -> World:
    return World(server.url, str(tmp_path), request.param)


@pytest.fixture
def run(world: World, interpreters: Interpreters) -> Callable[[str], None]:
    """Runs a program to its end, which must be clean."""

    def to_its_end(code: str) -> None:
        finished = interpreters.run(program(world, code))
        assert (finished.status, finished.stderr) == (0, "")

    return to_its_end


PREFORKED = """
world.begin()
children = []
for number in range({children}):
    pid = os.fork()
    if not pid:
        for model in {models!r}:
            world.call(model)
            world.call_async(model)
        leave()
    children.append(pid)
assert [waited(pid) for pid in children] == [0] * {children}
"""


def test_workers_forked_after_instrument_tell_their_own_calls(
    run: Callable[[str], None], tmp_path: Path, long: bool
) -> None:
    children = 16 if long else 3
    run(PREFORKED.format(children=children, models=list(MIXED)))
    each = Counter(dict.fromkeys(MIXED.values(), 2))
    assert list(told(tmp_path).values()) == [Told(each, each)] * children


OPEN_IN_THE_PARENT = f"""
world.begin()
with world.client() as made:
    streams = [opened(made, {LONG!r}) for _ in range(3)]
    helper = made.messages.stream(model={LONG!r}, max_tokens=1, messages=[])
    entered = helper.__enter__()
    cycle = [opened(made, {LONG!r})]
    cycle.append(cycle)
    pid = os.fork()
    if not pid:
        {{child}}
    assert waited(pid) == 0
    {{parent}}
    helper.__exit__(None, None, None)
"""

CALL = Counter(completed=1)

IN_THE_CHILD: dict[str, tuple[str, list[Told]]] = {
    "exits": ("sys.exit()", [Told()]),
    "exits after a call": ("world.call('ok'); sys.exit()", [Told(CALL, CALL)]),
    "lets go": ("del streams, helper, entered, cycle; gc.collect(); world.call('ok'); leave()", [Told(CALL, CALL)]),
    "closes": ("[s.close() for s in (*streams, entered)]; world.call('ok'); leave()", [Told(CALL, CALL)]),
    "closes the client": ("made.close(); world.call('ok'); leave()", [Told(CALL, CALL)]),
    "raises in a with block": (
        "helper.__exit__(OSError, OSError(), None); world.call('ok'); leave()",
        [Told(CALL, CALL)],
    ),
    "forks": ("pid = os.fork(); pid and os._exit(waited(pid)); world.call('ok'); leave()", [Told(CALL, CALL)]),
    "leaves at once": ("os._exit(0)", []),
}
"""What a child does, and what it and its own tell."""


@pytest.mark.parametrize("child", IN_THE_CHILD)
def test_streams_that_are_open_at_a_fork_are_told_by_the_parent_alone(
    run: Callable[[str], None], tmp_path: Path, child: str
) -> None:
    code, children = IN_THE_CHILD[child]
    reads = "assert [list(stream)[-1].type for stream in streams] == ['message_stop'] * 3"
    run(OPEN_IN_THE_PARENT.format(child=code, parent=reads))
    ended = Counter(completed=3, abandoned=2)
    assert_told(tmp_path, Told(ended, ended), children)


def test_a_stream_that_a_child_reads_on_is_told_by_the_parent_alone(run: Callable[[str], None], tmp_path: Path) -> None:
    child = "[list(stream) for stream in (*streams, entered)]; world.call('ok'); leave()"
    run(OPEN_IN_THE_PARENT.format(child=child, parent="[stream.close() for stream in streams]"))
    ended = Counter(abandoned=5)
    assert_told(tmp_path, Told(ended, ended), [Told(CALL, CALL)])


def assert_told(folder: Path, parent: Told, children: list[Told]) -> None:
    """Asserts what the processes told, that of the parent being the one that exits last."""
    by_number = told(folder)
    assert sorted(by_number.values(), key=repr) == sorted([parent, *children], key=repr)
