"""The wheel where it is installed, with what it asks for and nothing else, away from its source."""

from __future__ import annotations

import json
import tarfile
from typing import TYPE_CHECKING

import pytest

from midstream import __version__
from release.distribution import environment, output, run
from support.commands import TEN_LINES
from support.export import CHECKOUT, contents, shipped_files, wrote
from support.otlp_receiver import otlp_receiver

if TYPE_CHECKING:
    from pathlib import Path

    from midstream.faults import FaultServer
    from release.distribution import Environment, Release

COMMANDS: dict[tuple[str, ...], str] = {
    ("--version",): f"midstream, version {__version__}",
    ("--help",): "Commands:",
    ("doctor", "--help"): "--setup",
    ("demo", "--only", "ok"): "midstream recorded all 2 calls of anthropic",
    ("faults", "--list"): "in_band:TYPE@K",
    ("dashboards", "export", "new"): wrote("new"),
    ("dashboards", "export", "--by", "team", "ours"): wrote("ours"),
}
"""By arguments of `midstream`, its output."""

NO_CLICK = 'midstream: this needs click, not installed here; pip install "midstream[{}]" brings it\n'

OBSERVE = """
import sys, midstream
midstream.AnthropicInstrumentor().instrument()
assert midstream.classify({"error": {"type": "overloaded_error"}}).status_code == 529
from midstream.faults import FaultServer
with FaultServer() as server:
    print(midstream.__file__, "anthropic" in sys.modules)
"""


def test_the_core_installs_its_requirements_and_theirs(core: Environment) -> None:
    assert core.packages == {
        "midstream",
        "opentelemetry-api",
        "opentelemetry-instrumentation",
        "opentelemetry-semantic-conventions",
        "packaging",
        "typing-extensions",
        "wrapt",
    }


def test_the_core_instruments_judges_and_serves_faults(core: Environment, tmp_path: Path) -> None:
    told = output((core.python, "-W", "error", "-c", OBSERVE), tmp_path)
    assert told == f"{core.site_packages / 'midstream' / '__init__.py'} False\n"


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_without_the_extra_the_command_says_how_to_get_it(
    core: Environment, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    done = run((core.program("midstream"), *arguments), tmp_path)
    extra = "doctor" if arguments[0] == "doctor" else "cli"
    assert (done.status, done.stdout, done.stderr) == (2, "", NO_CLICK.format(extra))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_the_extra_brings_the_commands(cli: Environment, tmp_path: Path, arguments: tuple[str, ...]) -> None:
    assert COMMANDS[arguments] in output((cli.program("midstream"), *arguments), tmp_path)


def test_the_extra_brings_what_the_doctor_looks_with(cli: Environment, tmp_path: Path) -> None:
    done = run((cli.program("midstream"), "doctor", "--json"), tmp_path)
    found = {finding["subject"]: finding["verdict"] for finding in json.loads(done.stdout)["findings"]}
    assert (done.status, done.stderr) == (1, ""), "nothing sets OpenTelemetry up there"
    assert {found[subject] for subject in ("midstream", "anthropic", "dependencies", "entry point")} == {"ok"}


def test_the_exported_boards_match_the_checkout(cli: Environment, tmp_path: Path) -> None:
    output((cli.program("midstream"), "dashboards", "export", "new"), tmp_path)
    assert contents(tmp_path / "new") == shipped_files()
    assert shipped_files(cli.site_packages / "midstream" / "dashboards") == shipped_files()
    told = output((cli.program("midstream"), "dashboards", "export", "--format", "kubernetes", "other"), tmp_path)
    assert told == wrote("other")


def test_it_is_found_by_opentelemetry_instrument(release: Release, tmp_path: Path, server: FaultServer) -> None:
    more = ("opentelemetry-distro", "opentelemetry-exporter-otlp-proto-http")
    where = environment(tmp_path / "environment", release, ["instruments"], more)
    program = tmp_path / "ten_lines.py"
    program.write_text(TEN_LINES)
    with otlp_receiver() as receiver:
        told = output(
            (where.program("opentelemetry-instrument"), where.python, program, server.url),
            tmp_path,
            OTEL_EXPORTER_OTLP_PROTOCOL="http/protobuf",
            OTEL_EXPORTER_OTLP_ENDPOINT=receiver.url,
        )
    assert told == "All is200\n"
    (span,) = receiver.spans
    assert (span.attributes["midstream.outcome"], span.attributes["midstream.status_code"]) == ("in_band_error", 529)
    assert "midstream" in {point.scope for point in receiver.points}
    assert [log.event_name for log in receiver.logs] == ["gen_ai.client.operation.exception"]


def test_the_extra_brings_the_fixtures(release: Release, tmp_path: Path) -> None:
    where = environment(tmp_path / "environment", release, ["testing"])
    pasted = (CHECKOUT / "docs" / "testing.md").read_text(encoding="utf-8").split("```python\n")[1].split("```")[0]
    (tmp_path / "test_pasted.py").write_text(pasted)
    told = output((where.python, "-W", "error", "-m", "pytest", "-q", "test_pasted.py"), tmp_path)
    assert told.splitlines()[-1].startswith("2 passed")


def test_the_tests_of_the_source_distribution_pass_with_what_is_installed(release: Release, tmp_path: Path) -> None:
    more = ("pytest", "pytest-timeout", "hypothesis", "packaging")
    where = environment(tmp_path / "environment", release, ["cli"], more)
    with tarfile.open(release.sdist) as opened:
        opened.extractall(tmp_path, filter="data")
    folder = tmp_path / f"midstream-{__version__}"
    told = output(
        (where.python, "-m", "pytest", "-q", "tests/contract/test_contract.py", "tests/unit/test_settings.py"), folder
    )
    assert "passed" in told.splitlines()[-1]
