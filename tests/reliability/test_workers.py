"""gunicorn forks workers from a process that has instrumented: each records its own calls, once."""

from __future__ import annotations

import http.client
import os
import re
import signal
import sys
from collections import Counter
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from support.processes import Told, World, program, told
from support.programs import eventually, running

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Generator


pytest.importorskip("gunicorn", reason="gunicorn is not installed")
pytest.importorskip("uvicorn", reason="uvicorn is not installed")

MODELS = {
    "ok": "completed",
    "in_band:overloaded_error": "in_band_error",
    "cut": "truncated",
    "reset": "transport_error",
}
SCRIPTS = Path(sys.executable).parent

SLOW = "slow:500"
"""Half a second an event."""

APPLICATION = """
instrumented = {instrumented}
if not instrumented:
    world.begin()
state = {{}}

async def application(scope, receive, send):
    if scope["type"] == "lifespan":
        async with world.async_client() as state["client"]:
            await receive()
            await send({{"type": "lifespan.startup.complete"}})
            await receive()
        # A worker of uvicorn's ends itself with the signal that it was sent, so no handler of its exit runs.
        flush()
        await send({{"type": "lifespan.shutdown.complete"}})
        return
    headers = [(b"worker", str(os.getpid()).encode())]
    await send({{"type": "http.response.start", "status": 200, "headers": headers}})
    try:
        stream = await state["client"].messages.create(**arguments(scope["path"][1:]), stream=True)
        async for event in stream:
            await send({{"type": "http.response.body", "body": event.type.encode(), "more_body": True}})
    except Exception as error:
        await send({{"type": "http.response.body", "body": type(error).__name__.encode(), "more_body": True}})
    await send({{"type": "http.response.body"}})
"""


class Service:
    """A service of two workers that streams what the API streams, with one request at a time for each connection."""

    def __init__(self, process: subprocess.Popen[bytes], address: str) -> None:
        self.process = process
        self._address = address

    def ask(self, model: str) -> int:
        """Asks for an answer and reads it to its end. Gives the number of the worker."""
        worker, response = self.begin(model)
        response.read()
        return worker

    def begin(self, model: str) -> tuple[int, http.client.HTTPResponse]:
        """Asks for an answer, and reads its first bytes."""
        connection = http.client.HTTPConnection(self._address, timeout=60)
        connection.request("GET", f"/{model}", headers={"connection": "close"})
        response = connection.getresponse()
        response.read(1)
        return int(response.headers["worker"]), response

    def ask_all(self, times: int, into: dict[int, Counter[str]]) -> None:
        """Requests every model, and notes which worker had which outcome."""
        for _ in range(times):
            for model, outcome in MODELS.items():
                into.setdefault(self.ask(model), Counter())[outcome] += 1

    def stop(self) -> None:
        """Asks it to end gracefully, and waits."""
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(60) == 0


@contextmanager
def service(world: World, folder: Path, *before: str | Path, instrumented: bool = False) -> Generator[Service]:
    log = folder / "log"
    (folder / "service.py").write_text(program(world, APPLICATION.format(instrumented=instrumented)))
    command = (
        *before,
        SCRIPTS / "gunicorn",
        "--preload",
        "--workers=2",
        "--bind=127.0.0.1:0",
    )
    worker = ("--worker-class=uvicorn.workers.UvicornWorker", f"--chdir={folder}", "service:application")
    with running((*command, *worker), log) as process:

        def address() -> str:
            found = re.search(r"Listening at: http://(\S+)", log.read_text())
            assert found, log.read_text()
            return found[1]

        yield Service(process, eventually(address))


def test_each_worker_of_a_preloaded_application_records_its_own_calls(world: World, tmp_path: Path, long: bool) -> None:
    asked: dict[int, Counter[str]] = {}
    with service(world, tmp_path) as workers:
        # The others go on when one is killed in the middle of an answer. What it had not exported is lost with it.
        killed, _response = workers.begin("stall")
        os.kill(killed, signal.SIGKILL)
        workers.ask_all(50 if long else 2, asked)
        # They are asked to end in the middle of an answer, which one of them brings to its end.
        worker, response = workers.begin(SLOW)
        asked.setdefault(worker, Counter())["completed"] += 1
        workers.stop()
        assert response.read().endswith(b"message_stop")
    assert killed not in asked
    assert told(tmp_path) == {worker: Told(ended, ended) for worker, ended in asked.items()}


def test_workers_under_opentelemetry_instrument_record_their_calls(world: World, tmp_path: Path, long: bool) -> None:
    if not long:
        pytest.skip("it is long")
    pytest.importorskip("opentelemetry.distro", reason="opentelemetry-distro is not installed")
    exporters = ("--traces_exporter=console", "--metrics_exporter=none", "--logs_exporter=none")
    instrument = SCRIPTS / "opentelemetry-instrument"
    asked: dict[int, Counter[str]] = {}
    with service(world, tmp_path, instrument, *exporters, instrumented=True) as workers:
        workers.ask_all(1, asked)
        workers.stop()
    outcomes = re.findall(r'"midstream.outcome": "(\w+)"', (tmp_path / "log").read_text())
    assert Counter(outcomes) == Counter(MODELS.values())
