"""The options, from arguments and environment, validated once."""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeVar

from midstream._telemetry.scope import GenAIMetrics

if TYPE_CHECKING:
    from collections.abc import Mapping


_log: Final = logging.getLogger("midstream")

ENVIRONMENT: Final[Mapping[str, str]] = {
    "spans": "MIDSTREAM_SPANS",
    "chunk_timings": "MIDSTREAM_CHUNK_TIMINGS",
    "genai_metrics": "MIDSTREAM_GENAI_METRICS",
}
"""By option, the environment variable that sets it where the argument does not."""

_SWITCH: Final[Mapping[str, bool]] = {
    "on": True,
    "off": False,
    "true": True,
    "false": False,
    "1": True,
    "0": False,
}

_NAMES: Final[Mapping[str, GenAIMetrics]] = {names.value: names for names in GenAIMetrics}

WORDS: Final[Mapping[str, Mapping[str, object]]] = {
    ENVIRONMENT["spans"]: _SWITCH,
    ENVIRONMENT["chunk_timings"]: _SWITCH,
    ENVIRONMENT["genai_metrics"]: _NAMES,
}
"""What each such variable may say, in lower case."""

Choice = TypeVar("Choice")


@dataclass(frozen=True)
class Settings:
    """What an application can choose."""

    spans: bool = True
    """Whether calls have spans: the SDK's own enriched, or one of ours."""
    chunk_timings: bool = False
    """Whether the time between two pieces of content is recorded, at the price of a metric record for each."""
    genai_metrics: GenAIMetrics = GenAIMetrics.V1_41
    """The names that the GenAI metrics have."""

    @classmethod
    def of(cls, *, spans: object = None, chunk_timings: object = None, genai_metrics: object = None) -> Settings:
        """The settings that the arguments make. `None` leaves an option to the environment, and that to its default.

        Raises `ValueError` for an argument that is not allowed. A wrong environment variable must not stop the
        application: it is logged as a warning, and the default holds.
        """
        return cls(
            spans=_switch("spans", spans, default=cls.spans),
            chunk_timings=_switch("chunk_timings", chunk_timings, default=cls.chunk_timings),
            genai_metrics=_names("genai_metrics", genai_metrics, default=cls.genai_metrics),
        )


def _switch(option: str, value: object, *, default: bool) -> bool:
    if value is None:
        return _from_environment(ENVIRONMENT[option], _SWITCH, default)
    if isinstance(value, bool):
        return value
    message = f"instrument({option}={value!r}): {option} must be True or False"
    raise ValueError(message)


def _names(option: str, value: object, *, default: GenAIMetrics) -> GenAIMetrics:
    if value is None:
        return _from_environment(ENVIRONMENT[option], _NAMES, default)
    if isinstance(value, str) and value in _NAMES:
        return _NAMES[value]
    message = f"instrument({option}={value!r}): {option} must be one of {', '.join(map(repr, _NAMES))}"
    raise ValueError(message)


def _from_environment(variable: str, words: Mapping[str, Choice], default: Choice) -> Choice:
    told = os.environ.get(variable, "").strip()
    if not told:
        return default
    choice = words.get(told.lower())
    if choice is None:
        # Of several words for a choice, the first.
        word = next(word for word, meaning in words.items() if meaning == default)
        _log.warning("%s=%r is not one of %s; midstream goes on with %s", variable, told, ", ".join(words), word)
        return default
    return choice
