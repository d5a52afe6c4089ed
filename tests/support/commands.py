"""The command `midstream` in a separate process."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

from support.interpreters import Finished, interpreters

if TYPE_CHECKING:
    import signal
    from collections.abc import Generator, Mapping

__all__ = (
    "TEN_LINES",
    "Finished",
    "Running",
    "launched",
    "launched_after",
    "midstream",
    "midstream_after",
    "midstream_running",
    "python",
)

TEN_LINES = """
import sys, anthropic
client = anthropic.Anthropic(base_url=sys.argv[1], api_key="none", max_retries=0)
try:
    with client.messages.stream(
        model="in_band:overloaded_error", max_tokens=64, messages=[{"role": "user", "content": "hello"}]
    ) as stream:
        for text in stream.text_stream:
            print(text, end="")
except anthropic.APIStatusError as error:
    print(error.status_code)
"""
"""A program of a user's, which does not know of midstream. Its argument is the URL to call."""

_PATIENCE_SECONDS = 170.0
_COMMAND = (sys.executable, "-m", "midstream")


@dataclass(frozen=True)
class Running:
    """A command that runs. Its stdout and its stderr come as one."""

    process: subprocess.Popen[str]

    def read_until(self, text: str) -> str:
        """Waits for a line with `text`, and returns everything up to its end that was not read before."""
        read: list[str] = []
        for line in self._output:
            read.append(line)
            if text in line:
                return "".join(read)
        message = f"it ended without {text!r}: {''.join(read)}"
        raise AssertionError(message)

    def stop(self, number: signal.Signals) -> Finished:
        """Sends it the signal, and waits for its end. The result has the output that was not read before."""
        self.process.send_signal(number)
        rest = self._output.read()
        return Finished(self.process.wait(_PATIENCE_SECONDS), rest, "")

    @property
    def _output(self) -> IO[str]:
        assert self.process.stdout is not None
        return self.process.stdout


def midstream(*arguments: str, **environment: str) -> Finished:
    """Runs `midstream` with `arguments` to its end, with `environment` added to that of the tests."""
    if environment:  # parts of it count only when an interpreter starts
        return _run(*_COMMAND, *arguments, environment=environment)
    return interpreters().run(
        f"import os, sys\nos.environ['COLUMNS'] = '100'\nos.chdir({str(Path.cwd())!r})\n"
        f"sys.argv = ['midstream', *{arguments!r}]\nfrom midstream._cli import main\nmain()"
    )


def midstream_after(code: str, *arguments: str) -> Finished:
    """Runs `midstream` with `arguments` to its end, in a new interpreter that runs `code` before."""
    start = f"import sys\n{code}\nsys.argv = ['midstream', *sys.argv[1:]]\nfrom midstream._cli import main\nmain()"
    return _run(sys.executable, "-c", start, *arguments)


def launched(*arguments: str, **environment: str) -> Finished:
    """Runs `opentelemetry-instrument midstream` with `arguments` to its end."""
    launcher = Path(sys.executable).with_name("opentelemetry-instrument")
    return _run(str(launcher), *_COMMAND, *arguments, environment=environment)


def launched_after(shell: str, *arguments: str, **environment: str) -> Finished:
    """The same, in a shell, after the commands `shell`."""
    launcher = str(Path(sys.executable).with_name("opentelemetry-instrument"))
    command = shlex.join((launcher, *_COMMAND, *arguments))
    return _run("/bin/sh", "-c", f"{shell}; {command}", environment=environment)


@contextmanager
def midstream_running(*arguments: str, **environment: str) -> Generator[Running]:
    """Runs `midstream` with `arguments` until the end of the `with` block at the latest, as `midstream` does."""
    with subprocess.Popen(
        (*_COMMAND, *arguments),
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=_environment(environment),
        start_new_session=True,  # without the terminal of who runs the tests
    ) as process:
        try:
            yield Running(process)
        finally:
            process.kill()


def python(code: str) -> Finished:
    """Runs a Python program to its end."""
    return _run(sys.executable, "-c", code)


def _run(*command: str, environment: Mapping[str, str] | None = None) -> Finished:
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        timeout=_PATIENCE_SECONDS,
        env=_environment(environment or {}),
    )
    return Finished(done.returncode, done.stdout, done.stderr)


def _environment(added: Mapping[str, str]) -> dict[str, str]:
    # A user's terminal and the settings of OpenTelemetry where the tests run are not what the tests are about.
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "MIDSTREAM_"))}
    return {**kept, "COLUMNS": "100", "PYTHONUNBUFFERED": "1", **added}
