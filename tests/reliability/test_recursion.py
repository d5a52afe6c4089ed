"""Calls near the recursion limit, where any step can be too many: the number of open streams stays right."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from support.processes import program

if TYPE_CHECKING:
    from support.interpreters import Interpreters
    from support.processes import World

CLOSING = """
from contextlib import suppress
from support.clients import client
from support.exported import Exported

exported = Exported()
AnthropicInstrumentor().instrument(**exported.providers)

def active():
    return sum(one.value for one in exported.metrics()["midstream.client.stream.active"])

def below(frames, do):
    return do() if frames <= 0 else below(frames - 1, do)

def one(made, free):
    # The limit counts from here, so that it is the same for every call.
    depth, frame = 0, sys._getframe()
    while frame is not None:
        depth, frame = depth + 1, frame.f_back
    stream = opened(made, "ok")
    reached = []
    def end():
        reached.append(True)
        {end}
    with suppress(Exception):
        below(sys.getrecursionlimit() - depth - free, end)
    with suppress(Exception):
        stream.response.close()
    return bool(reached)

left, failed = [], 0
with world.client() as made:
    world.read(made, "ok")
    for free in range(60):
        reached = one(made, free)
        gc.collect()
        left += [free] * active()
        failed += not reached
print(json.dumps([left, 0 < failed < 60]))
"""


@pytest.mark.parametrize("end", ["stream.close()", "list(stream)"], ids=["closed", "read"])
def test_a_stream_that_ends_near_the_recursion_limit_is_open_no_more(
    world: World, interpreters: Interpreters, end: str
) -> None:
    finished = interpreters.run(program(world, CLOSING.format(end=end)))
    # On standard error may be what the HTTP client's generators could not do there.
    assert finished.status == 0, finished.stderr
    assert json.loads(finished.stdout) == [[], True]
