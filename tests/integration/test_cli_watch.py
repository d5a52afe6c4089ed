"""`midstream watch -- COMMAND`, without a terminal: what it shows of a program that notices nothing."""

from __future__ import annotations

import json
import re
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from support.commands import midstream, midstream_running, python
from support.otlp_receiver import otlp_receiver
from support.watched import ended, environment_for, program, watched

if TYPE_CHECKING:
    from collections.abc import Sequence

    from midstream.faults import FaultServer

_MANY = ("ok", "in_band:overloaded_error", "reset", "cut", "bad_json", "http_error")


def test_each_call_of_a_program_is_in_the_summary_and_its_exit_status_passes(
    server: FaultServer, tmp_path: Path
) -> None:
    done, summary = watched(server, *program(tmp_path, f"call(*{_MANY})\nprint('done')\nsys.exit(3)"))
    assert (done.status, done.stderr) == (3, "done\n")
    assert ended(summary) == dict.fromkeys(
        ("completed", "in_band_error", "transport_error", "truncated", "malformed", "http_error"), 1
    )
    assert summary["success_by_http"] == pytest.approx(5 / 6)
    assert summary["success"] == pytest.approx(1 / 6)
    assert summary["time_to_first_chunk"]["count"] == 5
    assert (summary["exit_status"], summary["open_streams"], summary["lost_streams"]) == (3, 0, 0)
    assert (summary["input_tokens"], summary["output_tokens"]) == (215, 15)
    assert {cause["cause"] for cause in summary["causes"]} >= {"529 overloaded_error", "stream_truncated"}
    flags = {"leaked": False, "misreported": True, "corrected": False}
    assert {"outcome": "in_band_error", **flags, "cause": "529 overloaded_error", "calls": 1} in summary["causes"]
    assert [failure["model"] for failure in summary["failures"]] == [*_MANY[1:]]


@pytest.mark.newest
def test_without_a_terminal_lines_go_to_stderr_and_stdout_is_the_programs(server: FaultServer, tmp_path: Path) -> None:
    command = program(tmp_path, "call('ok', 'in_band:overloaded_error')\nprint('answer')")
    done = midstream("watch", "--", *command, **environment_for(server))
    assert (done.status, done.stdout) == (0, "answer\n")
    failure, *summary = done.stderr.splitlines()
    line = r"\d\d:\d\d:\d\d in_band_error in_band:overloaded_error - 529 overloaded_error: Overloaded \(request \w+\)"
    assert re.fullmatch(f"midstream: {line}", failure)
    assert re.fullmatch(r"midstream \S+ watched `.* \S+program.py` for [\d.]+ s: exit status 0", summary[0])
    assert re.fullmatch(r"1 process with Python \S+, anthropic \S+, midstream \S+", summary[1])
    assert summary[3:5] == [
        "- 2 calls, 0 open streams, 86 tokens in, 15 out",
        "- success according to HTTP 100 %, actual 50.0 %",
    ]
    assert summary[7:11] == [
        "| outcome | calls | |",
        "|---|---|---|",
        "| completed | 1 |  |",
        "| in_band_error | 1 | 1 misreported |",
    ]
    assert summary[12:15] == ["- 1x in_band_error, 529 overloaded_error, misreported", "", "```text"]
    assert re.fullmatch(line, summary[15])


@pytest.mark.newest
def test_a_corrected_error_is_marked_and_named_as_what_the_application_got(server: FaultServer, tmp_path: Path) -> None:
    code = "from midstream import corrected_errors\nwith corrected_errors():\n    call('reset')"
    done = midstream("watch", "--", *program(tmp_path, code), **environment_for(server))
    line, *summary = done.stderr.splitlines()
    assert re.search(r"Connection reset by peer; corrected to anthropic\.APIConnectionError \(request \w+\)$", line)
    assert "| transport_error | 1 | 1 leaked, 1 corrected |" in summary
    assert any(re.fullmatch(r"- 1x transport_error, \S+, leaked, corrected", cause) for cause in summary)


_PROCESSES = """
call("ok")
if len(sys.argv) == 1:
    subprocess.run([sys.executable, *sys.argv, "again"], check=False)
    if os.fork() == 0:
        call("cut")
        os._exit(0)
    os.wait()
    os.execv(sys.executable, [sys.executable, *sys.argv, "again"])
call("reset")
os._exit(5)
"""


@pytest.mark.newest
def test_calls_are_seen_in_every_process_and_however_it_ends(server: FaultServer, tmp_path: Path) -> None:
    done, summary = watched(server, *program(tmp_path, _PROCESSES))
    assert (done.status, summary["processes"]) == (5, 3)
    assert ended(summary) == {"completed": 3, "truncated": 1, "transport_error": 2}


@pytest.mark.newest
def test_a_stream_that_is_open_when_its_process_is_killed_is_lost(server: FaultServer, tmp_path: Path) -> None:
    done, summary = watched(server, *program(tmp_path, "stream = opened('slow')\nos.kill(os.getpid(), signal.SIGKILL)"))
    assert done.status == summary["exit_status"] == 128 + signal.SIGKILL
    assert (summary["calls"], summary["open_streams"], summary["lost_streams"]) == (0, 0, 1)


@pytest.mark.newest
@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("print('no SDK')", "No call was seen. Either no Python process of the program imported anthropic, or "),
        ("import anthropic", "The program imported anthropic, and no call of it has ended."),
        (
            "import sys\nsys.modules['midstream'] = None\nimport anthropic",
            f"midstream is not installed for {sys.executable}: {sys.executable} -m pip install midstream",
        ),
        (
            "import sys\nsys.modules['wrapt'] = None\nimport anthropic",
            f"the midstream of {sys.executable} cannot watch: ",
        ),
    ],
    ids=["never imports the SDK", "makes no call", "without midstream", "with a broken midstream"],
)
def test_the_summary_says_why_nothing_is_seen(server: FaultServer, tmp_path: Path, code: str, reason: str) -> None:
    done, summary = watched(server, *program(tmp_path, code, calls=False))
    assert (done.status, summary["calls"]) == (0, 0)
    assert [problem.startswith(reason) for problem in summary["problems"]] == [True]


@pytest.mark.newest
def test_a_program_that_makes_no_call_has_the_modules_and_the_path_that_it_has_alone(
    server: FaultServer, tmp_path: Path
) -> None:
    code = "import sys\nprint(sorted(sys.modules), sys.path, sys.meta_path[1:])"
    _, path = program(tmp_path, code, calls=False)
    alone = python(f"import runpy, sys\nsys.path[0] = {str(tmp_path)!r}\n{code}").stdout
    seen, _ = watched(server, sys.executable, path)
    differing = set(re.findall(r"'(\w[\w.]*)'", seen.stderr)) ^ set(re.findall(r"'(\w[\w.]*)'", alone))
    assert {name for name in differing if name.startswith(("midstream", "opentelemetry", "json", "socket"))} == {
        "midstream_watch"
    }
    assert "/boot" not in seen.stderr


@pytest.mark.newest
def test_the_programs_own_sitecustomize_still_runs(server: FaultServer, tmp_path: Path) -> None:
    is_program = "sys.orig_argv[1].endswith('program.py')"
    (tmp_path / "sitecustomize.py").write_text(f"import sys\nif {is_program}:\n    print('customized by', __name__)")
    done, summary = watched(server, *program(tmp_path, "call('ok')"), PYTHONPATH=_with_path(tmp_path))
    assert (done.stderr, ended(summary)) == ("customized by sitecustomize\n", {"completed": 1})


def _with_path(folder: Path) -> str:
    import midstream as package

    return f"{folder}:{Path(package.__file__).parents[1]}"


# Beside other telemetry


@pytest.mark.newest
def test_a_program_with_its_own_providers_exports_what_it_exports_alone(server: FaultServer, tmp_path: Path) -> None:
    code = """
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import ConsoleSpanExporter, SimpleSpanProcessor
from midstream import AnthropicInstrumentor

def line(span):
    return f"{span.name} {span.attributes.get('midstream.outcome')}\\n"

trace.set_tracer_provider(TracerProvider())
trace.get_tracer_provider().add_span_processor(SimpleSpanProcessor(ConsoleSpanExporter(formatter=line)))
call("ok")
AnthropicInstrumentor().instrument()
call("cut")
AnthropicInstrumentor().uninstrument()
call("reset")
"""
    done, summary = watched(server, *program(tmp_path, code))
    assert ended(summary) == {"completed": 1, "truncated": 1, "transport_error": 1}
    name = "anthropic.messages.create"
    assert done.stderr.splitlines() == [f"{name} None", f"{name} truncated", f"{name} None"]


def test_under_opentelemetry_instrument_both_receive_everything(server: FaultServer, tmp_path: Path) -> None:
    with otlp_receiver() as receiver:
        own = {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url, "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}
        exporters = {f"OTEL_{signal}_EXPORTER": "otlp" for signal in ("TRACES", "METRICS", "LOGS")}
        launcher = str(Path(sys.executable).with_name("opentelemetry-instrument"))
        command = program(tmp_path, "call('ok', 'cut')")
        _, summary = watched(server, launcher, *command, **own, **exporters)
    assert ended(summary) == {"completed": 1, "truncated": 1}
    assert [span.attributes["midstream.outcome"] for span in receiver.spans] == ["completed", "truncated"]
    assert receiver.total("midstream.client.operations") == 2
    assert [log.event_name for log in receiver.logs] == ["gen_ai.client.operation.exception"]


@pytest.mark.newest
def test_calls_that_another_instrumentation_hides_are_seen(server: FaultServer, tmp_path: Path) -> None:
    code = "from opentelemetry.instrumentation.utils import suppress_instrumentation\n"
    _, summary = watched(server, *program(tmp_path, f"{code}with suppress_instrumentation():\n    call('cut')"))
    assert (ended(summary), summary["open_streams"]) == ({"truncated": 1}, 0)


@pytest.mark.newest
def test_the_test_fixtures_work_in_a_watched_program(server: FaultServer, tmp_path: Path) -> None:
    code = """
from midstream.testing._calls import recorded_calls
with recorded_calls() as calls:
    call("cut")
print(calls.outcomes)
call("ok")
"""
    done, summary = watched(server, *program(tmp_path, code))
    assert (done.stderr, ended(summary)) == ("['truncated']\n", {"truncated": 1, "completed": 1})


@pytest.mark.newest
def test_a_program_outlives_its_watcher_without_noticing(tmp_path: Path) -> None:
    boot = Path(__file__).parents[2] / "src/midstream/_cli/watch/boot"
    command = program(tmp_path, "call('ok', 'cut', 'ok', 'cut')\nprint('fine')")
    gone = {"MIDSTREAM_WATCH": "127.0.0.1:9", "PYTHONPATH": _with_path(boot)}
    done = midstream("faults", "--", *command, **gone)
    assert (done.status, done.stdout) == (0, "fine\n")
    assert done.stderr.startswith("4 requests: ")


# Signals and output

_WAITS = """
def stop(number, frame):
    print(signal.Signals(number).name, flush=True)
    sys.exit(7)

for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, stop)
print("waiting", flush=True)
while True:
    time.sleep(60)
"""


@pytest.mark.newest
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_a_signal_reaches_the_program_which_decides(tmp_path: Path, number: signal.Signals) -> None:
    command = program(tmp_path, f"import signal, sys, time\n{_WAITS}", calls=False)
    with midstream_running("watch", "--", *command) as running:
        running.read_until("waiting")
        done = running.stop(number)
    first, second, *_ = done.stdout.splitlines()
    assert (done.status, first) == (7, number.name)
    assert second.endswith(": exit status 7")


@pytest.mark.newest
@pytest.mark.parametrize(
    ("options", "kept"), [(["--quiet"], None), (["--log", "out.log"], "to stdout\nto stderr\n")], ids=["quiet", "log"]
)
def test_the_output_of_the_program_is_dropped_or_kept(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, options: Sequence[str], kept: str | None
) -> None:
    monkeypatch.chdir(tmp_path)
    code = "import sys\nprint('to stdout', flush=True)\nprint('to stderr', file=sys.stderr)"
    done = midstream("watch", *options, "--json", "--", *program(tmp_path, code, calls=False))
    assert (done.status, done.stderr, json.loads(done.stdout)["exit_status"]) == (0, "", 0)
    log = tmp_path / "out.log"
    assert (log.read_text() if log.exists() else None) == kept


@pytest.mark.newest
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--log", "x", "--quiet", "--", "true"], "--log and --quiet: give one of them"),
        (
            ["--quiet"],
            "--log and --quiet: are for the output of a program: midstream watch --quiet -- python app.py",
        ),
        (
            ["--log", "/no/such/folder", "--", "true"],
            "--log /no/such/folder: cannot be written: No such file or directory",
        ),
        (["--", "/no/such/program"], "COMMAND /no/such/program: cannot be run: No such file or directory"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_status_2(arguments: Sequence[str], message: str) -> None:
    done = midstream("watch", *arguments)
    assert (done.status, done.stdout, done.stderr) == (2, "", f"Error: {message}\n")


@pytest.mark.newest
def test_a_key_on_the_command_line_is_not_in_the_summary() -> None:
    done = midstream("watch", "--", "true", "--api-key=sk-ant-api03-0123456789abcdef")
    assert "0123456789abcdef" not in done.stderr
    assert "api03" not in done.stderr
