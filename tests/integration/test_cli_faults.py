"""`midstream faults`, `midstream` without its packages, and what the commands have in common."""

from __future__ import annotations

import re
import signal
import socket
import textwrap

import anthropic
import pytest

from midstream._version import __version__
from midstream.faults import FAMILIES
from support.commands import midstream, midstream_after, midstream_running, python

pytestmark = pytest.mark.newest

_ENDS = "Ctrl-C ends the server."
_STOPS = pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)


def _url(output: str) -> str:
    found = re.search(r"http://\S+?:\d+", output)
    assert found, output
    return found[0]


# midstream faults --list


def test_the_list_explains_every_family_and_is_plain_when_piped() -> None:
    done = midstream("faults", "--list")
    assert (done.status, done.stderr) == (0, "")
    assert "\x1b" not in done.stdout
    rows = dict(re.split(r"  +", line, maxsplit=1) for line in done.stdout.splitlines() if "  " in line)
    assert {family.spelling: family.explanation for family in FAMILIES.values()}.items() <= rows.items()
    assert max(map(len, done.stdout.splitlines())) <= 100


# midstream faults


@_STOPS
def test_the_server_answers_until_it_is_stopped_and_then_closes_cleanly(number: signal.Signals) -> None:
    with midstream_running("faults", "--port", "0") as command:
        url = _url(command.read_until(_ENDS))
        with anthropic.Anthropic(base_url=url, api_key="any", max_retries=0) as client:
            answer = client.messages.create(
                model="ok", max_tokens=8, messages=[{"role": "user", "content": "Is all well?"}]
            )
        assert answer.stop_reason == "end_turn"
        done = command.stop(number)
    assert (done.status, done.stdout) == (0, "")


def test_the_printed_program_runs_and_meets_the_fault() -> None:
    with midstream_running("faults", "--port", "0") as command:
        output = command.read_until(_ENDS)
        program = textwrap.dedent("\n".join(line for line in output.splitlines() if line.startswith("    ")))
        done = python(program)
    assert done.stdout.split() == ["message_start", "content_block_start", *["content_block_delta"] * 2]
    assert "anthropic.APIStatusError" in done.stderr


def test_it_stops_while_a_client_waits_for_a_response() -> None:
    with midstream_running("faults", "--port", "0") as command:
        port = int(_url(command.read_until(_ENDS)).rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port)) as waiting:
            waiting.sendall(b'POST /v1/messages HTTP/1.1\r\nhost: x\r\ncontent-length: 18\r\n\r\n{"model":"silent"}')
            done = command.stop(signal.SIGINT)
    assert (done.status, done.stdout) == (0, "")


def test_it_warns_if_other_machines_may_reach_it() -> None:
    with midstream_running("faults", "--host", "0.0.0.0", "--port", "0") as command:  # noqa: S104 - that is the point
        warning, start, *_ = command.read_until(_ENDS).splitlines()
    assert warning.startswith("Warning: --host 0.0.0.0")
    assert "is at http://0.0.0.0:" in start


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_it_does_not_warn_about_loopback(host: str) -> None:
    with midstream_running("faults", "--host", host, "--port", "0") as command:
        assert "Warning" not in command.read_until(_ENDS)


def test_a_taken_port_is_one_line_and_status_2() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        done = midstream("faults", "--port", str(port))
    assert (done.status, done.stdout) == (2, "")
    assert done.stderr.splitlines() == [f"Error: --port {port}: the port is taken; give one that is free, or 0 for any"]


@pytest.mark.parametrize("host", ["192.0.2.1", "no.such.host.invalid", "..", "[::1]", ""])
def test_a_host_that_is_not_this_machine_is_one_line_and_status_2(host: str) -> None:
    done = midstream("faults", "--host", host, "--port", "0")
    assert (done.status, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"Error: --host {host}: must be an address or a name of this machine")


# midstream


def test_the_version_is_the_packages_version() -> None:
    assert midstream("--version").stdout == f"midstream, version {__version__}\n"


def test_help_lists_the_commands_without_importing_what_they_need() -> None:
    heavy = ("anthropic", "opentelemetry.sdk", "rich", "midstream._instrumentor")
    report = "lambda: print('imported:', [name for name in names if name in sys.modules])"
    done = midstream_after(f"import atexit\nnames = {heavy}\natexit.register({report})", "--help")
    assert done.status == 0
    assert {"demo", "doctor", "faults"} <= {
        line.split()[0] for line in done.stdout.splitlines() if line.startswith("  ")
    }
    assert done.stdout.splitlines()[-1] == "imported: []"


def test_importing_the_command_line_needs_only_the_core() -> None:
    blocked = ("click", "rich", "anthropic", "httpx", "httpx2", "opentelemetry.sdk", "opentelemetry.exporter")
    done = python(f"import sys\nsys.modules.update(dict.fromkeys({blocked}))\nimport midstream._cli")
    assert (done.status, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("module", "package", "arguments"),
    [
        ("click", "click", ["--help"]),
        ("click", "click", ["faults"]),
        ("rich", "rich", ["demo"]),
        ("rich", "rich", ["doctor"]),
        ("rich", "rich", ["watch"]),
        ("opentelemetry.proto", "opentelemetry-proto", ["watch", "--", "true"]),
        ("click", "click", ["doctor"]),
        ("anthropic", "anthropic", ["demo"]),
        ("opentelemetry.sdk", "opentelemetry-sdk", ["demo", "--json"]),
        ("opentelemetry.exporter.prometheus", "opentelemetry-exporter-prometheus", ["demo", "--serve"]),
        ("opentelemetry.exporter", "opentelemetry-exporter-prometheus", ["demo", "--serve"]),
        (
            "opentelemetry.exporter.otlp.proto.http",
            "opentelemetry-exporter-otlp-proto-http",
            ["demo", "--otlp", "http://127.0.0.1:4318"],
        ),
        (
            "opentelemetry.exporter",
            "opentelemetry-exporter-otlp-proto-http",
            ["demo", "--otlp", "http://127.0.0.1:4318"],
        ),
    ],
)
def test_a_missing_package_is_one_line_and_status_2(module: str, package: str, arguments: list[str]) -> None:
    done = midstream_after(f"sys.modules[{module!r}] = None", *arguments)
    assert (done.status, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert f" {package}, not installed" in line
    assert f'pip install "midstream[{"doctor" if arguments == ["doctor"] else "cli"}]"' in line
