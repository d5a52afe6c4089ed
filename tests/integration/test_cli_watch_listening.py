"""`midstream watch` without a command: services elsewhere, and what an OTLP receiver accepts."""

from __future__ import annotations

import gzip
import json
import os
import re
import signal
import socket
import subprocess
import sys
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from midstream._cli.watch.receiver import receiving
from midstream._cli.watch.tally import Tally
from support.commands import midstream, midstream_running
from support.watched import ended, environment_for, program

if TYPE_CHECKING:
    from collections.abc import Mapping

    from midstream.faults import FaultServer

pytestmark = pytest.mark.newest

_HOW_TO_ENDS = "export MIDSTREAM_WATCH="


def _exported(line: str) -> dict[str, str]:
    return dict(re.findall(r"(\w+)=(\S+)", line))


def test_services_that_set_what_is_printed_are_seen_until_ctrl_c(server: FaultServer, tmp_path: Path) -> None:
    command = program(tmp_path, "call('ok', 'cut')")
    launcher = str(Path(sys.executable).with_name("opentelemetry-instrument"))
    with midstream_running("watch", "--port", "0", "--json") as watch:
        how_to = watch.read_until(_HOW_TO_ENDS)
        endpoint, exporters, watcher = map(_exported, re.findall(r"^    export (.*)$", how_to, re.MULTILINE))
        environment = {**os.environ, **environment_for(server)}
        path = os.pathsep.join(filter(None, (watcher.pop("PYTHONPATH"), os.environ.get("PYTHONPATH"))))
        subprocess.run((launcher, *command), env=environment | endpoint | exporters, check=True, timeout=150)
        subprocess.run(command, env=environment | watcher | {"PYTHONPATH": path}, check=True, timeout=150)
        done = watch.stop(signal.SIGINT)
    summary = json.loads(done.stdout.partition("{")[1] + done.stdout.partition("{")[2])
    assert (done.status, ended(summary), summary["processes"]) == (0, {"completed": 2, "truncated": 2}, 1)
    assert summary["time_to_first_chunk"]["count"] == 4
    assert (summary["input_tokens"], summary["output_tokens"]) == (172, 30)
    sources = [failure["source"] for failure in summary["failures"]]
    assert sources[0].startswith("unknown_service")
    assert re.fullmatch(r"process \d+", sources[1])


def test_a_taken_port_is_one_line_and_status_2() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        done = midstream("watch", "--port", str(port))
    assert (done.status, done.stdout) == (2, "")
    assert done.stderr == f"Error: --port {port}: the port is taken; give one that is free, or 0 for any\n"


# The receiver

_JSON = {"content-type": "application/json"}
_PROTOBUF = {"content-type": "application/x-protobuf"}
_GZIP = {**_PROTOBUF, "content-encoding": "gzip"}


def _posted(address: str, path: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, bytes]:
    with closing(HTTPConnection(address, timeout=30)) as connection:
        connection.request("POST", path, body, dict(headers))
        response = connection.getresponse()
        return response.status, response.read()


@pytest.mark.parametrize(
    ("path", "body", "headers", "answer"),
    [
        ("/v1/metrics", b"", _PROTOBUF, (200, b"")),
        ("/v1/metrics", gzip.compress(b""), _GZIP, (200, b"")),
        ("/v1/logs", b"{}", _JSON, (200, b"{}")),
        ("/v1/logs", b'{"resourceLogs": [], "added": "later"}', _JSON, (200, b"{}")),
        ("/v1/traces", b"anything", _PROTOBUF, (200, b"")),
        ("/v1/metrics", b"no protobuf", _PROTOBUF, (400, b"")),
        ("/v1/metrics", b"no gzip", _GZIP, (400, b"")),
        ("/v1/metrics", gzip.compress(bytes(2**24 + 1)), _GZIP, (400, b"")),
        ("/v1/logs", b"{", _JSON, (400, b"")),
        ("/v1/logs", b"{}", {"content-type": "text/plain"}, (415, b"")),
        ("/v1/elsewhere", b"{}", _JSON, (404, b"")),
    ],
    ids=lambda value: "" if isinstance(value, bytes) else None,  # gzip has the time in it
)
def test_the_receiver_takes_otlp_and_nothing_else(
    path: str, body: bytes, headers: Mapping[str, str], answer: tuple[int, bytes]
) -> None:
    with receiving(Tally(), 0) as address:
        assert _posted(address, path, body, headers) == answer


def _event(text: str) -> bytes:
    name = {"key": "event.name", "value": {"stringValue": "gen_ai.client.operation.exception"}}
    record: dict[str, Any] = {"timeUnixNano": "1", "body": {"stringValue": text}, "attributes": [name]}
    return json.dumps({"resourceLogs": [{"scopeLogs": [{"logRecords": [record]}]}]}).encode()


def test_what_was_sent_before_the_end_arrives_although_its_senders_do_not_wait() -> None:
    tally = Tally()
    body = _event("sent")
    with receiving(tally, 0) as address:
        host, port = address.split(":")
        for _ in range(100):
            with socket.create_connection((host, int(port))) as sender:
                head = (
                    f"POST /v1/logs HTTP/1.0\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
                )
                sender.sendall(head.encode() + body)
    assert len(tally.figures().failures) == 100


def test_what_could_steer_a_terminal_is_removed() -> None:
    lines: list[str] = []
    with receiving(Tally(lines.append), 0) as address:
        _posted(address, "/v1/logs", _event("\x1b[2Jred\nsecond"), _JSON)
    assert [line.partition(" - ")[2] for line in lines] == ["\ufffd[2Jred second"]
