"""What `midstream doctor` says of the environment."""

from __future__ import annotations

import pytest

from midstream._cli.doctor.findings import Finding, Health, Subject
from midstream._cli.doctor.switches import switched


def found(subject: Subject, **environment: str) -> list[Finding]:
    return [one for one in switched(environment) if one.subject is subject]


def test_nothing_set_is_nothing_wrong() -> None:
    assert [one.verdict for one in switched({})] == [Health.OK] * 3


@pytest.mark.parametrize("names", ["anthropic_midstream", "flask, anthropic_midstream", "*", "flask,*"])
def test_midstream_disabled_by_name_or_with_everything_is_a_problem(names: str) -> None:
    (one,) = found(Subject.SWITCHES, OTEL_PYTHON_DISABLED_INSTRUMENTATIONS=names)
    assert one.verdict is Health.PROBLEM
    assert one.message.startswith(f"OTEL_PYTHON_DISABLED_INSTRUMENTATIONS={names}: ")
    assert one.remedy is not None
    assert "take " in one.remedy


@pytest.mark.parametrize("names", ["", "anthropic", "flask,anthropic_midstream2"])
def test_others_disabled_are_nothing_wrong(names: str) -> None:
    (one,) = found(Subject.SWITCHES, OTEL_PYTHON_DISABLED_INSTRUMENTATIONS=names)
    assert one.verdict is Health.OK


@pytest.mark.parametrize(("told", "verdict"), [("true", Health.PROBLEM), (" True ", Health.PROBLEM), ("1", Health.OK)])
def test_opentelemetry_is_disabled_by_true_only(told: str, verdict: Health) -> None:
    (one,) = found(Subject.SWITCHES, OTEL_SDK_DISABLED=told)
    assert one.verdict is verdict


@pytest.mark.parametrize("told", ["on", "OFF", "true", "0", " off ", ""])
def test_an_option_that_is_understood_is_shown(told: str) -> None:
    (one,) = found(Subject.OPTIONS, MIDSTREAM_SPANS=told)
    assert one.verdict is Health.OK
    assert one.message == (f"MIDSTREAM_SPANS={told}" if told else "no MIDSTREAM_* is set: the defaults are used")


def test_an_option_that_is_not_understood_is_a_problem_with_what_is_allowed() -> None:
    (one,) = found(Subject.OPTIONS, MIDSTREAM_CHUNK_TIMINGS="sometimes")
    assert one == Finding(
        Subject.OPTIONS,
        Health.PROBLEM,
        "ignoring MIDSTREAM_CHUNK_TIMINGS='sometimes': the default is used",
        "set it to one of on, off, true, false, 1, 0",
    )


def test_an_option_that_there_is_not_is_a_warning_with_those_there_are() -> None:
    (one,) = found(Subject.OPTIONS, MIDSTREAM_SPAN="off")
    assert one.verdict is Health.WARNING
    assert one.remedy == "valid options: MIDSTREAM_SPANS, MIDSTREAM_CHUNK_TIMINGS, MIDSTREAM_GENAI_METRICS"
