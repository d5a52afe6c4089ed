"""The options: from arguments, else from the environment, else by default."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from midstream._instrumentor import Options
from midstream._options import ENVIRONMENT, OPTIONS, Settings
from midstream._telemetry.scope import GenAIMetrics

SWITCHES = {"spans": True, "chunk_timings": False, "log": False}
"""The options that are on or off, with their defaults."""


@pytest.fixture(autouse=True)
def empty_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ENVIRONMENT.values():
        monkeypatch.delenv(variable, raising=False)


def settings(option: str, value: object) -> Settings:
    return Settings.of(**{option: value})


def defaults_but(option: str, value: Any) -> Settings:
    return Settings()._replace(**{option: value})


def test_every_option_is_a_setting_with_the_same_default_and_a_key_of_instrument() -> None:
    assert Settings()._asdict() == {option.name: option.default for option in OPTIONS}
    assert {option.name for option in OPTIONS} < {*Options.__annotations__}


def test_the_variables_are_these() -> None:
    assert dict(ENVIRONMENT) == {
        "spans": "MIDSTREAM_SPANS",
        "chunk_timings": "MIDSTREAM_CHUNK_TIMINGS",
        "genai_metrics": "MIDSTREAM_GENAI_METRICS",
        "errors": "MIDSTREAM_ERRORS",
        "log": "MIDSTREAM_LOG",
    }


def test_no_setting_is_the_default() -> None:
    assert Settings.of() == Settings() == Settings(spans=True, chunk_timings=False, genai_metrics=GenAIMetrics.V1_41)


@pytest.mark.parametrize("option", SWITCHES)
@pytest.mark.parametrize(
    ("word", "meaning"),
    [
        ("on", True),
        ("true", True),
        ("1", True),
        ("off", False),
        ("false", False),
        ("0", False),
        ("ON", True),
        ("False", False),
        (" off ", False),
    ],
)
def test_the_environment_has_words_for_both(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    option: str,
    word: str,
    meaning: bool,
) -> None:
    monkeypatch.setenv(ENVIRONMENT[option], word)
    assert (Settings.of(), caplog.records) == (defaults_but(option, meaning), [])


@pytest.mark.parametrize("option", ENVIRONMENT)
@pytest.mark.parametrize("word", ["", "   "])
def test_an_empty_variable_is_ignored(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, option: str, word: str
) -> None:
    monkeypatch.setenv(ENVIRONMENT[option], word)
    assert (Settings.of(), caplog.records) == (Settings(), [])


SWITCHING, NAMING = "on, off, true, false, 1, 0", "1.41, next, both"


@pytest.mark.parametrize(
    ("option", "words", "default"),
    [("spans", SWITCHING, "on"), ("chunk_timings", SWITCHING, "off"), ("genai_metrics", NAMING, "1.41")],
)
@pytest.mark.parametrize("word", ["yes", "2", "offf", "on off", "1.4"])
def test_a_wrong_variable_is_one_warning_and_the_default_holds(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, option: str, words: str, default: str, word: str
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv(ENVIRONMENT[option], word)
    assert Settings.of() == Settings()
    assert [(record.name, record.levelname, record.getMessage()) for record in caplog.records] == [
        (
            "midstream",
            "WARNING",
            f"ignoring {ENVIRONMENT[option]}={word!r}: expected one of {words}; using {default}",
        )
    ]


@pytest.mark.parametrize("option", SWITCHES)
@pytest.mark.parametrize("said", [True, False])
@pytest.mark.parametrize("word", ["on", "off", "nonsense"])
def test_an_argument_wins_over_the_environment_and_is_not_even_compared_with_it(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    option: str,
    said: bool,
    word: str,
) -> None:
    monkeypatch.setenv(ENVIRONMENT[option], word)
    assert (settings(option, said), caplog.records) == (defaults_but(option, said), [])


@pytest.mark.parametrize("option", SWITCHES)
@pytest.mark.parametrize("value", [1, 0, "on", "off", "", [], object])
def test_a_wrong_argument_is_refused_with_its_name_its_value_and_what_is_allowed(option: str, value: object) -> None:
    with pytest.raises(ValueError, match=option) as refused:
        settings(option, value)
    assert str(refused.value) == f"instrument({option}={value!r}): {option} must be True or False"


@pytest.mark.parametrize(
    ("word", "names"),
    [
        ("1.41", GenAIMetrics.V1_41),
        ("next", GenAIMetrics.NEXT),
        ("both", GenAIMetrics.BOTH),
        (" Next ", GenAIMetrics.NEXT),
    ],
)
def test_the_environment_names_the_conventions_of_the_genai_metrics(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, word: str, names: GenAIMetrics
) -> None:
    monkeypatch.setenv(ENVIRONMENT["genai_metrics"], word)
    assert (Settings.of(), caplog.records) == (Settings(genai_metrics=names), [])


@pytest.mark.parametrize("names", GenAIMetrics)
def test_an_argument_names_them_as_a_text_or_as_a_member_and_wins(
    monkeypatch: pytest.MonkeyPatch, names: GenAIMetrics
) -> None:
    monkeypatch.setenv(ENVIRONMENT["genai_metrics"], "nonsense")
    assert settings("genai_metrics", names.value) == settings("genai_metrics", names) == Settings(genai_metrics=names)


@pytest.mark.parametrize("value", [1.41, True, "", "released", "NEXT", ["next"], object])
def test_a_wrong_name_is_refused_with_its_value_and_what_is_allowed(value: object) -> None:
    with pytest.raises(ValueError, match="genai_metrics") as refused:
        settings("genai_metrics", value)
    allowed = "genai_metrics must be one of '1.41', 'next', 'both'"
    assert str(refused.value) == f"instrument(genai_metrics={value!r}): {allowed}"
