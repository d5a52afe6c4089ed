"""An older OpenTelemetry, put ahead of the application's own as the Kubernetes operator does it.

The operator mounts a folder that `pip install --target` has filled, and puts it first on PYTHONPATH, after the folder
in it whose `sitecustomize.py` starts the instrumentations. What is in ours is copied from the environment with the
oldest OpenTelemetry, so nothing is fetched.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import opentelemetry.version
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from midstream._supported import OPENTELEMETRY
from support.blocks import CHECKOUT
from support.commands import TEN_LINES
from support.otlp_receiver import otlp_receiver
from support.seen import numberless

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from midstream.faults import FaultServer
    from support.otlp_receiver import OtlpReceiver

_OLDEST: Final = ".".join(map(str, OPENTELEMETRY))
_NAMES: Final = ("opentelemetry-distro", "opentelemetry-exporter-otlp-proto-http")
_SITE: Final = "opentelemetry/instrumentation/auto_instrumentation"
_VARYING: Final = {"exception.stacktrace", "midstream.stream.longest_wait", "gen_ai.response.time_to_first_chunk"}

pytestmark = pytest.mark.skipif(
    Version(opentelemetry.version.__version__).release[:2] == OPENTELEMETRY,
    reason="the application has the oldest OpenTelemetry itself",
)


@pytest.fixture(scope="module")
def injected(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the operator mounts."""
    pattern = f".venv/sdk-*-otel-{_OLDEST}/lib/python{sys.version_info.major}.{sys.version_info.minor}/site-packages"
    environment = next(CHECKOUT.glob(pattern), None)
    if environment is None:
        reason = f"an environment with OpenTelemetry {_OLDEST} is missing: `make` builds it before it runs the tests"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)
    folder = tmp_path_factory.mktemp("injected")
    found: dict[str, Distribution] = {
        canonicalize_name(one.metadata["Name"]): one for one in distributions(path=[str(environment)])
    }
    for package in _brought(_NAMES, found).values():
        for file in package.files or ():
            if ".." not in file.parts and "__pycache__" not in file.parts:
                (folder / file).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(environment / file, folder / file)
    return folder


def _brought(names: Iterable[str], found: Mapping[str, Distribution]) -> dict[str, Distribution]:
    """What pip would install: those packages, and what they need here."""
    brought: dict[str, Distribution] = {}
    wanted = list(names)
    while wanted:
        name = canonicalize_name(wanted.pop())
        if name not in brought:
            brought[name] = found[name]
            needed = map(Requirement, brought[name].requires or ())
            wanted += [one.name for one in needed if one.marker is None or one.marker.evaluate({"extra": ""})]
    return brought


def _told(command: tuple[str | Path, ...], folder: Path, server: FaultServer, path: str = "") -> dict[str, Any]:
    """What the ten lines print, and what arrives of them."""
    program = folder / "program.py"
    program.write_text(f"import opentelemetry.version as found; print(found.__version__)\n{TEN_LINES}")
    with otlp_receiver() as receiver:
        environment = {
            "PYTHONPATH": path,
            **{f"OTEL_{signal}_EXPORTER": "otlp" for signal in ("TRACES", "METRICS", "LOGS")},
            "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
            "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url,
        }
        done = subprocess.run(
            (*command, program, server.url),
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            check=True,
            timeout=150,
        )
    version, *printed = done.stdout.splitlines()
    return {"version": version, "printed": printed, "warned": done.stderr, "telemetry": _telemetry(receiver)}


def _telemetry(receiver: OtlpReceiver) -> dict[str, list[Any]]:
    points = {repr((one.name, one.unit, sorted(one.attributes.items()))) for one in receiver.points}
    return {
        "spans": [(one.name, one.status, numberless(one.status_description), _sure(one)) for one in receiver.spans],
        "metrics": sorted(point for point in points if "midstream" in point or "gen_ai.client" in point),
        "log events": [(one.event_name, one.severity, numberless(one.body), _sure(one)) for one in receiver.logs],
        "beside the span": [(one.trace_id, one.span_id) not in _ids(receiver) for one in receiver.logs],
    }


def _ids(receiver: OtlpReceiver) -> set[tuple[str, str]]:
    return {(span.trace_id, span.span_id) for span in receiver.spans}


def _sure(told: Any) -> dict[str, Any]:
    return {
        name: numberless(value) if isinstance(value, str) else value
        for name, value in told.attributes.items()
        if name not in _VARYING
    }


def test_an_injected_opentelemetry_changes_no_telemetry_and_warns_of_nothing(
    tmp_path: Path, injected: Path, server: FaultServer
) -> None:
    own = _told((Path(sys.executable).with_name("opentelemetry-instrument"), sys.executable), tmp_path, server)
    path = os.pathsep.join((str(injected / _SITE), str(injected)))
    with_injected = _told((sys.executable,), tmp_path, server, path)
    assert (own.pop("version"), with_injected.pop("version")) == (opentelemetry.version.__version__, f"{_OLDEST}.0")
    assert with_injected == {**own, "warned": ""}
    telemetry = with_injected["telemetry"]
    assert [len(telemetry[signal]) for signal in ("spans", "log events")] == [1, 1]
    assert len(telemetry["metrics"]) > 10
    assert telemetry["beside the span"] == [False]
