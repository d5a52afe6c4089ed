"""Programs that end without their exit handlers, or are frozen: their telemetry has arrived."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import Counter, defaultdict
from http.client import HTTPConnection
from typing import TYPE_CHECKING, Final

import pytest

from support.example import EXAMPLES, environment, program_beside
from support.programs import eventually, running, serving

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from midstream.faults import FaultServer
    from support.otlp_receiver import OtlpReceiver

NEVER: Final = dict.fromkeys(
    ("OTEL_BSP_SCHEDULE_DELAY", "OTEL_BLRP_SCHEDULE_DELAY", "OTEL_METRIC_EXPORT_INTERVAL"), "600000"
)
"""Nothing is exported without a flush."""

OPERATIONS: Final = "midstream.client.operations"
ASK_TWICE: Final = "import tasks\nfor _ in range(2): tasks.answer.delay('Is all well?')"


@pytest.fixture
def world(server: FaultServer, receiver: OtlpReceiver, tmp_path: Path) -> Mapping[str, str]:
    """The environment of a program whose every call is cut."""
    server.script("cut", repeat=True)
    return environment(server, receiver, **NEVER, QUEUE=str(tmp_path))


def arrived(receiver: OtlpReceiver) -> list[Counter[str]]:
    """For each process, how its calls ended: by its spans, with which its metrics and its log events agree."""
    spans, counted = defaultdict[str, Counter[str]](Counter), defaultdict[str, Counter[str]](Counter)
    for span in receiver.spans:
        if "midstream.outcome" in span.attributes:
            spans[span.resource["service.instance.id"]][span.attributes["midstream.outcome"]] += 1
    for point in receiver.points:  # the newest is the last
        if point.name == OPERATIONS:
            counted[point.resource["service.instance.id"]][point.attributes["midstream.outcome"]] = int(point.value)
    assert {process: +outcomes for process, outcomes in counted.items()} == spans
    assert len(receiver.logs) == sum(outcomes.total() for outcomes in spans.values())
    return list(spans.values())


# In one test, a new process would take the place of the one that ended. With a folder as the broker, a thread forks it,
# and Linux kills it when Celery ends that thread on shutdown: its telemetry would be lost. With Redis it is not.
@pytest.mark.parametrize("until", ["SIGTERM", pytest.param("its last task", marks=pytest.mark.full)])
def test_a_celery_process_exports_its_last_telemetry_when_it_ends_after(
    until: str, world: Mapping[str, str], receiver: OtlpReceiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("celery", reason="celery is not installed")
    for name, value in world.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(EXAMPLES / "celery")
    subprocess.run((sys.executable, "-c", ASK_TWICE), check=True)
    worker = ("--app=tasks", "worker", "--loglevel=info", "--concurrency=1", "--without-gossip", "--without-mingle")
    limit = ("--max-tasks-per-child=2",) if until == "its last task" else ()
    log = tmp_path / "log"

    def done() -> None:
        assert log.read_text().count(" succeeded in ") == 2

    def ended() -> None:
        assert arrived(receiver) == [{"truncated": 2}]

    with running((program_beside("celery"), *worker, *limit), log) as process:
        eventually(done)
        if until == "SIGTERM":
            assert arrived(receiver) == []
            process.terminate()
            assert process.wait(100) == 0
            ended()
        eventually(ended)


def test_what_uvicorn_knows_when_sigterm_ends_it_arrives(
    world: Mapping[str, str], receiver: OtlpReceiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("uvicorn", reason="uvicorn is not installed")
    for name, value in world.items():
        monkeypatch.setenv(name, value)
    programs = [program_beside(name) for name in ("opentelemetry-instrument", "uvicorn")]
    command = (*programs, "app:app", "--app-dir", str(EXAMPLES / "uvicorn"), "--port", "0")
    with serving(command, tmp_path / "log", r"Uvicorn running on http://(\S+)") as url:
        connection = HTTPConnection(url.removeprefix("http://"))
        connection.request("GET", "/", headers={"connection": "close"})
        assert connection.getresponse().read() == b"All is"
        connection.close()
        assert arrived(receiver) == []
    assert arrived(receiver) == [{"truncated": 1}]


RUNTIME: Final = """
import os, signal
from contextlib import suppress
from handler import handler
while True:
    with suppress(Exception):
        handler({"question": "Is all well?"}, None)
    os.kill(os.getpid(), signal.SIGSTOP)
"""
"""Calls the handler, and freezes the process as soon as it returns."""


def test_a_lambda_frozen_after_each_invocation_has_exported_each_when_it_is_killed(
    server: FaultServer, world: Mapping[str, str], receiver: OtlpReceiver
) -> None:
    server.script("cut", "reset")
    told: list[list[Counter[str]]] = []
    with subprocess.Popen((sys.executable, "-c", RUNTIME), cwd=EXAMPLES / "aws_lambda", env=world) as process:
        try:
            for _ in range(2):
                process.send_signal(signal.SIGCONT)
                _, status = os.waitpid(process.pid, os.WUNTRACED)
                assert os.WIFSTOPPED(status)
                told.append(arrived(receiver))
        finally:
            process.kill()
    assert told == [[{"truncated": 1}], [{"truncated": 1, "transport_error": 1}]]
