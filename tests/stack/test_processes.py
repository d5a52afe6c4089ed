"""Processes that end unexpectedly: each of their calls is counted, by the rules too."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import partial
from typing import TYPE_CHECKING, Final

import pytest

from midstream.faults import FaultServer
from stack.traffic import counted
from support.example import EXAMPLES, program_beside
from support.programs import eventually

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dashboards.prometheus import Store
    from stack.backends import Backends

pytestmark = pytest.mark.timeout(600)

_CALLS: Final = 3
WORKER: Final = f"""
import anthropic, contextlib, signal
client = anthropic.Anthropic()
for _ in range({_CALLS}):
    client.messages.create(model="claude", max_tokens=64, messages=[{{"role": "user", "content": "Is all well?"}}])
signal.pause()
"""
"""A worker that waits after some calls. Nothing it does at its exit is done if it is killed."""


def environment(server: FaultServer, on: Backends, service: str) -> Mapping[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "ANTHROPIC_"))}
    return {
        **kept,
        "ANTHROPIC_BASE_URL": server.url,
        "ANTHROPIC_API_KEY": "any",
        "OTEL_SERVICE_NAME": service,
        "OTEL_EXPORTER_OTLP_ENDPOINT": on.collecting,
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        "OTEL_METRIC_EXPORT_INTERVAL": "1000",
    }


def recorded(store: Store, service: str) -> float:
    """The calls of the last five minutes, by the series that boards and alerts read."""
    found = store.now(f'round(sum(midstream:operations:rate5m{{service_name="{service}"}}) * 300)')
    return sum(series.values[0] for series in found)


def has(store: Store, service: str, outcomes: Mapping[str, float]) -> None:
    assert counted(store, service) == outcomes
    assert recorded(store, service) == sum(outcomes.values())


def test_processes_that_make_one_call_are_counted(on: Backends) -> None:
    command = (program_beside("opentelemetry-instrument"), sys.executable, EXAMPLES / "zero_code" / "hello.py")
    with FaultServer() as server:
        server.script("ok", "cut", repeat=True)
        environ = environment(server, on, "cron")
        for _ in range(2):
            pair = [subprocess.Popen(command, env=environ, stdout=subprocess.DEVNULL) for _ in range(2)]
            assert [process.wait() for process in pair] == [0, 0]
    eventually(lambda: has(on.pushed, "cron", {"completed": 2, "truncated": 2}))


def test_a_worker_that_is_killed_and_its_successor_are_counted(on: Backends) -> None:
    command = (program_beside("opentelemetry-instrument"), sys.executable, "-c", WORKER)
    with FaultServer() as server:
        server.script("ok", repeat=True)
        environ = environment(server, on, "worker")
        for generation in (1, 2):
            with subprocess.Popen(command, env=environ) as process:
                try:
                    eventually(partial(has, on.pushed, "worker", {"completed": generation * _CALLS}))
                finally:
                    process.kill()
    assert counted(on.pushed, "worker") == {"completed": 2 * _CALLS}
