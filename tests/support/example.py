"""The programs in `examples/`, as a user starts them: in separate processes, configured by the environment."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from midstream.faults import FaultServer
    from support.otlp_receiver import OtlpReceiver

__all__ = ("EXAMPLES", "environment", "outcomes_counted", "outcomes_of_spans", "program_beside", "run_example")

EXAMPLES: Final = Path(__file__).parents[2] / "examples"

_PATIENCE_SECONDS: Final = 150.0


def program_beside(python: str) -> str:
    """The program of this name that is installed where this Python is."""
    return str(Path(sys.executable).with_name(python))


def environment(server: FaultServer, receiver: OtlpReceiver, **added: str) -> Mapping[str, str]:
    """The environment of an example that asks `server` and exports to `receiver`."""
    of_others = ("OTEL_", "MIDSTREAM_", "ANTHROPIC_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(of_others)}
    return {
        **kept,
        "ANTHROPIC_BASE_URL": server.url,
        "ANTHROPIC_API_KEY": "any",
        "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url,
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        **added,
    }


def run_example(name: str, environment: Mapping[str, str], *, zero_code: bool = True) -> str:
    """Runs an example to its end, under `opentelemetry-instrument` if it is `zero_code`. Returns what it prints."""
    starter = (program_beside("opentelemetry-instrument"),) if zero_code else ()
    done = subprocess.run(
        (*starter, sys.executable, EXAMPLES / name),
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=_PATIENCE_SECONDS,
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return done.stdout


def outcomes_of_spans(receiver: OtlpReceiver) -> list[tuple[str, str]]:
    """Of each span that says how a call ended, its outcome and its status, in the order of their ends."""
    told = "midstream.outcome"
    return [(str(span.attributes[told]), span.status) for span in receiver.spans if told in span.attributes]


def outcomes_counted(receiver: OtlpReceiver) -> dict[str, float]:
    """The number of calls by outcome, from `midstream.client.operations`."""
    name = "midstream.client.operations"
    outcomes = {point.attributes["midstream.outcome"] for point in receiver.points if point.name == name}
    totals = {outcome: receiver.total(name, midstream_outcome=outcome) for outcome in outcomes}
    return {outcome: total for outcome, total in totals.items() if total}
