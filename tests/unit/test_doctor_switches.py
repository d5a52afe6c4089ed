"""What `midstream doctor` reports of the environment."""

from __future__ import annotations

import pytest

from midstream._cli.doctor.findings import Finding, Health, Subject
from midstream._cli.doctor.switches import switched
from midstream._options import ENVIRONMENT


def found(subject: Subject, **environment: str) -> list[Finding]:
    return [finding for finding in switched(environment) if finding.subject is subject]


def test_an_empty_environment_is_ok() -> None:
    assert [finding.verdict for finding in switched({})] == [Health.OK] * 3


@pytest.mark.parametrize(
    ("names", "remedy"),
    [
        ("anthropic_midstream", "unset OTEL_PYTHON_DISABLED_INSTRUMENTATIONS"),
        ("flask, anthropic_midstream", "export OTEL_PYTHON_DISABLED_INSTRUMENTATIONS=flask"),
        ("*", "unset OTEL_PYTHON_DISABLED_INSTRUMENTATIONS"),
        ("flask,*,django", "export OTEL_PYTHON_DISABLED_INSTRUMENTATIONS=flask,django"),
    ],
)
def test_midstream_disabled_by_name_or_with_everything_is_a_problem(names: str, remedy: str) -> None:
    (finding,) = found(Subject.SWITCHES, OTEL_PYTHON_DISABLED_INSTRUMENTATIONS=names)
    assert finding.verdict is Health.PROBLEM
    assert finding.message.startswith(f"OTEL_PYTHON_DISABLED_INSTRUMENTATIONS={names}: ")
    assert finding.remedy == remedy


@pytest.mark.parametrize("names", ["", "anthropic", "flask,anthropic_midstream2"])
def test_other_instrumentations_disabled_are_ok(names: str) -> None:
    (finding,) = found(Subject.SWITCHES, OTEL_PYTHON_DISABLED_INSTRUMENTATIONS=names)
    assert finding.verdict is Health.OK


@pytest.mark.parametrize(("value", "verdict"), [("true", Health.PROBLEM), (" True ", Health.PROBLEM), ("1", Health.OK)])
def test_only_true_disables_opentelemetry(value: str, verdict: Health) -> None:
    (finding,) = found(Subject.SWITCHES, OTEL_SDK_DISABLED=value)
    assert finding.verdict is verdict


@pytest.mark.parametrize("value", ["on", "OFF", "true", "0", " off ", ""])
def test_a_valid_option_is_shown(value: str) -> None:
    (finding,) = found(Subject.OPTIONS, MIDSTREAM_SPANS=value)
    assert finding.verdict is Health.OK
    assert finding.message == (f"MIDSTREAM_SPANS={value}" if value else "no MIDSTREAM_* is set: the defaults are used")


def test_an_invalid_value_is_a_problem_with_the_valid_ones() -> None:
    (finding,) = found(Subject.OPTIONS, MIDSTREAM_CHUNK_TIMINGS="sometimes")
    assert finding == Finding(
        Subject.OPTIONS,
        Health.PROBLEM,
        "ignoring MIDSTREAM_CHUNK_TIMINGS='sometimes': the default is used",
        "unset MIDSTREAM_CHUNK_TIMINGS (or set it to one of on, off, true, false, 1, 0)",
    )


def test_an_unknown_option_is_a_warning_with_the_valid_ones() -> None:
    (finding,) = found(Subject.OPTIONS, MIDSTREAM_SPAN="off")
    assert finding.verdict is Health.WARNING
    assert finding.remedy == f"unset MIDSTREAM_SPAN (valid options: {', '.join(ENVIRONMENT.values())})"
