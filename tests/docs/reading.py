"""A reader who does what a page says, from its top to its end.

What each language of a block, and some commands, mean is in the tables here. A language that is not in them fails.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from doctest import ELLIPSIS, NORMALIZE_WHITESPACE, OutputChecker
from pathlib import Path
from shutil import which
from threading import Thread
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import promql_parser
import yaml

from midstream.faults import FaultServer
from support.blocks import CHECKOUT
from support.otlp_receiver import otlp_receiver

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping

    from midstream.faults._http_request import HttpRequest
    from midstream.faults._script import Script
    from support.blocks import Block

__all__ = ("API_KEY", "Reader", "reader")

API_KEY: Final = "canary-key-73fd"
"""The key of programs in Python blocks. It must appear in nothing that is printed."""

_PATIENCE_SECONDS: Final = 150.0

_COPIED: Final = (
    *("*.md", "Makefile", "pyproject.toml", "hatch_build.py"),
    *("dashboards", "docs", "examples", "registry", "requirements"),
)
_LINKED: Final = ("src", "tests", "benchmarks", "fuzz")

_SERVING: Final[Mapping[str, str]] = MappingProxyType(
    {
        r"midstream faults\b(?!.*(--list| -- ))": "Ctrl-C",
        r"midstream demo\b.*--serve": "Ctrl-C",
        r"midstream watch\b(?!.* -- )": "MIDSTREAM_WATCH",
        r"\buvicorn ": "Uvicorn running on",
    }
)
"""By command, what it prints once it serves. Such a command runs until the end of the page."""

_INSTEAD: Final[Mapping[str, str]] = MappingProxyType(
    {
        # Targets take minutes: here, make only has to know the target and its commands.
        "make": 'exec {make} --dry-run "$@" >/dev/null',
        # tests/dashboards/test_stack.py tests the stack; Docker's daemon does not run here.
        "docker": "test -f compose.yaml",
        # A worker whose whole process group is ended, as everything here is, can wait for itself for ever. Its test is
        # in tests/examples/test_last_telemetry.py; here, only its options are checked.
        "celery": 'exec python -m celery "$@" --help >/dev/null',
        # A collector is not installed, and Prometheus not everywhere: here, their configurations have to exist.
        "otelcol-contrib": 'test -f "${{1#--config=}}"',
        "prometheus": 'test -f "${{1#--config.file=}}"',
    }
)
"""By name of a program, what runs in its place."""

_PIP: Final = {
    **dict.fromkeys(("PIP_NO_INDEX", "PIP_DRY_RUN", "PIP_DISABLE_PIP_VERSION_CHECK"), "1"),
    "PIP_NO_BUILD_ISOLATION": "0",  # which pip reads as: none
}
"""pip resolves what a page installs, extras and all, against what is installed here, and changes nothing."""

_AT_THE_END: Final = dict.fromkeys(
    ("OTEL_BSP_SCHEDULE_DELAY", "OTEL_BLRP_SCHEDULE_DELAY", "OTEL_METRIC_EXPORT_INTERVAL"), "600000"
)
"""Milliseconds. A program exports when it ends, however long it takes: what it prints has one order."""

_NO_SUCH_EXTRA: Final = "does not provide the extra"

_FREE_PORTS: Final = ("8000", "8080", "9464")
_OTLP_PORT: Final = "4318"
"""In a page, these stand for free ports, and for the port of an OTLP receiver."""

_NAMED: Final = re.compile(r"# ([\w/-]+\.py)\n")
_TESTED: Final = re.compile(r"^(async )?def test_", re.MULTILINE)


class _Claude(FaultServer):
    """The fault server. A model that does not name a fault gets a whole answer."""

    def answer(self, request: HttpRequest, number: int) -> Script:
        """What it does, with `ok` for `claude-...`."""
        return super().answer(replace(request, body=re.sub(rb'"claude-[^"]*"', b'"ok"', request.body)), number)


@contextmanager
def reader(folder: Path) -> Generator[Reader]:
    """A reader in a copy of the checkout in `folder`. Everything that they start ends with the `with` block."""
    with ExitStack() as stack:
        url = stack.enter_context(_Claude()).url
        receiver = stack.enter_context(otlp_receiver())
        ports = {port: _free_port() for port in _FREE_PORTS} | {_OTLP_PORT: receiver.url.rpartition(":")[2]}
        api = f"ANTHROPIC_BASE_URL={url} ANTHROPIC_API_KEY={API_KEY}"
        yield Reader(_furnished(folder), ports, stack, api)


class Reader:
    """Does what blocks say, one after the other, in one terminal."""

    def __init__(self, folder: Path, ports: Mapping[str, str], started: ExitStack, api: str) -> None:
        self._folder = folder
        self._api = api
        self._ports = ports
        self._started = started
        self._printed = ""

    def do(self, block: Block) -> None:
        """Does what a block says, and fails if that fails."""
        act = _LANGUAGES.get(block.language)
        assert act is not None, f"one of the languages {', '.join(_LANGUAGES)} must be named at the fence"
        act(self, replace(block, text=re.sub(rf"\b({'|'.join(self._ports)})\b", self._port, block.text)))

    def _port(self, found: re.Match[str]) -> str:
        return self._ports[found[0]]

    # What each language means

    def shell(self, block: Block) -> None:
        """Runs the commands."""
        commands = block.text.replace("\\\n", " ").splitlines()
        for command in commands if any(map(_serving, commands)) else [block.text]:
            says = _serving(command)
            if says is None:
                self._run(command)
            else:
                self._serve(command, says)
        assert _NO_SUCH_EXTRA not in self._printed, self._printed

    def python(self, block: Block) -> None:
        """Runs the program, or its tests if it has some."""
        named = _NAMED.match(block.text)
        name = named[1] if named else f"block_{block.line}.py"
        (self._directory / name).write_text(f"{block.text}\n", encoding="utf-8")
        self._run(f"env {self._api} {'pytest -q' if _TESTED.search(block.text) else 'python'} {name}")

    def output(self, block: Block) -> None:
        """Compares it with what the block before it has printed; `...` stands for anything."""
        same = OutputChecker().check_output(block.text, self._printed, ELLIPSIS | NORMALIZE_WHITESPACE)
        assert same, f"what is printed is\n{self._printed}"

    def tree(self, block: Block) -> None:
        """Checks that every file and folder exists."""
        path: list[str] = []
        for line in block.text.splitlines():
            depth = (len(line) - len(line.lstrip())) // 2
            path[depth:] = [line.split()[0]]
            assert (self._folder / "/".join(path)).exists(), line

    # The terminal: its folder and its exported variables outlive a command

    @property
    def _directory(self) -> Path:
        return Path((self._folder / ".terminal" / "directory").read_text(encoding="utf-8").rstrip("\n"))

    def _script(self, command: str) -> tuple[str, ...]:
        kept = shlex.quote(str(self._folder / ".terminal"))
        before = f'source {kept}/exported; cd -- "$(cat {kept}/directory)"\nset -eu'
        return "bash", "-c", f"{before}\n{command}\nset +e\nexport -p >{kept}/exported; pwd >{kept}/directory"

    def _run(self, command: str) -> None:
        done = subprocess.run(
            self._script(command),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=_PATIENCE_SECONDS,
            cwd=self._folder,
            env={},
        )
        self._printed = done.stdout
        assert done.returncode == 0, f"exit status {done.returncode}\n{done.stdout}"
        assert API_KEY not in done.stdout

    def _serve(self, command: str, says: str) -> None:
        process = subprocess.Popen(
            self._script(command),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=self._folder,
            env={},
            start_new_session=True,
        )
        self._started.callback(_end, process)
        assert process.stdout is not None
        told: list[str] = []
        for line in process.stdout:
            told.append(line)
            if says in line:
                break
        self._printed = "".join(told)
        assert says in self._printed, f"it ended without {says!r}\n{self._printed}"
        # No process writes into a full pipe.
        Thread(target=process.stdout.read, daemon=True).start()


def _end(process: subprocess.Popen[str]) -> None:
    with process:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(_PATIENCE_SECONDS)
        finally:
            if process.returncode is None:
                os.killpg(process.pid, signal.SIGKILL)


def _parsed(parse: Callable[[str], object]) -> Callable[[Reader, Block], None]:
    def act(_reader: Reader, block: Block) -> None:
        parse(block.text)

    return act


def _whole_yaml(text: str) -> None:
    assert all(document is not None for document in yaml.safe_load_all(text))


def _checked(*checker: str) -> Callable[[Reader, Block], None]:
    """A program that reads the block from stdin and fails if it does not parse, where it is installed."""

    def act(_reader: Reader, block: Block) -> None:
        if which(checker[0]) is not None:
            subprocess.run(checker, input=f"{block.text}\n", text=True, check=True, capture_output=True)

    return act


def _made(_reader: Reader, block: Block) -> None:
    assert block.page in _GENERATED, f"only {', '.join(_GENERATED)} has such blocks, made from what was on the wire"


_GENERATED: Final = ("docs/outcomes.md",)
"""Pages that a command writes from a run on the fault server; a test compares them."""

_LANGUAGES: Final[Mapping[str, Callable[[Reader, Block], None]]] = MappingProxyType(
    {
        "sh": Reader.shell,
        "python": Reader.python,
        "text": Reader.output,
        "tree": Reader.tree,
        "http": _made,
        "json": _parsed(json.loads),
        "js": _checked("node", "--check", "--input-type=module", "-"),
        "go": _checked("gofmt", "-e"),
        "promql": _parsed(promql_parser.parse),
        "yaml": _parsed(_whole_yaml),
    }
)
"""By language of a block, how it is checked."""


def _serving(command: str) -> str | None:
    return next((says for kind, says in _SERVING.items() if re.search(kind, command)), None)


def _free_port() -> str:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        return str(taken.getsockname()[1])


def _furnished(folder: Path) -> Path:
    """A copy of the checkout, with a new terminal."""
    for path in (found for pattern in _COPIED for found in CHECKOUT.glob(pattern)):
        if path.is_dir():
            shutil.copytree(path, folder / path.name, ignore=shutil.ignore_patterns("node_modules", "__pycache__"))
        else:
            shutil.copy(path, folder)
    for name in _LINKED:
        (folder / name).symlink_to(CHECKOUT / name)
    terminal = folder / ".terminal"
    programs = terminal / "bin"
    programs.mkdir(parents=True)
    for name, command in _INSTEAD.items():
        program = programs / name
        program.write_text(f"#!/bin/bash\nset -e\n{command.format(make=which('make'))}\n", encoding="utf-8")
        program.chmod(0o755)
    (terminal / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    environment = {
        "PATH": os.pathsep.join((str(programs), str(Path(sys.executable).parent), os.environ["PATH"])),
        "HOME": str(terminal),
        "COLUMNS": "100",
        "PYTHONUNBUFFERED": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTEST_ADDOPTS": f"-c {terminal}/pytest.ini --rootdir . -p no:cacheprovider",
        **_AT_THE_END,
        **_PIP,
    }
    exported = "".join(f"export {name}={shlex.quote(value)}\n" for name, value in environment.items())
    (terminal / "exported").write_text(exported, encoding="utf-8")
    (terminal / "directory").write_text(f"{folder}\n", encoding="utf-8")
    return folder
