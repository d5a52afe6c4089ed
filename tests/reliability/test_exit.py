"""The interpreter exits in every state of a call: same status, no output, and every call is recorded once."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from support.processes import World, program, told

if TYPE_CHECKING:
    from pathlib import Path

    from support.interpreters import Interpreters

AT_EXIT = """
def calls():
    print("called at exit")
    world.call("ok")
    world.call("cut")
"""

STATES: dict[str, tuple[str, Counter[str]]] = {
    "before the first call": ("begin()", Counter()),
    "after a call": ("begin(); world.call('ok')", Counter(completed=1)),
    "after calls that failed": (
        "begin(); world.call('cut'); world.call('http:api_error')",
        Counter(truncated=1, http_error=1),
    ),
    "a stream not read": ("begin(); kept = start('ok:200')", Counter(abandoned=1)),
    "a stream read to its middle": (
        "begin(); kept = start('ok'); [next(kept) for _ in range(4)]",
        Counter(abandoned=1),
    ),
    "a stream read to its last event": (
        "begin(); kept = start('ok')\nwhile next(kept).type != 'message_stop':\n    pass",
        Counter(completed=1),
    ),
    "a stream that failed, with its exception": (
        "begin(); kept = start('reset')\ntry:\n    list(kept)\nexcept Exception as error:\n    failed = error",
        Counter(transport_error=1),
    ),
    "a stream that was closed": ("begin(); kept = start('ok:200'); kept.close()", Counter(abandoned=1)),
    "a stream dropped in a cycle": (
        "begin(); gc.disable(); a = [start('ok:200')]; a.append(a); del a",
        Counter(abandoned=1),
    ),
    "a stream that outlives the modules": ("begin(); sys.kept = start('ok:200'); next(sys.kept)", Counter(abandoned=1)),
    "a stream of a loop that was not closed": (
        "begin(); loop = asyncio.new_event_loop(); kept = loop.run_until_complete(astart())",
        Counter(abandoned=1),
    ),
    "a loop that runs in a thread": (
        """
begin()
started, loop = threading.Event(), asyncio.new_event_loop()
async def read():
    stream = await astart('stall')
    started.set()
    async for _ in stream:
        pass
threading.Thread(target=loop.run_until_complete, args=(read(),), daemon=True).start()
started.wait()
""",
        Counter(abandoned=1),
    ),
    "threads in a read": (
        """
begin()
def read():
    stream = start('stall')
    next(stream)
    reading.release()
    list(stream)
reading = threading.Semaphore(0)
for _ in range(3):
    threading.Thread(target=read, daemon=True).start()
[reading.acquire() for _ in range(3)]
""",
        Counter(abandoned=3),
    ),
    "calls in a handler from before instrument()": (f"{AT_EXIT}\natexit.register(calls); begin()", Counter()),
    "calls in a handler from after instrument()": (
        f"{AT_EXIT}\nbegin(); atexit.register(calls)",
        Counter(completed=1, truncated=1),
    ),
    "streams closed in handlers, before and after ours": (
        "begin(); a = start('ok:200'); atexit.register(a.close); b = start('ok:200'); atexit.register(b.close)",
        Counter(abandoned=2),
    ),
    "a handler that reads a stream on": (
        "begin(); kept = start('ok'); next(kept); atexit.register(list, kept)",
        Counter(completed=1),
    ),
    "a collector in another thread": (
        """
begin()
gc.disable()
def let_go():
    cycle = [start('ok:200')]
    cycle.append(cycle)
for _ in range(7):
    let_go()
done = threading.Event()
def collect():
    while not done.is_set():
        gc.collect()
collecting = threading.Thread(target=collect)
collecting.start()
for _ in range(7):
    let_go()
    world.call('ok')
done.set()
collecting.join()
""",
        Counter(abandoned=14, completed=7),
    ),
    "sys.exit() in a with block": ("begin()\nwith start('ok:200') as kept:\n    sys.exit(3)", Counter(abandoned=1)),
    "an exception in a with block": ("begin()\nwith start('ok:200') as kept:\n    raise OSError", Counter(abandoned=1)),
    "uninstrumented with a stream open": (
        "begin(); kept = start('ok:200'); AnthropicInstrumentor().uninstrument()",
        Counter(),
    ),
    "collected inside OpenTelemetry after uninstrument()": (
        """
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
class Collecting(SpanProcessor):
    def on_end(self, span):
        gc.collect()
def let_go():
    cycle = [start('ok:200')]
    next(cycle[0])
    cycle.append(cycle)
begin()
gc.disable()
let_go()
AnthropicInstrumentor().uninstrument()
of_the_application = TracerProvider()
of_the_application.add_span_processor(Collecting())
of_the_application.get_tracer("application").start_span("its own").end()
""",
        Counter(abandoned=1),
    ),
}
"""By state, how the program gets there, and the record in the end."""

LONG_ONLY = (
    "before the first call",
    "a stream read to its middle",
    "threads in a read",
    "after calls that failed",
    "after a call",
    "a stream not read",
    "a stream that was closed",
    "a loop that runs in a thread",
    "sys.exit() in a with block",
    "calls in a handler from before instrument()",
)

START = """
import anthropic
clients = []
def begin():
    world.begin()
def start(model):
    clients.append(world.client())
    return clients[-1].__enter__().messages.create(**arguments(model), stream=True)
async def astart(model="ok:200"):
    clients.append(world.async_client())
    stream = await (await clients[-1].__aenter__()).messages.create(**arguments(model), stream=True)
    await stream.__anext__()
    return stream
"""


@pytest.mark.parametrize("state", STATES)
def test_the_interpreter_exits_as_without_us_and_each_call_is_recorded(
    world: World, interpreters: Interpreters, tmp_path: Path, state: str, long: bool
) -> None:
    if state in LONG_ONLY and not long:
        pytest.skip("it is long")
    code, ended = STATES[state]
    finished = interpreters.run(program(world, START + code))
    if finished.stderr or finished.status:
        elsewhere = tmp_path / "bare"
        elsewhere.mkdir()
        bare = replace(world, observed=False, folder=str(elsewhere))
        assert finished == interpreters.run(program(bare, START + code))
    processes = list(told(tmp_path).values())
    assert [one.contained for one in processes] in ([], [0])
    assert [one.operations for one in processes] == ([ended] if ended else [Counter()] * len(processes))
    assert [one.spans for one in processes] == [ended] * len(processes)
    assert [one.active for one in processes if ended] in ([], [0])
