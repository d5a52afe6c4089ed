"""`MIDSTREAM_LOG=on`: stderr shows that a process is observed, and how its calls failed."""

from __future__ import annotations

import io
import os
import sys
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.trace import TracerProvider

from midstream import __version__
from midstream._observation import Observation
from midstream._options import Settings
from midstream._outcomes import Failure, Outcome
from midstream._telemetry.signals import Signals
from midstream._telemetry.stderr_lines import write_failure
from midstream.faults import parse
from support.seen import run
from support.styles import STYLES

if TYPE_CHECKING:
    from midstream.faults import FaultServer
    from support.exported import Exported

OBSERVING = f"midstream {__version__}: observing calls of the Anthropic SDK in process {os.getpid()}"
START = f"{OBSERVING}; with a provider: spans, metrics, logs\n"
LINES = {
    "ok": "",
    "in_band:overloaded_error": "midstream: 529 overloaded_error: Overloaded (request req_in_band_{:06})\n",
    "cut": (
        "midstream: stream_truncated: the stream ended before its end event, after content had arrived"
        " (request req_faults_{:06})\n"
    ),
}
"""By fault, the line of a call."""


def call(server: FaultServer, model: str) -> Any:
    return run(STYLES["create(stream=True) in a loop"], "sync", server, parse(model), None)


@pytest.mark.parametrize("model", LINES)
def test_a_failed_call_is_one_line_with_its_request_id(
    server: FaultServer, instrumented: Any, capsys: pytest.CaptureFixture[str], model: str
) -> None:
    with instrumented(log=True):
        call(server, model)
    assert capsys.readouterr() == ("", START + LINES[model].format(len(server.requests)))


def test_a_corrected_error_is_named_as_what_the_application_got(
    server: FaultServer, instrumented: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    with instrumented(log=True, errors="corrected"):
        call(server, "reset")
    line = f"; corrected to anthropic.APIConnectionError (request req_faults_{len(server.requests):06})\n"
    assert capsys.readouterr().err.endswith(f"Connection reset by peer{line}")


def test_the_environment_switches_it_on_and_nothing_is_written_by_default(
    server: FaultServer, instrumented: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with instrumented():
        call(server, "cut")
    assert capsys.readouterr().err == ""
    monkeypatch.setenv("MIDSTREAM_LOG", "on")
    with instrumented():
        call(server, "cut")
    assert capsys.readouterr().err.startswith(START)


@pytest.mark.parametrize(
    ("options", "ending"),
    [
        ({}, "; without a provider so far: spans, metrics, logs"),
        ({"spans": False}, "; without a provider so far: metrics, logs"),
        ({"meter_provider": MeterProvider()}, "; with a provider: metrics; without a provider so far: spans, logs"),
    ],
    ids=["without the SDK's", "without spans", "metrics only"],
)
def test_the_start_names_what_has_no_provider_so_far(
    capsys: pytest.CaptureFixture[str], options: Any, ending: str
) -> None:
    observation = Observation(Signals.of(options), Settings(spans=options.get("spans", True), log=True))
    observation.begin()
    observation.end()
    assert capsys.readouterr().err == f"{OBSERVING}{ending}\n"


def test_a_disabled_provider_is_not_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    disabled = {"tracer_provider": TracerProvider(), "meter_provider": MeterProvider()}
    assert not any(Signals.of(disabled).provided(spans=True).values())


def test_a_missing_stderr_loses_only_the_lines(
    server: FaultServer, exported: Exported, instrumented: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stderr", None)
    with instrumented(log=True):
        call(server, "cut")
    assert len(exported.logs) == 1
    assert exported.spans[0].status.description


def test_a_stderr_that_cannot_encode_a_message_gets_it_escaped(monkeypatch: pytest.MonkeyPatch) -> None:
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stderr", io.TextIOWrapper(written, encoding="ascii", write_through=True))
    write_failure(Failure(Outcome.HTTP_ERROR, "overloaded_error", 529, message="Überlastet"), "req_1")
    assert written.getvalue() == b"midstream: 529 overloaded_error: \\xdcberlastet (request req_1)\n"
