"""In a process that gevent has patched, each greenlet's call is recorded with its own outcome and context."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support.commands import python
from support.processes import World, program, spans, told

if TYPE_CHECKING:
    from pathlib import Path


pytest.importorskip("gevent", reason="gevent is not installed")

MODELS = {
    "ok": "completed",
    "slow:20": "completed",
    "in_band:overloaded_error": "in_band_error",
    "http:api_error": "http_error",
    "cut": "truncated",
    "reset": "transport_error",
    "bad_json": "malformed",
    "ok:300": "abandoned",
}

GREENLETS = """
import contextvars, gevent
from opentelemetry.trace import get_current_span
name = contextvars.ContextVar("name")
tracer = trace.get_tracer("application")
together = gevent.event.Event()

def call(number, model):
    name.set(number)
    with tracer.start_as_current_span(model) as work:
        work.set_attribute("number", number)
        together.wait()
        try:
            for event in made.messages.create(**arguments(model), stream=True):
                assert (name.get(), get_current_span()) == (number, work)
                gevent.sleep(0)
                if model == "ok:300":
                    break
        except Exception as error:
            assert type(error).__module__.split(".")[0] in ("anthropic", "httpx", "httpx2", "json"), error
        assert (name.get(), get_current_span()) == (number, work)

world.begin()
with world.client() as made:
    greenlets = [gevent.spawn(call, number, model) for number, model in enumerate({models!r})]
    together.set()
    gevent.joinall(greenlets, raise_error=True)
    del greenlets
gc.collect()
"""


def test_of_many_greenlets_each_call_is_recorded_with_its_own_outcome(world: World, tmp_path: Path, long: bool) -> None:
    models = [*MODELS] * (13 if long else 5)
    finished = python(
        "from gevent import monkey; monkey.patch_all(); import gevent.event\n"
        + program(world, GREENLETS.format(models=models))
    )
    assert (finished.status, finished.stderr) == (0, "")
    (process,) = told(tmp_path).values()
    assert (process.active, process.contained, process.operations.total()) == (0, 0, len(models))
    number_of = {span["id"]: span["attributes"]["number"] for span in spans(tmp_path) if "number" in span["attributes"]}
    calls = [span for span in spans(tmp_path) if "number" not in span["attributes"]]
    assert sorted((number_of[call["parent"]], call["attributes"]["midstream.outcome"]) for call in calls) == [
        (number, MODELS[model]) for number, model in enumerate(models)
    ]
