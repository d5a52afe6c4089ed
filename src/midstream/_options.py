"""The options of `instrument()`: from an argument, else from the environment, else the default."""

from __future__ import annotations

import logging
import os
from enum import Enum
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from midstream._telemetry.scope import GenAIMetrics

if TYPE_CHECKING:
    from collections.abc import Mapping


_log: Final = logging.getLogger("midstream")


class Option(NamedTuple):
    """One option, with its values by the words for them."""

    name: str
    words: Mapping[str, Any]
    """What the environment variable may say, in lower case. Of several words for a value, the first is usual."""
    default: Any

    @property
    def variable(self) -> str:
        """The environment variable that sets it where the argument does not."""
        return f"MIDSTREAM_{self.name.upper()}"

    def value(self, argument: object) -> Any:
        """The value that `argument` gives. `None` leaves it to the environment.

        Raises `ValueError` for an argument that is not allowed. An invalid environment variable must not stop the
        application: it is logged as a warning and ignored.
        """
        if argument is None:
            return self._from_environment()
        if isinstance(self.default, bool):
            found, allowed = (argument if isinstance(argument, bool) else None), "True or False"
        else:
            found = self.words.get(argument) if isinstance(argument, str) else None
            allowed = f"one of {', '.join(map(repr, self.words))}"
        if found is None:
            message = f"instrument({self.name}={argument!r}): {self.name} must be {allowed}"
            raise ValueError(message)
        return found

    def _from_environment(self) -> Any:
        word = os.environ.get(self.variable, "").strip()
        value = self.words.get(word.lower()) if word else self.default
        if value is not None:
            return value
        usual = next(usual for usual, meaning in self.words.items() if meaning == self.default)
        _log.warning("ignoring %s=%r: expected one of %s; using %s", self.variable, word, ", ".join(self.words), usual)
        return self.default


class Errors(str, Enum):
    """Which exceptions the application receives."""

    UNCHANGED = "unchanged"
    """Those of the SDK."""
    CORRECTED = "corrected"
    """Those that the SDK should have raised."""


_SWITCH: Final = {"on": True, "off": False, "true": True, "false": False, "1": True, "0": False}

OPTIONS: Final = (
    Option("spans", _SWITCH, default=True),
    Option("chunk_timings", _SWITCH, default=False),
    Option("genai_metrics", {names.value: names for names in GenAIMetrics}, default=GenAIMetrics.V1_41),
    Option("errors", {errors.value: errors for errors in Errors}, default=Errors.UNCHANGED),
    Option("log", _SWITCH, default=False),
)
"""The options. `Settings` has a field for each, and `_instrumentor.Options` a key; a test compares."""

ENVIRONMENT: Final[Mapping[str, str]] = {option.name: option.variable for option in OPTIONS}
"""By option, its environment variable."""

WORDS: Final[Mapping[str, Mapping[str, object]]] = {option.variable: option.words for option in OPTIONS}
"""By environment variable, the words that it may say."""


class Settings(NamedTuple):
    """The values of the options."""

    spans: bool = True
    """Whether calls have spans: the SDK's own enriched, or midstream's."""
    chunk_timings: bool = False
    """Whether the time between two pieces of content is recorded, at the cost of a metric record for each."""
    genai_metrics: GenAIMetrics = GenAIMetrics.V1_41
    """The names of the GenAI metrics."""
    errors: Errors = Errors.UNCHANGED
    """Which exceptions the application receives."""
    log: bool = False
    """Whether stderr gets a line at the start and one per failed call."""

    @classmethod
    def of(cls, **arguments: object) -> Settings:
        """The settings that these arguments of `instrument()` make. Raises `ValueError` for one that is not allowed."""
        return cls(**{option.name: option.value(arguments.get(option.name)) for option in OPTIONS})
