"""`midstream doctor --json` in a separate process, and what it found."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from midstream._cli.doctor.findings import Health, Subject

if TYPE_CHECKING:
    from support.interpreters import Finished, Interpreters
    from support.otlp_receiver import OtlpReceiver

__all__ = ("ALONE", "Examined", "examined", "exporting_to", "program")

ALONE = "# without opentelemetry-instrument"
_LAUNCHED = """
import importlib.util
from opentelemetry.instrumentation import auto_instrumentation
path = os.path.join(os.path.dirname(auto_instrumentation.__file__), "sitecustomize.py")
spec = importlib.util.spec_from_file_location("sitecustomize", path)
sys.modules["sitecustomize"] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(sys.modules["sitecustomize"])
"""
"""What `opentelemetry-instrument` runs at the start of the interpreter."""


@dataclass(frozen=True)
class Examined:
    """What the doctor found."""

    status: int
    findings: list[dict[str, Any]]
    output: str
    """Everything that it wrote on stdout and stderr."""

    @classmethod
    def of(cls, done: Finished) -> Examined:
        """The report that is all of the stdout of `done`."""
        report = json.loads(done.stdout)
        assert report["healthy"] is (done.status == 0)
        assert sum(report["counts"].values()) == len(report["findings"])
        return cls(done.status, report["findings"], done.stdout + done.stderr)

    def __getitem__(self, subject: Subject) -> tuple[str, str, str]:
        """The verdict, the message and the remedy of the one finding about `subject`."""
        (one,) = [one for one in self.findings if one["subject"] == subject]
        return one["verdict"], one["message"], one["remedy"] or ""

    def verdicts(self, *subjects: Subject) -> list[str]:
        """The verdicts of the findings about `subjects`."""
        return [one["verdict"] for one in self.findings if one["subject"] in subjects]

    @property
    def problems(self) -> list[str]:
        """What the problems are about."""
        return [one["subject"] for one in self.findings if one["verdict"] == Health.PROBLEM]

    @property
    def warnings(self) -> list[str]:
        """What the warnings are about."""
        return [one["subject"] for one in self.findings if one["verdict"] == Health.WARNING]


def exporting_to(receiver: OtlpReceiver) -> dict[str, str]:
    """The environment of a service that exports to `receiver`."""
    return {
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url,
        "OTEL_SERVICE_NAME": "shop",
    }


def program(*arguments: str, before: str = "", **environment: str) -> str:
    """A program that is `midstream doctor` with `arguments` in `environment`, after the code `before`.

    Under `opentelemetry-instrument`, unless there is a `--setup`, or `before` is `ALONE`.
    """
    launcher = "" if "--setup" in arguments or before == ALONE else _LAUNCHED
    return (
        f"import os, sys\nos.environ.update({environment!r})\n{before}\n{launcher}\n"
        f"sys.argv = ['midstream', 'doctor', *{arguments!r}]\nfrom midstream._cli import main\nmain()"
    )


def examined(interpreters: Interpreters, *arguments: str, before: str = "", **environment: str) -> Examined:
    """What the doctor finds in such a process."""
    return Examined.of(interpreters.run(program("--json", *arguments, before=before, **environment)))
