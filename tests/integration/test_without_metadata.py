"""The SDK and midstream without their metadata: what can be imported is observed; the doctor says what is missing."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import anthropic
import pytest
from opentelemetry.instrumentation import dependencies
from opentelemetry.version import __version__ as opentelemetry_version

from integration.examined import Examined
from integration.pruned import pruned
from midstream import AnthropicInstrumentor
from midstream._cli.doctor.findings import INSTRUMENT_LINE, Health, Subject
from support.commands import Finished

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

OK, WARNING, PROBLEM, NOT_TRIED = (verdict.value for verdict in Health)

PROGRAM = """
import sys
from midstream import AnthropicInstrumentor
AnthropicInstrumentor().instrument()
assert "anthropic" not in sys.modules, "it is imported only when the application does that"

from opentelemetry import metrics
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from midstream.faults import FaultServer
reader = InMemoryMetricReader()
metrics.set_meter_provider(MeterProvider([reader]))
import anthropic
with FaultServer() as server, anthropic.Anthropic(base_url=server.url, api_key="any") as client:
    for _ in client.messages.create(model="cut", max_tokens=9, messages=[], stream=True):
        pass
for resource in reader.get_metrics_data().resource_metrics:
    for scope in resource.scope_metrics:
        for metric in scope.metrics:
            if metric.name == "midstream.client.operations":
                print({point.attributes["midstream.outcome"] for point in metric.data.data_points if point.value})
"""


def of_the_sdk(name: str) -> bool:
    return name.startswith("anthropic-")


def of_all(_name: str) -> bool:
    return True


def run(*command: object, **environment: str) -> Finished:
    done = subprocess.run(
        [str(part) for part in command], env=environment, capture_output=True, text=True, check=False, timeout=100
    )
    return Finished(done.returncode, done.stdout, done.stderr)


NOT_FOUND: type[Exception] = vars(dependencies)["PackageNotFoundError"]
"""Of the standard library or, with old versions of OpenTelemetry, of a backport."""

needs_no_metadata = pytest.mark.skipif(
    tuple(map(int, opentelemetry_version.split(".")[:2])) < (1, 37),
    reason="this OpenTelemetry cannot be imported without its own metadata",
)


@pytest.mark.parametrize("removed", [of_the_sdk, pytest.param(of_all, marks=needs_no_metadata)])
def test_an_sdk_that_can_be_imported_is_observed_whatever_metadata_is_missing(tmp_path: Path, removed: Any) -> None:
    python = pruned(tmp_path, removed)
    assert run(python, "-c", PROGRAM) == Finished(0, "{'truncated'}\n", "")


@needs_no_metadata
def test_the_version_of_an_sdk_without_metadata_is_looked_at_when_it_is_imported(tmp_path: Path) -> None:
    python = pruned(tmp_path / "env", of_all)
    (tmp_path / "anthropic.py").write_text("__version__ = '3.0.0'\n")
    program = "from midstream import AnthropicInstrumentor; AnthropicInstrumentor().instrument(); import anthropic"
    done = run(python, "-c", program, PYTHONPATH=str(tmp_path))
    assert done == Finished(0, "", "midstream does not observe anthropic 3.0.0: it supports 0.49 and later, below 3\n")


def metadata_says(monkeypatch: pytest.MonkeyPatch, version: Callable[[str], str]) -> None:
    for reader in ("importlib.metadata.version", "opentelemetry.instrumentation.dependencies.version"):
        monkeypatch.setattr(reader, version)


@pytest.fixture
def no_metadata(monkeypatch: pytest.MonkeyPatch) -> None:
    def version(name: str) -> str:
        raise NOT_FOUND(name)

    metadata_says(monkeypatch, version)


@pytest.mark.usefixtures("no_metadata")
def test_without_an_sdk_nothing_is_instrumented_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "anthropic", None)
    AnthropicInstrumentor().instrument()
    assert not AnthropicInstrumentor().is_instrumented_by_opentelemetry


@pytest.mark.usefixtures("no_metadata")
def test_an_sdk_that_is_imported_and_cannot_be_found_again_is_instrumented(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(anthropic, "__spec__", None)
    AnthropicInstrumentor().instrument(raise_exception_on_conflict=True)
    AnthropicInstrumentor().uninstrument()


@pytest.mark.parametrize("imported", [False, True])
def test_metadata_with_a_version_that_is_not_supported_decides_unless_another_is_imported(
    monkeypatch: pytest.MonkeyPatch, *, imported: bool
) -> None:
    def version(_name: str) -> str:
        return "0.48.9"

    metadata_says(monkeypatch, version)
    if not imported:
        monkeypatch.delitem(sys.modules, "anthropic")
    AnthropicInstrumentor().instrument()
    assert AnthropicInstrumentor().is_instrumented_by_opentelemetry is imported
    AnthropicInstrumentor().uninstrument()


def test_metadata_that_cannot_be_read_is_not_a_reason_to_raise(monkeypatch: pytest.MonkeyPatch) -> None:
    def version(_name: str) -> str:
        message = "expected string or bytes-like object, got 'NoneType'"
        raise TypeError(message)

    metadata_says(monkeypatch, version)
    AnthropicInstrumentor().instrument(raise_exception_on_conflict=True)
    AnthropicInstrumentor().uninstrument()


INSTRUMENT = "from opentelemetry.instrumentation.auto_instrumentation import run; run()"
DOCTOR = ("-m", "midstream", "doctor", "--json", "--no-call")


def test_the_doctor_says_why_opentelemetry_instrument_skips_such_an_sdk(
    tmp_path: Path,
) -> None:
    python = pruned(tmp_path, of_the_sdk)
    found = Examined.of(run(python, "-c", INSTRUMENT, python, *DOCTOR, OTEL_EXPORTER_OTLP_PROTOCOL="http/protobuf"))
    verdict, message, remedy = found[Subject.ANTHROPIC]
    assert (verdict, message) == (
        WARNING,
        f"importable as {anthropic.__version__}, metadata missing: opentelemetry-instrument leaves it out",
    )
    assert remedy.startswith(f"{INSTRUMENT_LINE} (in the program; or keep the dist-info folders")
    assert found[Subject.INSTRUMENTED][::2] == (PROBLEM, f"{INSTRUMENT_LINE} (in the program)")
    assert Subject.ENTRY_POINT.value not in found.problems


@needs_no_metadata
def test_without_any_metadata_the_doctor_examines_what_the_program_sets_up(tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text(
        "from midstream import AnthropicInstrumentor\ndef configure(): AnthropicInstrumentor().instrument()\n"
    )
    python = pruned(tmp_path / "env", of_all)
    found = Examined.of(run(python, *DOCTOR, "--setup=shop:configure", PYTHONPATH=str(tmp_path)))
    missing = (Subject.ANTHROPIC, Subject.DEPENDENCIES, Subject.OPENTELEMETRY, Subject.ENTRY_POINT)
    assert found.verdicts(*missing) == [WARNING] * 4
    assert (found[Subject.INSTRUMENTED][0], set(found.verdicts(Subject.PATCHES))) == (OK, {OK})
