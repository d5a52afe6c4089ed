"""Programs in separate processes that start fast: forked from one that has imported what they all need.

Such a process has the whole life of an interpreter, its exit included: what is forked is the main thread, at top level.
"""

from __future__ import annotations

import functools
import gc
import json
import os
import select
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from support.clients import HTTP_PACKAGE

__all__ = ("Finished", "Interpreters", "interpreters", "next_program")

_PATIENCE_SECONDS: Final = 150.0
_TESTS: Final = str(Path(__file__).parents[1])

_MODULES: Final = (
    "support.processes",
    "midstream._cli.app",
    "midstream._cli.clients",
    "midstream._cli.demo.command",
    "midstream._cli.doctor.command",
    "midstream._cli.faults.command",
    HTTP_PACKAGE.replace("httpx", "httpcore"),
    "opentelemetry.exporter.otlp.proto.http.trace_exporter",
    "opentelemetry.exporter.otlp.proto.http.metric_exporter",
    "opentelemetry.exporter.otlp.proto.http._log_exporter",
    "opentelemetry.exporter.prometheus",
    "requests",
)
"""What every program would otherwise import."""

_SERVE: Final = f"""
import importlib, sys
sys.path.insert(0, {_TESTS!r})
for name in {_MODULES}:
    importlib.import_module(name)
from support.interpreters import next_program
exec(compile(next_program(), "program", "exec"))
"""


@dataclass(frozen=True)
class Finished:
    """A program that has ended."""

    status: int
    stdout: str
    stderr: str


@functools.cache
def interpreters() -> Interpreters:
    """Those of this test process. To preload the modules takes seconds."""
    return Interpreters()


class Interpreters:
    """Starts programs, one after the other. Must be stopped at the end."""

    def __init__(self) -> None:
        self._folder = TemporaryDirectory(prefix="interpreters-")
        self._stdout, self._stderr = Path(self._folder.name, "stdout"), Path(self._folder.name, "stderr")
        self._server: subprocess.Popen[bytes] | None = None

    def run(self, code: str) -> Finished:
        """Runs a program to its end. Fails if that does not come: the program and all that it forked are killed."""
        server = self._server = self._server or _start()
        assert server.stdin is not None
        assert server.stdout is not None
        server.stdin.write(json.dumps([code, str(self._stdout), str(self._stderr)]).encode() + b"\n")
        server.stdin.flush()
        ready, _, _ = select.select([server.stdout], [], [], _PATIENCE_SECONDS)
        status = int(server.stdout.readline()) if ready else -signal.SIGKILL
        if not ready:
            self.stop()
        return Finished(status, self._stdout.read_text(), self._stderr.read_text())

    def stop(self) -> None:
        """Ends it, and what of its programs is left."""
        server, self._server = self._server, None
        if server is not None:
            with server:
                os.killpg(server.pid, signal.SIGKILL)


def _start() -> subprocess.Popen[bytes]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "MIDSTREAM_"))}
    # From 3.12 on, a fork where there are threads is warned about, as those of exporters are.
    command = (sys.executable, "-u", "-W", "ignore::DeprecationWarning", "-c", _SERVE)
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=kept, start_new_session=True)


def next_program() -> str:
    """In the process of each program, its code. In the one that forks them it never returns."""
    gc.collect()
    gc.freeze()
    for line in sys.stdin.buffer:
        code, *outputs = json.loads(line)
        pid = os.fork()
        if not pid:
            # What a shell starts in the background ignores it, and hands that on.
            signal.signal(signal.SIGINT, signal.default_int_handler)
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            for number, output in enumerate(outputs, start=1):
                os.dup2(os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
            return str(code)
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        os.write(1, b"%d\n" % status)
    os._exit(0)
