"""`midstream faults` with plans, with an upstream, with a log, and around a command."""

from __future__ import annotations

import json
import re
import signal
import socket
import sys
from contextlib import closing
from http.client import HTTPConnection
from typing import TYPE_CHECKING, Any

import anthropic
import pytest
from click.testing import CliRunner

from midstream._cli.app import app
from midstream.faults import FaultServer
from support.commands import midstream, midstream_running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support.commands import Running

pytestmark = pytest.mark.timeout(180)  # every test starts a process, on a machine that may be busy

_ENDS = "Ctrl-C ends the server."
_KEY = "sk-ant-canary-77aa"
_REAL = "claude-some-model"


pytestmark = pytest.mark.newest


@pytest.fixture(name="upstream")
def upstream_() -> Iterator[FaultServer]:
    with FaultServer() as server:
        server.script()
        yield server


def _port(command: Running) -> tuple[int, str]:
    said = command.read_until(_ENDS)
    found = re.search(r"http://127\.0\.0\.1:(\d+)", said)
    assert found, said
    return int(found[1]), said


def _statuses(port: int, *models: str, key: str = _KEY) -> list[int]:
    statuses: list[int] = []
    with closing(HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
        for model in models:
            connection.request("POST", "/v1/messages?beta=true", json.dumps({"model": model}), {"x-api-key": key})
            response = connection.getresponse()
            response.read()
            statuses.append(response.status)
    return statuses


def _entries(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


# Plans


def test_keys_come_before_models_and_models_before_the_script(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    options = ["--script", "http:rate_limit_error,ok", "--repeat", "--log", str(log)]
    rules = ["--for-model", "claude-haiku-*", "http_html:503=100%", "--for-key", "91bc", "http:billing_error"]
    with midstream_running("faults", "--port", "0", *options, *rules) as command:
        port, said = _port(command)
        assert _statuses(port, _REAL, "claude-haiku-4-5", _REAL, _REAL) == [429, 503, 200, 429]
        assert _statuses(port, _REAL, "claude-haiku-4-5", key="sk-ant-91bc") == [402, 402]
        done = command.stop(signal.SIGINT)
    assert (done.status, done.stdout) == (0, "")
    entries = _entries(log.read_text())
    assert [entry["scenario"] for entry in entries][:2] == ["http:rate_limit_error", "http_html:503"]
    assert entries[0].keys() == {"time", "number", "method", "path", "model", "scenario", "resends", "status", "end"}
    assert (entries[0]["model"], entries[0]["path"], entries[0]["end"]) == (_REAL, "/v1/messages", "played")
    for secret in (_KEY, "91bc", "beta=true"):
        assert secret not in log.read_text() + said


def test_a_mix_prints_the_seed_that_draws_it_again() -> None:
    drawn: list[list[int]] = []
    seed: list[str] = []
    for _ in range(2):
        with midstream_running("faults", "--port", "0", "--mix", "http=50%", *seed) as command:
            port, said = _port(command)
            found = re.search(r"^(--seed) (\d+) draws the same again", said, re.MULTILINE)
            assert found, said
            seed = list(found.groups())
            drawn.append(_statuses(port, *[_REAL] * 30))
            command.stop(signal.SIGINT)
    assert drawn[0] == drawn[1]
    assert set(drawn[0]) == {200, 529}


def test_a_log_on_stdout_is_alone_there() -> None:
    program = f"import anthropic as a; a.Anthropic().messages.count_tokens(model='{_REAL}', messages=[])"
    done = midstream("faults", "--script", "ok", "--log", "-", "--", sys.executable, "-c", program)
    assert (done.status, done.stderr) == (0, "1 request: 1 ok\n")
    assert [(entry["path"], entry["scenario"]) for entry in _entries(done.stdout)] == [
        ("/v1/messages/count_tokens", "ok")
    ]


# An upstream


def test_with_an_upstream_responses_are_real_and_some_break(upstream: FaultServer) -> None:
    options = ("--upstream", upstream.url, "--script", "ok,in_band@3", "--log", "-")
    with midstream_running("faults", "--port", "0", *options) as command:
        port, said = _port(command)
        assert upstream.url in said
        with anthropic.Anthropic(base_url=f"http://127.0.0.1:{port}", api_key=_KEY, max_retries=0) as client:
            messages: Any = client.messages
            hello = {"model": _REAL, "max_tokens": 8, "messages": [{"role": "user", "content": "Hello"}]}
            assert messages.create(**hello).model == _REAL
            with pytest.raises(anthropic.APIStatusError, match="overloaded_error"):
                list(messages.create(**hello, stream=True))
        done = command.stop(signal.SIGTERM)
    assert done.status == 0
    assert [entry["scenario"] for entry in _entries(done.stdout)] == ["ok", "in_band@3"]
    assert len(upstream.requests) == 2
    assert _KEY not in done.stdout + said


# A command


_CALL = f"""\
import anthropic, os
print(os.environ["ANTHROPIC_API_KEY"])
client = anthropic.Anthropic(max_retries=0)
try:
    client.messages.create(model="{_REAL}", max_tokens=8, messages=[dict(role="user", content="Hello")])
except anthropic.APIStatusError as error:
    raise SystemExit(error.status_code % 256)
"""


def test_a_command_calls_the_server_and_its_exit_status_is_returned() -> None:
    done = midstream(
        "faults", "--script", "http:rate_limit_error", "--", sys.executable, "-c", _CALL, ANTHROPIC_API_KEY=""
    )
    assert (done.status, done.stdout) == (429 % 256, "any\n")
    assert done.stderr == "1 request: 1 http:rate_limit_error\n"


def test_a_command_keeps_its_own_key() -> None:
    done = midstream("faults", "--mix", "cut=0%", "--", sys.executable, "-c", _CALL, ANTHROPIC_API_KEY="mine")
    assert (done.status, done.stdout) == (0, "mine\n")
    assert re.fullmatch(r"--seed \d+ draws the same again\.\n1 request: 1 ok\n", done.stderr)


def test_sigterm_ends_the_command_too() -> None:
    program = "import time; print('it runs', flush=True); time.sleep(600)"
    with midstream_running("faults", "--", sys.executable, "-c", program) as command:
        command.read_until("it runs")
        done = command.stop(signal.SIGTERM)
    assert (done.status, done.stdout) == (128 + signal.SIGTERM, "0 requests\n")


def test_a_command_that_cannot_be_run_is_one_line_and_status_2() -> None:
    done = midstream("faults", "--", "no-such-command-anywhere")
    assert (done.status, done.stdout) == (2, "")
    assert done.stderr == "Error: COMMAND no-such-command-anywhere: cannot be run: No such file or directory\n"


# Bad input


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--script", "ok,rest"], "--script ok,rest: scenario 'rest' is not a scenario: the families are ok, "),
        (["--script", ""], "--script '': scenario '' is not a scenario"),
        (["--mix", "in_band=60%,reset=41%"], "--mix in_band=60%,reset=41%: the shares must be 100 % at most"),
        (["--mix", "in_band"], "--mix in_band: 'in_band' must be a scenario and its share, such as in_band=5%"),
        (["--script", "ok", "--mix", "cut=1%"], "--script and --mix: give one of them"),
        (["--for-model", "claude-*", "rest"], "--for-model claude-* rest: scenario 'rest' is not a scenario"),
        (["--for-key", _KEY, "reset"], "--for-key: give the last 1 to 8 characters of the key, and not the key itself"),
        (["--for-key", "", "reset"], "--for-key: give the last 1 to 8 characters"),
        (["--mix", "cut=1%", "--repeat"], "--repeat: needs a script"),
        (["--latency", "fast"], "--latency fast: 'fast' must be first=300ms or between=20ms..80ms"),
        (["--upstream", "https://me:secret@host"], "--upstream: must be an http or https URL without user"),
        (["--upstream", "http://host", "--script", "tool_use"], "--script tool_use: tool_use is an answer"),
        (["--upstream", "http://host", "--mix", "ok:9=1%"], "--mix ok:9=1%: ok:9 is an answer"),
        (["--log", "/no/such/folder/log"], "--log /no/such/folder/log: cannot be written: No such file or directory"),
    ],
)
def test_an_invalid_option_is_one_line_and_status_2(options: list[str], message: str) -> None:
    done = CliRunner().invoke(app, ["faults", "--port", "0", *options])
    assert done.exit_code == 2
    (line,) = done.output.splitlines()
    assert line.startswith(f"Error: {message}")
    assert "secret" not in line
    assert _KEY not in line


def test_a_taken_port_is_one_line_with_an_upstream_too(upstream: FaultServer) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        done = midstream("faults", "--port", port, "--upstream", upstream.url)
    assert (done.status, done.stdout) == (2, "")
    assert done.stderr == f"Error: --port {port}: the port is taken; give one that is free, or 0 for any\n"
