"""midstream is imported a second time, as reloaders and the isolation of tests do: a call is recorded once."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from support.commands import python
from support.interpreters import interpreters

if TYPE_CHECKING:
    from midstream.faults import FaultServer

PROGRAM = """
import importlib, json, logging, sys
import anthropic, wrapt
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from midstream import AnthropicInstrumentor
from midstream.faults import FaultServer

said = []
class Saying(logging.Handler):
    def emit(self, record):
        said.append(record.getMessage())
log = logging.getLogger("midstream")
log.addHandler(Saying(logging.WARNING))
log.propagate = False

def purged():
    for name in [name for name in sys.modules if name.partition(".")[0] == "midstream"]:
        del sys.modules[name]
    from midstream import AnthropicInstrumentor
    return AnthropicInstrumentor

def reloaded():
    importlib.reload(sys.modules["midstream._instrumentor"])
    importlib.reload(sys.modules["midstream"])

def all_reloaded():
    for name in [name for name in sys.modules if name.partition(".")[0] == "midstream"]:
        importlib.reload(sys.modules[name])

readers = [InMemoryMetricReader() for _ in range(2)]
providers = [MeterProvider([reader], shutdown_on_exit=False) for reader in readers]

def points(name):
    totals = []
    for reader in readers:
        data = reader.get_metrics_data()
        metrics = [m for r in (data.resource_metrics if data else ()) for s in r.scope_metrics for m in s.metrics]
        totals.append(sum(p.value for m in metrics if m.name == name for p in m.data.data_points))
    return totals

client = anthropic.Anthropic(base_url=URL, api_key="none", max_retries=0)

def recorded():
    # By provider, the open streams that a call adds, and the calls.
    before, active = points("midstream.client.operations"), points("midstream.client.stream.active")
    with client.messages.create(model="ok", max_tokens=8, messages=[], stream=True) as stream:
        open_now = points("midstream.client.stream.active")
        list(stream)
    after = points("midstream.client.operations")
    return [[n - m for n, m in zip(*pair)] for pair in ((open_now, active), (after, before))]

def bare():
    return not hasattr(vars(anthropic.Stream)["close"], "__wrapped__")
"""

ORDERS = ("1 2 u1 u2", "1 2 u2 u1", "2 1 u1 u2", "2 1 u2 u1")

STEPS = """
first = AnthropicInstrumentor
if USED:
    first().instrument(meter_provider=providers[0])
    recorded()
    first().uninstrument()
second = purged()
assert first is not second
told = {}
for order in ORDERS:
    told[order] = []
    for step in order.split():
        number = int(step[-1]) - 1
        instrumentor = (first, second)[number]()
        if step.startswith("u"):
            instrumentor.uninstrument()
        else:
            instrumentor.instrument(meter_provider=providers[number])
        told[order].append(recorded())
    assert bare()
print(json.dumps([told, said]))
"""


def expected(order: str) -> list[list[list[int]]]:
    """By step, the open streams and the calls of each provider: the last copy observes."""
    observing, found = None, list[list[list[int]]]()
    for step in order.split():
        number = int(step[-1]) - 1
        observing = number if not step.startswith("u") else None if observing == number else observing
        heard = [int(observing == one) for one in range(2)]
        found.append([heard, heard])
    return found


def run(server: FaultServer, code: str, **names: Any) -> Any:
    given = "\n".join(f"{name} = {value!r}" for name, value in {"URL": server.url, **names}.items())
    finished = interpreters().run(f"{given}\n{PROGRAM}\n{code}")
    assert (finished.status, finished.stderr) == (0, "")
    return json.loads(finished.stdout)


SAID = (
    "another copy of midstream in this process was observing anthropic for an earlier instrument(): "
    "that observation has ended, and each call is recorded once, for this instrument()"
)


@pytest.mark.parametrize("used", [True, False], ids=["used before", "not used before"])
def test_of_two_copies_the_one_that_comes_last_observes_and_says_so(server: FaultServer, used: bool) -> None:
    told, said = run(server, STEPS, ORDERS=ORDERS, USED=used)
    assert told == {order: expected(order) for order in ORDERS}
    assert said == [SAID] * len(ORDERS)


@pytest.mark.parametrize("again", ["reloaded", "all_reloaded"])
def test_after_a_reload_the_next_instrument_takes_over_and_its_end_restores_the_sdk(
    server: FaultServer, again: str
) -> None:
    told, said = run(
        server,
        """
AnthropicInstrumentor().instrument(meter_provider=providers[0])
AGAIN()
told = [recorded()]
sys.modules["midstream"].AnthropicInstrumentor().instrument(meter_provider=providers[1])
told.append(recorded())
sys.modules["midstream"].AnthropicInstrumentor().uninstrument()
assert bare()
print(json.dumps([told, said]))
""".replace("AGAIN", again),
    )
    assert told == [[[1, 0], [1, 0]], [[0, 1], [0, 1]]]
    assert said == [SAID]


def test_both_may_record_to_the_same_provider_beneath_a_wrapper_of_somebody_else(server: FaultServer) -> None:
    told = run(
        server,
        """
AnthropicInstrumentor().instrument(meter_provider=providers[0])
told = [recorded()]
wrapt.wrap_function_wrapper(anthropic.Stream, "close", lambda wrapped, _, args, kwargs: wrapped(*args, **kwargs))
again = purged()
again().instrument(meter_provider=providers[0])
told.append(recorded())
again().uninstrument()
told.append(recorded())
again().instrument(meter_provider=providers[0])
print(json.dumps([told, len(said)]))
""",
    )
    assert told == [[[[1, 0], [1, 0]], [[1, 0], [1, 0]], [[0, 0], [0, 0]]], 1]


def test_a_stream_that_is_open_when_another_copy_takes_over_is_recorded_where_it_began(server: FaultServer) -> None:
    told = run(
        server,
        """
AnthropicInstrumentor().instrument(meter_provider=providers[0])
stream = client.messages.create(model="ok", max_tokens=8, messages=[], stream=True)
next(stream)
purged()().instrument(meter_provider=providers[1])
list(stream)
print(json.dumps([points("midstream.client.operations"), points("midstream.client.stream.active")]))
""",
    )
    assert told == [[1, 0], [0, 0]]


def test_the_last_of_two_copies_that_wait_for_the_sdk_observes_it(server: FaultServer) -> None:
    code = PROGRAM.replace("import anthropic, wrapt", "import wrapt")
    begin, client = code.split("client = ", 1)
    waiting = """
AnthropicInstrumentor().instrument(meter_provider=providers[0])
purged()().instrument(meter_provider=providers[1])
import anthropic
"""
    finished = python(f"URL = {server.url!r}\n{begin}{waiting}client = {client}\nprint(json.dumps(recorded()))")
    assert (finished.stdout, finished.stderr) == ("[[0, 1], [0, 1]]\n", "")
