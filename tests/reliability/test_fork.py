"""A call is recorded once, by the process that made it, whatever is forked meanwhile."""

from __future__ import annotations

import json
import os
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from support.lifecycle import LONG
from support.processes import Told, World, program, told

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from support.interpreters import Interpreters

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")

NOTHING, CALL = Told(), Told(Counter(completed=1), Counter(completed=1))
MIXED = {
    "ok": "completed",
    "in_band:overloaded_error": "in_band_error",
    "cut": "truncated",
    "http:api_error": "http_error",
}


@pytest.fixture
def run(world: World, interpreters: Interpreters, tmp_path: Path) -> Callable[[str], dict[str, Told]]:
    """Runs a program to its clean end. Returns what its processes reported, by the names that it prints."""

    def to_its_end(code: str) -> dict[str, Told]:
        finished = interpreters.run(program(world, code))
        assert (finished.status, finished.stderr) == (0, "")
        by_number = told(tmp_path)
        named = {name: by_number.pop(number, NOTHING) for name, number in json.loads(finished.stdout).items()}
        return named | dict(zip(["another"], by_number.values(), strict=False))

    return to_its_end


PREFORKED = """
world.begin()
children = {{}}
for number in range({children}):
    pid = os.fork()
    if not pid:
        for model in {models!r}:
            world.call(model)
            world.call_async(model)
        leave()
    children[str(number)] = pid
assert not any(waited(pid) for pid in children.values())
print(json.dumps(children))
"""


def test_workers_forked_after_instrument_record_their_own_calls(
    run: Callable[[str], dict[str, Told]], long: bool
) -> None:
    children = 16 if long else 2
    each = Counter(dict.fromkeys(MIXED.values(), 2))
    found = run(PREFORKED.format(children=children, models=list(MIXED)))
    assert found == {str(number): Told(each, each) for number in range(children)}


OPEN_IN_THE_PARENT = """
world.begin()
processes = {{"parent": os.getpid()}}
with world.client() as made:
    streams = [opened(made, {model!r}) for _ in range(3)]
    helper = made.messages.stream(**arguments({model!r}))
    entered = helper.__enter__()
    cycle = [opened(made, {model!r})]
    cycle.append(cycle)
    for name, code in {children!r}.items():
        pid = os.fork()
        if not pid:
            exec(code)
            raise AssertionError("still there")
        assert waited(pid) == 0, name
        processes[name] = pid
    {parent}
    helper.__exit__(None, None, None)
print(json.dumps(processes))
"""

CHILDREN = {
    "exits": ("sys.exit()", NOTHING),
    "exits after a call": ("world.call('ok'); sys.exit()", CALL),
    "lets go": ("del streams, helper, entered, cycle; gc.collect(); world.call('ok'); leave()", CALL),
    "closes": ("[one.close() for one in (*streams, entered)]; world.call('ok'); leave()", CALL),
    "closes the client": ("made.close(); world.call('ok'); leave()", CALL),
    "raises in a with block": ("helper.__exit__(OSError, OSError(), None); world.call('ok'); leave()", CALL),
    "uninstruments": ("AnthropicInstrumentor().uninstrument(); del streams; gc.collect(); leave()", NOTHING),
    "in a thread": ("t = threading.Thread(target=world.call, args=['ok']); t.start(); t.join(); leave()", CALL),
    "exports": ("leave()", NOTHING),
    "leaves immediately": ("os._exit(0)", NOTHING),
}
"""What a child does, and its record. Its number of open streams is 0, if it reports one."""


def test_streams_that_are_open_at_a_fork_are_recorded_by_the_parent_only(run: Callable[[str], dict[str, Told]]) -> None:
    children = {name: code for name, (code, _) in CHILDREN.items()}
    read = "assert [list(one)[-1].type for one in streams] == ['message_stop'] * 3"
    ended = Counter(completed=3, abandoned=2)
    assert run(OPEN_IN_THE_PARENT.format(model=LONG, children=children, parent=read)) == {
        "parent": Told(ended, ended),
        **{name: record for name, (_, record) in CHILDREN.items()},
    }


def test_a_stream_that_a_child_reads_on_is_recorded_by_the_parent_only(run: Callable[[str], dict[str, Told]]) -> None:
    reads = {"reads": "[list(one) for one in (*streams, entered)]; world.call('ok'); leave()"}
    ended = Counter(abandoned=5)
    found = run(OPEN_IN_THE_PARENT.format(model=LONG, children=reads, parent="[one.close() for one in streams]"))
    assert found == {"parent": Told(ended, ended), "reads": CALL}


def test_a_child_of_a_child_records_only_its_own_calls(run: Callable[[str], dict[str, Told]]) -> None:
    forks = {"forks": "pid = os.fork(); world.call('ok' if pid else 'cut'); leave(waited(pid) if pid else 0)"}
    found = run(OPEN_IN_THE_PARENT.format(model=LONG, children=forks, parent="[one.close() for one in streams]"))
    ended, cut = Counter(abandoned=5), Counter(truncated=1)
    assert found == {"parent": Told(ended, ended), "forks": CALL, "another": Told(cut, cut)}


UNDER_WAY = """
world.begin()
processes = {"parent": os.getpid()}

def fork(_request):
    pid = os.fork()
    if not pid:
        raise SystemExit
    processes[f"child {len(processes)}"] = pid
    assert waited(pid) == 0

with world.client() as made:
    made._client.event_hooks = {"request": [fork]}
    for model in ("ok", "cut"):
        world.read(made, model)
    made.messages.create(**arguments("ok"))
print(json.dumps(processes))
"""


def test_a_call_that_is_under_way_at_a_fork_is_recorded_by_the_parent_only(
    run: Callable[[str], dict[str, Told]],
) -> None:
    ended = Counter(completed=2, truncated=1)
    found = run(UNDER_WAY)
    assert found.pop("parent") == Told(ended, ended)
    # A child continues the parent's counts, because OpenTelemetry's SDK does.
    assert [(one.spans, one.active) for one in found.values()] == [(Counter(), 0)] * 3


PUT_OFF = f"""
from opentelemetry.sdk.trace import SpanProcessor
world.begin()
dropped = []

class Dropping(SpanProcessor):
    def on_start(self, span, parent_context=None):
        dropped.clear()
        gc.collect()

trace.get_tracer_provider().add_span_processor(Dropping())
with world.client() as made:
    dropped.append(opened(made, {LONG!r}))
    # The stream is dropped inside OpenTelemetry, and reported with the next call, the child's first.
    with trace.get_tracer("application").start_as_current_span("work"):
        pid = os.fork()
    world.call("ok")
    leave() if not pid else None
    assert waited(pid) == 0
print(json.dumps({{"parent": os.getpid(), "child": pid}}))
"""


def test_a_deferred_call_is_recorded_after_a_fork_by_the_parent_only(
    run: Callable[[str], dict[str, Told]],
) -> None:
    found = run(PUT_OFF)
    both = Counter(completed=1, abandoned=1)
    # The application's own span ends in both.
    own = Counter({"None": 1})
    assert found == {
        "parent": Told(both + own, both),
        "child": Told(CALL.spans + own, CALL.operations),
    }


AT_EVERY_FUNCTION = """
import midstream
world.begin()
OURS = os.path.join(os.path.dirname(midstream.__file__), "")
PURE = tuple(os.path.join(OURS, folder) for folder in ("cli", "faults"))
found, children = {{}}, []

def locked(frame):
    # SDK 1.14 begins to read inside a cached_property, which before Python 3.12 holds a lock of all of its class.
    while frame is not None and frame.f_globals.get("__name__") != "functools":
        frame = frame.f_back
    return frame is not None

def each_once(frame, event, _):
    code = frame.f_code
    if event == "call" and code.co_filename.startswith(OURS) and not code.co_filename.startswith(PURE):
        if found.setdefault(code, "new") == "new" and not locked(frame):
            found[code] = "forked"
            reached.set()
            go_on.wait()
            go_on.clear()

def calls():
    sys.setprofile(each_once)
    world.read(made, "ok")
    world.read(made, "cut")
    stream = opened(made, "ok:200")
    stream.close()
    dropped = opened(made, "ok:200")
    del dropped
    sys.setprofile(None)
    done.set()
    reached.set()

reached, go_on, done = threading.Event(), threading.Event(), threading.Event()
with world.client() as made:
    world.call("ok")
    other = threading.Thread(target=calls, daemon=True)
    other.start()
    while reached.wait() and not done.is_set():
        reached.clear()
        if len(children) % {one_of} == 0:
            pid = os.fork()
            if not pid:
                signal.alarm(60)
                world.call("cut")
                leave()
            assert waited(pid) == 0, "a lock was held"
            children.append(pid)
        else:
            children.append(0)
        go_on.set()
    other.join()
print(json.dumps({{"parent": os.getpid(), **{{str(n): pid for n, pid in enumerate(children) if pid}}}}))
"""


def test_a_fork_while_another_thread_is_anywhere_inside_midstream_holds_nothing_up(
    run: Callable[[str], dict[str, Told]], long: bool
) -> None:
    found = run(AT_EVERY_FUNCTION.format(one_of=1 if long else 20))
    ended = Counter(completed=2, truncated=1, abandoned=2)
    assert found.pop("parent") == Told(ended, ended)
    assert len(found) >= (50 if long else 3)
    assert all((one.spans, one.active, one.contained) == (Counter(truncated=1), 0, 0) for one in found.values()), found


STARTED_BY_MULTIPROCESSING = """
import multiprocessing
from support.processes import child
world.begin()
with world.client() as made:
    stream = opened(made, "ok:200")
    started = {{"parent": os.getpid()}}
    for method in {methods!r}:
        process = multiprocessing.get_context(method).Process(target=child, args=(world, "cut"))
        process.start()
        process.join()
        assert process.exitcode == 0
        started[method] = process.pid
    stream.close()
print(json.dumps(started))
"""


def test_processes_of_multiprocessing_record_their_own_calls(run: Callable[[str], dict[str, Told]], long: bool) -> None:
    methods = ["fork", "forkserver", "spawn"] if long else ["fork"]
    cut, closed = Counter(truncated=1), Counter(abandoned=1)
    found = run(STARTED_BY_MULTIPROCESSING.format(methods=methods))
    assert found == {"parent": Told(closed, closed), **dict.fromkeys(methods, Told(cut, cut))}


IN_ANOTHER_PROGRAM = """
world.begin()
with world.client() as made:
    streams = [opened(made, "ok:200") for _ in range(2)]
    another = program(world, "world.begin(); world.call('cut')")
    forked = []

    def fork():
        pid = os.fork()
        if not pid:
            os.execv(sys.executable, [sys.executable, "-c", another])
        assert waited(pid) == 0
        forked.append(pid)

    thread = threading.Thread(target=fork)
    thread.start()
    thread.join()
    del streams
print(json.dumps({"parent": os.getpid(), "another program": forked[0]}))
"""


def test_a_program_that_a_thread_forks_and_executes_records_its_own_calls(
    run: Callable[[str], dict[str, Told]], long: bool
) -> None:
    if not long:
        pytest.skip("it is long")
    cut, dropped = Counter(truncated=1), Counter(abandoned=2)
    assert run(IN_ANOTHER_PROGRAM) == {"parent": Told(dropped, dropped), "another program": Told(cut, cut)}
