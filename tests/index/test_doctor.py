"""The doctor reports what the service lacks, in environments where the launcher lacks more or less."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import pytest

from index.installing import PATIENCE_SECONDS, built, environment, ran

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.timeout(PATIENCE_SECONDS)

_HTTP: Final = {"OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf", "OTEL_EXPORTER_OTLP_TIMEOUT": "1"}
_ONLY: Final = "only midstream[cli] brings {}: a service installed without that extra lacks this"


class _Service:
    """An environment into which a service is installed, step by step."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._environment = environment(PIP_FIND_LINKS=str(built(folder).parent))
        ran(("python3", "-m", "venv", folder / "service"), folder, self._environment)

    def install(self, *packages: str) -> None:
        program = self._folder / "service" / "bin" / "pip"
        ran((program, "install", "--quiet", *packages), self._folder, self._environment)

    def examined(self, **added: str) -> list[dict[str, Any]]:
        """The findings of `opentelemetry-instrument midstream doctor`, one of which is a problem."""
        programs = self._folder / "service" / "bin"
        command = "opentelemetry-instrument midstream doctor --json 2>/dev/null"
        path = f"{programs}:{self._environment['PATH']}"
        told = ran(("bash", "-c", command), self._folder, {**self._environment, "PATH": path, **added}, status=1)
        findings: list[dict[str, Any]] = json.loads(told)["findings"]
        return findings


def _of(found: list[dict[str, Any]], subject: str) -> tuple[str, str]:
    """The verdict and the message of the first finding about `subject`."""
    return next((finding["verdict"], finding["message"]) for finding in found if finding["subject"] == subject)


def test_the_remedies_lead_from_nothing_to_an_export(tmp_path: Path) -> None:
    service = _Service(tmp_path)
    service.install("midstream[doctor,instruments]")
    found = service.examined()
    missing = "not installed: opentelemetry-distro, which brings opentelemetry-sdk. "
    assert _of(found, "launcher")[1].startswith(missing)
    assert [_of(found, name)[0] for name in ("set-up", "instrumented", "metrics")] == ["problem", "ok", "problem"]

    service.install("opentelemetry-distro")
    found = service.examined()
    assert "otlp_proto_grpc, which is not installed" in _of(found, "launcher")[1]
    assert "that failed: RuntimeError" in _of(found, "set-up")[1]

    service.install("midstream[cli]")
    found = service.examined(**_HTTP)
    assert _of(found, "launcher") == ("warning", _ONLY.format("opentelemetry-exporter-otlp-proto-http"))
    assert _of(found, "metrics arrive")[1].startswith("recorded, but the export to http://localhost:4318/v1/metrics")

    service.install("--force-reinstall", "--no-deps", "opentelemetry-exporter-otlp-proto-http")
    assert _of(service.examined(**_HTTP), "launcher")[0] == "ok"
