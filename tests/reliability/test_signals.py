"""Handlers of signals raise in the middle of calls, and call in the middle of calls: each call is recorded once."""

from __future__ import annotations

import json
import signal
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from support.processes import Told, World, program, told

if TYPE_CHECKING:
    from pathlib import Path

    from support.interpreters import Interpreters


ANYWHERE = """
from support.exported import Exported
from support.clients import client, HAS_OWN_SPANS
from types import SimpleNamespace
from midstream._sdk.entry import RequestObserver
import anthropic, re

exported = Exported()
AnthropicInstrumentor().instrument(**exported.providers)
provider = exported.tracer_provider if HAS_OWN_SPANS and world.spans == "sdk" else None
known = SimpleNamespace(url=world.url), SimpleNamespace(attempts=1, family="ok"), provider

CALLING = ("midstream", "anthropic.", "http")
LOCKED = "httpcore.*_synchronization|encodings" if {raises} else "opentelemetry"
HELPING = ("anthropic._utils", "anthropic._models", "anthropic._compat", "anthropic._types")
TELLING = ("midstream", "anthropic._tracing", "anthropic.lib._tracing")

class Interrupt(KeyboardInterrupt):
    pass

def interrupt(*_):
    raise error

def call(*_):
    world.read(another, "cut")

def names(frame):
    while frame is not None:
        yield frame.f_globals.get("__name__", "")
        frame = frame.f_back

class At:
    # Sends the signal at a call of a function by its number, where that is allowed.
    def __init__(self, number):
        self.number, self.passed, self.ours, self.sent = number, 0, False, False
        self.entering = self.entered = False

    def __call__(self, frame, event, _):
        if event == "return" and frame.f_code is RequestObserver.enter.__code__:
            self.entered = True
            self.entering = False
        if event == "call" and frame.f_code is RequestObserver.enter.__code__:
            self.entering = True
        if event != "call":
            return
        self.passed += 1
        if self.passed < self.number:
            return
        around = [*names(frame)]
        # An interrupt inside a lock of the HTTP client's leaves it locked, and a call inside a lock of OpenTelemetry's
        # waits for it: for ever, with us and without. An interrupt in a codec, the interpreter replaces by an error.
        if any(re.match(LOCKED, name) for name in around):
            return
        sys.setprofile(None)
        self.sent = True
        self.where = f"{{self.passed}} {{frame.f_code.co_name}} in {{around[:6]}}"
        calling = (name for name in around if name.startswith(CALLING) and not name.startswith(HELPING))
        self.ours = self.entering or next(calling, "").startswith(TELLING)
        signal.raise_signal(signal.SIGALRM)

def read(made, at):
    caught = None
    sys.setprofile(at)
    try:
        with made.messages.create(**arguments("ok"), stream=True) as stream:
            for _ in stream:
                pass
    except BaseException as raised:
        caught = raised
    finally:
        sys.setprofile(None)
    return caught

# What is raised in the finalizer of a generator, the interpreter keeps.
unheard = []
sys.unraisablehook = lambda told: unheard.append(told.exc_value)
signal.signal(signal.SIGALRM, interrupt if {raises} else call)
results, number, counted = [], 1, Counter()
before, open_before = Counter(), 0
with client(*known) as made, client(*known) as another:
    never = At(10**9)
    read(made, At(10**9)), world.read(another, "cut"), read(made, never)
    step = max(never.passed // {points}, 1)
    while True:
        error = Interrupt()
        exported.spans_in_memory.clear()
        before, open_before = Counter(exported.outcomes()), active(exported)
        at = At(number)
        # A new one each time: the connection that an interrupt left in use is not given back.
        with client(*known) as fresh:
            caught = read(fresh, at)
        if not at.sent:
            break
        error.__traceback__ = None
        gc.collect()
        # The SDK's own span may have begun, and not be seen yet, when the interrupt comes.
        outcomes = (span.attributes.get("midstream.outcome") for span in exported.spans)
        spans = Counter(outcome for outcome in outcomes if outcome)
        results.append(
            {{
                "at": at.where,
                "unchanged": caught is (error if {raises} and error not in unheard else None),
                "entered": at.entered,
                "ours": at.ours,
                "spans": spans,
                "told": Counter(exported.outcomes()) - before,
                "opened": active(exported) - open_before,
            }}
        )
        number += step
assert "midstream.telemetry.errors" not in exported.metrics()
print(json.dumps(results))
"""


def at_points(world: World, interpreters: Interpreters, *, raises: bool, points: int) -> list[dict[str, Any]]:
    helpers = (
        "from collections import Counter\n"
        "def active(exported):\n"
        "    return sum(one.value for one in exported.metrics().get('midstream.client.stream.active', ()))\n"
    )
    finished = interpreters.run(program(world, helpers + ANYWHERE.format(raises=raises, points=points)))
    assert finished.status == 0, finished.stderr
    found: list[dict[str, Any]] = json.loads(finished.stdout)
    return found


def test_an_interrupt_anywhere_in_a_stream_passes_unchanged_and_the_call_is_recorded_once(
    world: World, interpreters: Interpreters, long: bool
) -> None:
    points = at_points(world, interpreters, raises=True, points=500 if long else 30)
    outside = [point for point in points if not point["ours"]]
    assert len(outside) > 5
    assert [point for point in points if not point["unchanged"]] == []
    # An interrupt inside the recording, ours or the SDK's, cuts that short. Nothing is recorded twice.
    assert [point for point in points if sum(point["told"].values()) > 1 or sum(point["spans"].values()) > 1] == []
    assert [point for point in outside if sum(point["told"].values()) != point["entered"]] == []
    wrong = [point for point in outside if point["opened"] or point["spans"] != point["told"]]
    assert wrong == []
    assert {outcome for point in points for outcome in point["told"]} <= {"cancelled", "abandoned", "completed"}


def test_a_handler_that_calls_anywhere_in_another_call_has_its_call_recorded_as_well(
    world: World, interpreters: Interpreters, long: bool
) -> None:
    points = at_points(world, interpreters, raises=False, points=250 if long else 12)
    assert sum(point["ours"] for point in points) > 0
    wanted = {"completed": 1, "truncated": 1}
    assert [point for point in points if (point["spans"], point["told"], point["opened"]) != (wanted, wanted, 0)] == []
    assert all(point["unchanged"] for point in points)


IN_A_READ = """
world.begin()
def on_signal(*_):
    raise SystemExit(7)
signal.signal(signal.SIGTERM, on_signal)
with world.client() as made:
    stream = opened(made, "stall")
    connection = stream.response.extensions["network_stream"]
    read, reading = connection.read, threading.Event()

    def noted(*args, **kwargs):
        reading.set()
        return read(*args, **kwargs)

    def send():
        reading.wait()
        os.kill(os.getpid(), signal.{name})

    connection.read = noted
    threading.Thread(target=send, daemon=True).start()
    for _ in stream:
        pass
"""

IN_A_LOOP = """
world.begin()
async def main():
    async with world.async_client() as made:
        stream = await made.messages.create(**arguments("stall"), stream=True)
        await stream.__anext__()
        asyncio.get_running_loop().call_later(0.05, os.kill, os.getpid(), signal.SIGINT)
        async for _ in stream:
            pass
asyncio.run(main())
"""


@pytest.mark.parametrize(
    ("code", "status"),
    [
        (IN_A_READ.format(name="SIGTERM"), 7),
        (IN_A_READ.format(name="SIGINT"), -signal.SIGINT),
        (IN_A_LOOP, -signal.SIGINT),
    ],
    ids=["SystemExit", "KeyboardInterrupt", "asyncio"],
)
def test_a_signal_that_ends_the_process_in_a_read_cancels_the_call(
    world: World, interpreters: Interpreters, tmp_path: Path, code: str, status: int
) -> None:
    finished = interpreters.run(program(world, code))
    assert finished.status == status, finished.stderr
    assert "midstream contained" not in finished.stderr
    cancelled = Counter(cancelled=1)
    assert list(told(tmp_path).values()) == [Told(cancelled, cancelled)]
