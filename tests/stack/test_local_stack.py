"""`make stack`: what it says when it cannot start, and that nothing remains of it."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final

import pytest
import yaml

from dashboards.prometheus import Store
from local_programs import Program, Programs, StackError
from local_stack import Ports, Stack
from stack.backends import free_ports
from support.example import EXAMPLES
from support.programs import eventually, running

LOCAL: Final = EXAMPLES / "stack" / "local"
SLEEPER: Final = (sys.executable, "-c", "import time; time.sleep(600)")


def processes_in(folder: Path) -> list[int]:
    """The processes that were started in `folder`."""
    found: list[int] = []
    for process in Path("/proc").iterdir():
        with suppress(OSError):  # it ends, or belongs to another user
            if process.name.isdecimal() and str((process / "cwd").readlink()).startswith(str(folder)):
                found.append(int(process.name))
    return found


def started(*arguments: str) -> subprocess.CompletedProcess[str]:
    command: list[str | Path] = [sys.executable, LOCAL / "local_stack.py", "nowhere", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def test_a_port_that_is_taken_is_named_with_its_option() -> None:
    free = map(str, free_ports())
    others = [
        f"--{name}={next(free)}" for name in ("collector", "alertmanager", "victoria-logs", "jaeger", "jaeger-otlp")
    ]
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = started(*others, f"--prometheus={port}")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        f"stack: --prometheus {port}: the port is taken; stop what listens there, or give one that is free\n"
    )


def test_two_programs_cannot_have_one_port() -> None:
    port = next(free_ports())
    done = started(f"--collector={port}", f"--jaeger={port}")
    assert done.returncode == 2
    assert f"--collector {port}: another program has this port" in done.stderr


def test_without_go_the_build_names_where_to_get_it(tmp_path: Path) -> None:
    bash, bin_ = "/bin/bash", tmp_path / "bin"
    bin_.mkdir()
    for tool in ("dirname", "mkdir", "mktemp", "rm", "cat"):
        (bin_ / tool).symlink_to(Path("/usr/bin") / tool)
    command = (bash, LOCAL / "build.sh", tmp_path / "built")
    done = subprocess.run(command, env={"PATH": str(bin_)}, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr == (
        "build.sh: there is no go: install Go 1.26 or later from https://go.dev/dl, or run the stack with Docker\n"
    )


def test_a_program_that_ends_by_itself_is_an_error_with_its_last_lines(tmp_path: Path) -> None:
    failing = Program("failing", (sys.executable, "-c", "import sys; sys.exit('no disk')"), "http://127.0.0.1:9/")
    with Programs(tmp_path) as programs, pytest.raises(StackError, match="failing has ended with status 1: no disk"):
        programs.start(failing)


def test_programs_end_with_the_block_whatever_happens_in_it(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), Programs(tmp_path) as programs:
        programs.start(Program("first", SLEEPER))
        programs.start(Program("second", SLEEPER))
        assert len(processes_in(tmp_path)) == 2
        raise ZeroDivisionError
    assert processes_in(tmp_path) == []


def test_every_address_of_the_containers_has_one_on_this_machine(tmp_path: Path) -> None:
    ports = iter(range(1, 100))
    stack = Stack(tmp_path, tmp_path, Ports(*(next(ports) for _ in range(6))))
    shipped = [EXAMPLES / "stack" / name for name in ("collector.yaml", "prometheus.yaml", "alertmanager.yaml")]
    for path in (*shipped, LOCAL / "jaeger.yaml"):
        text = stack.configured(path).read_text()
        addresses = re.findall(r"[\w.]+:\d{2,}", re.sub("#.*", "", text))
        assert [address for address in addresses if not re.fullmatch(r"127\.0\.0\.1:\d", address)] == []


def test_prometheus_has_the_options_of_the_container(tmp_path: Path) -> None:
    compose = yaml.safe_load((EXAMPLES / "stack" / "compose.yaml").read_text())
    (prometheus,) = [program for program in Stack(tmp_path, tmp_path).programs() if program.name == "prometheus"]
    assert set(prometheus.command[4:]) == {
        option for option in compose["services"]["prometheus"]["command"] if option.count("/") == 0
    }


@pytest.mark.timeout(300)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_ctrl_c_and_the_end_of_the_terminal_leave_no_process(
    built: Path, tmp_path: Path, number: signal.Signals
) -> None:
    free = map(str, free_ports())
    prometheus = next(free)
    names = ("collector", "alertmanager", "victoria-logs", "jaeger", "jaeger-otlp")
    ports = [f"--prometheus={prometheus}", *(f"--{name}={next(free)}" for name in names)]
    command: list[str | Path] = [sys.executable, LOCAL / "local_stack.py", built, *ports]
    log = tmp_path / "log"
    with running(command, log) as process:
        folder = eventually(lambda: _folder(log))
        assert len(processes_in(folder)) >= 5
        eventually(lambda: _has_the_demo(prometheus))
        process.send_signal(number)
        assert process.wait(60) == 0
    assert processes_in(folder) == []
    assert not folder.exists()


def _has_the_demo(port: str) -> None:
    assert Store(f"http://127.0.0.1:{port}").now('midstream:calls:rate5m{service_name="midstream-demo"} > 0')


def _folder(log: Path) -> Path:
    found = re.search(r"Logs are in (\S+)\. Ctrl-C", log.read_text())
    assert found, log.read_text()
    return Path(found[1])
