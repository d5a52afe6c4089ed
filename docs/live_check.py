"""Have weaver examine what midstream exports over OTLP, against registry/. The exit status is weaver's.

The environment names the program (`WEAVER`), and a checkout of OpenTelemetry's conventions (`SEMCONV`), if any.
"""

# Only the environment of `make live-check` has the exporter.
# pyright: basic, reportMissingImports=false

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final
from urllib.request import Request, urlopen

from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

import registry
from support.every_signal import emit_everything

WEAVER: Final = os.environ.get("WEAVER", "weaver")
SEMCONV: Final = os.environ.get("SEMCONV")

_PATIENCE_SECONDS: Final = 300.0


def _export(endpoint: str) -> None:
    """Makes the calls, and sends their telemetry to `endpoint`."""
    spans, logs = TracerProvider(), LoggerProvider()
    spans.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint, insecure=True)))
    logs.add_log_record_processor(BatchLogRecordProcessor(OTLPLogExporter(endpoint, insecure=True)))
    metrics = MeterProvider([PeriodicExportingMetricReader(OTLPMetricExporter(endpoint, insecure=True))])
    emit_everything({"tracer_provider": spans, "meter_provider": metrics, "logger_provider": logs})
    for provider in (spans, metrics, logs):
        provider.shutdown()


def _copied(folder: Path) -> Path:
    """The registry, which depends on the checkout of the conventions, if there is one."""
    copy = Path(shutil.copytree(registry.FOLDER, folder / "registry"))
    if SEMCONV:
        manifest = (copy / "manifest.yaml").read_text(encoding="utf-8")
        local = re.sub(r"registry_path: .*", f"registry_path: {SEMCONV}/model", manifest)
        (copy / "manifest.yaml").write_text(local, encoding="utf-8")
    return copy


def _wait_for(port: int, process: subprocess.Popen[str]) -> None:
    until = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < until and process.poll() is None:
        with closing(socket.socket()) as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.2)
    sys.exit(f"weaver does not listen:\n{process.communicate()[1]}")


def _free_port() -> int:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port: int = taken.getsockname()[1]
        return port


def main() -> int:
    """Return the exit status."""
    port, admin = _free_port(), _free_port()
    with TemporaryDirectory() as folder:
        # Unreferenced: the resource and the SDK's spans have attributes of OpenTelemetry's, too.
        command = (WEAVER, "registry", "live-check", "--include-unreferenced", "--inactivity-timeout", "0")
        where = ("--otlp-grpc-address", "127.0.0.1", "--otlp-grpc-port", str(port), "--admin-port", str(admin))
        output = ("--registry", str(_copied(Path(folder))), "--format", "json", "--no-stream", "--output", folder)
        with subprocess.Popen(
            (*command, *where, *output), cwd=folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as process:
            _wait_for(port, process)
            _export(f"http://127.0.0.1:{port}")
            urlopen(Request(f"http://127.0.0.1:{admin}/stop", method="POST")).close()
            process.communicate(timeout=_PATIENCE_SECONDS)
        report = json.loads((Path(folder) / "live_check.json").read_text(encoding="utf-8"))
    _print(report["statistics"])
    for message, count in Counter(_violations(report["samples"])).most_common():
        print(f"{count} times: {message}")
    return process.returncode


def _violations(sample: Any) -> Iterator[str]:
    """The messages of the violations in a sample, and in all that it consists of."""
    if isinstance(sample, list):
        for part in sample:
            yield from _violations(part)
    elif isinstance(sample, dict):
        if sample.get("level") == "violation":
            yield sample["message"]
        yield from _violations([*sample.values()])


def _print(statistics: dict[str, Any]) -> None:
    for name in ("total_entities_by_type", "advice_level_counts", "advice_type_counts"):
        print(name.replace("_", " "), json.dumps(statistics[name]))
    for name in ("attributes", "metrics", "events"):
        print(f"unknown {name}", json.dumps(statistics[f"seen_non_registry_{name}"]))


if __name__ == "__main__":
    sys.exit(main())
