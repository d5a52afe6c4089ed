"""The options: from arguments, else from the environment, else by default."""

from __future__ import annotations

import logging

import pytest

from midstream.settings import ENVIRONMENT, Settings

DEFAULTS = {"spans": True, "chunk_timings": False}


@pytest.fixture(autouse=True)
def empty_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ENVIRONMENT.values():
        monkeypatch.delenv(variable, raising=False)


def settings(option: str, value: object) -> Settings:
    return Settings.of(**{option: value})


def test_the_variables_are_these() -> None:
    assert dict(ENVIRONMENT) == {"spans": "MIDSTREAM_SPANS", "chunk_timings": "MIDSTREAM_CHUNK_TIMINGS"}


def test_nothing_said_is_the_default() -> None:
    assert Settings.of() == Settings() == Settings(**DEFAULTS)


@pytest.mark.parametrize("option", DEFAULTS)
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
    assert (Settings.of(), caplog.records) == (Settings(**{**DEFAULTS, option: meaning}), [])


@pytest.mark.parametrize("option", DEFAULTS)
@pytest.mark.parametrize("word", ["", "   "])
def test_an_empty_variable_says_nothing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, option: str, word: str
) -> None:
    monkeypatch.setenv(ENVIRONMENT[option], word)
    assert (Settings.of(), caplog.records) == (Settings(), [])


@pytest.mark.parametrize(("option", "default"), [("spans", "on"), ("chunk_timings", "off")])
@pytest.mark.parametrize("word", ["yes", "2", "offf", "on off"])
def test_a_wrong_variable_is_one_warning_and_the_default_holds(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, option: str, default: str, word: str
) -> None:
    caplog.set_level(logging.DEBUG)
    words = "on, off, true, false, 1, 0"
    monkeypatch.setenv(ENVIRONMENT[option], word)
    assert Settings.of() == Settings()
    assert [(record.name, record.levelname, record.getMessage()) for record in caplog.records] == [
        (
            "midstream",
            "WARNING",
            f"{ENVIRONMENT[option]}={word!r} is not one of {words}; midstream goes on with {default}",
        )
    ]


@pytest.mark.parametrize("option", DEFAULTS)
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
    assert (settings(option, said), caplog.records) == (Settings(**{**DEFAULTS, option: said}), [])


@pytest.mark.parametrize("option", DEFAULTS)
@pytest.mark.parametrize("value", [1, 0, "on", "off", "", [], object])
def test_a_wrong_argument_is_refused_with_its_name_its_value_and_what_is_allowed(option: str, value: object) -> None:
    with pytest.raises(ValueError, match=option) as refused:
        settings(option, value)
    assert str(refused.value) == f"instrument({option}={value!r}): {option} must be True or False"
