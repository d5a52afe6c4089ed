"""`examples/fastapi` under uvicorn, called by clients that read to the end, and by clients that leave."""

from __future__ import annotations

from contextlib import closing, contextmanager
from http.client import HTTPConnection
from typing import TYPE_CHECKING, Any, Final

from midstream.faults import End
from support.example import EXAMPLES, environment, outcomes_counted, outcomes_of_spans, program_beside
from support.programs import eventually, serving

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    import pytest

    from midstream.faults import FaultServer
    from support.otlp_receiver import OtlpReceiver

ALL_IS: Final = b'event: text\ndata: "All"\n\nevent: text\ndata: " is"\n\n'
WELL: Final = b'event: text\ndata: " well"\n\nevent: text\ndata: ". "\n\n'
RESTART: Final = b"event: restart\ndata: {}\n\n"
DONE: Final = b"event: done\ndata: {}\n\n"
BROKE_OFF: Final = b'event: failed\ndata: {"retryable": true}\n\n'
NO_USE: Final = b'event: failed\ndata: {"retryable": false}\n\n'

WHOLE: Final = ALL_IS + WELL + DONE
ANSWERS: Final = {
    ("ok",): (200, WHOLE, ["completed"]),
    ("cut", "reset", "ok"): (200, (ALL_IS + RESTART) * 2 + WHOLE, ["truncated", "transport_error", "completed"]),
    ("in_band:overloaded_error@0", "ok"): (200, RESTART + WHOLE, ["in_band_error", "completed"]),
    ("cut", "cut", "cut"): (200, (ALL_IS + RESTART) * 2 + ALL_IS + BROKE_OFF, ["truncated"] * 3),
    ("cut", "http:invalid_request_error"): (200, ALL_IS + RESTART + NO_USE, ["truncated", "http_error"]),
    ("in_band:invalid_request_error",): (200, ALL_IS + NO_USE, ["in_band_error"]),
    ("http:invalid_request_error",): (502, b'{"detail":"Bad Gateway"}', ["http_error"]),
}
"""By scenarios: the status and the body that a browser gets, and the outcomes."""


@contextmanager
def service(server: FaultServer, receiver: OtlpReceiver, log: Path, monkeypatch: pytest.MonkeyPatch) -> Generator[str]:
    """The URL of the service. SIGTERM ends it, as from a supervisor, without a message."""
    # Spans come immediately; metrics come at the end.
    for name, value in environment(server, receiver, OTEL_BSP_SCHEDULE_DELAY="100").items():
        monkeypatch.setenv(name, value)
    programs = [program_beside(name) for name in ("opentelemetry-instrument", "uvicorn")]
    command = (*programs, "app:app", "--app-dir", str(EXAMPLES / "fastapi"), "--port", "0")
    with serving(command, log, r"Uvicorn running on http://(\S+)") as url:
        yield url
    assert [line for line in log.read_text().splitlines() if not line.startswith("INFO: ")] == []


@contextmanager
def asked(url: str, path: str = "/answer?question=Is+all+well") -> Generator[Any]:
    """The response after its head was read. The client disconnects at the end of the `with` block."""
    with closing(HTTPConnection(url.removeprefix("http://"))) as connection:
        connection.request("GET", path)
        with closing(connection.getresponse()) as response:
            yield response


def test_the_browser_gets_the_outcome_that_the_telemetry_records(
    server: FaultServer, receiver: OtlpReceiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: dict[tuple[str, ...], tuple[int, bytes]] = {}
    with service(server, receiver, tmp_path / "log", monkeypatch) as url:
        with asked(url, "/") as page:
            assert b"new EventSource" in page.read()
        for scenarios in ANSWERS:
            server.script(*scenarios)
            with asked(url) as response:
                told[scenarios] = (response.status, response.read())
    assert told == {scenarios: (status, body) for scenarios, (status, body, _) in ANSWERS.items()}
    outcomes = [outcome for *_, outcomes in ANSWERS.values() for outcome in outcomes]
    assert [outcome for outcome, _ in outcomes_of_spans(receiver)] == outcomes
    assert outcomes_counted(receiver) == {outcome: outcomes.count(outcome) for outcome in outcomes}
    assert len({span.trace_id for span in receiver.spans if "midstream.outcome" in span.attributes}) == len(ANSWERS)


def test_a_browser_that_disconnects_ends_the_call_as_abandoned(
    server: FaultServer, receiver: OtlpReceiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def all_abandoned() -> None:
        assert outcomes_of_spans(receiver) == [("abandoned", "UNSET")] * len(server.requests)

    # Claude is silent; Claude goes on; Claude is faster than the reader.
    leaving = ("stall", "slow:50", "ok:100000")
    with service(server, receiver, tmp_path / "log", monkeypatch) as url:
        for scenario in leaving:
            server.script(scenario)
            with asked(url) as response:
                assert response.readline() == b"event: text\n"
            eventually(all_abandoned)
    assert [request.end for request in server.requests] == [End.PLAYED, End.LEFT, End.LEFT]
    assert outcomes_counted(receiver) == {"abandoned": 3}
    assert receiver.total("midstream.client.stream.active") == 0
    assert receiver.logs == []
