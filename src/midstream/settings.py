"""The options, from arguments and environment, validated once."""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ("ENVIRONMENT", "WORDS", "Settings")

_log: Final = logging.getLogger("midstream")

ENVIRONMENT: Final[Mapping[str, str]] = {
    "spans": "MIDSTREAM_SPANS",
    "chunk_timings": "MIDSTREAM_CHUNK_TIMINGS",
}
"""By option, the environment variable that sets it where the argument does not."""

WORDS: Final[Mapping[str, bool]] = {
    "on": True,
    "off": False,
    "true": True,
    "false": False,
    "1": True,
    "0": False,
}
"""What such a variable may say, in lower case."""


@dataclass(frozen=True)
class Settings:
    """What an application can choose."""

    spans: bool = True
    """Whether calls have spans: the SDK's own enriched, or one of ours."""
    chunk_timings: bool = False
    """Whether the time between two pieces of content is recorded, at the price of a metric record for each."""

    @classmethod
    def of(cls, *, spans: object = None, chunk_timings: object = None) -> Settings:
        """The settings that the arguments make. `None` leaves an option to the environment, and that to its default.

        Raises `ValueError` for an argument that is no bool. A wrong environment variable must not stop the
        application: it is logged as a warning, and the default holds.
        """
        return cls(
            spans=_option("spans", spans, default=cls.spans),
            chunk_timings=_option("chunk_timings", chunk_timings, default=cls.chunk_timings),
        )


def _option(name: str, value: object, *, default: bool) -> bool:
    if value is None:
        return _from_environment(ENVIRONMENT[name], default=default)
    if isinstance(value, bool):
        return value
    message = f"instrument({name}={value!r}): {name} must be True or False"
    raise ValueError(message)


def _from_environment(variable: str, *, default: bool) -> bool:
    told = os.environ.get(variable, "").strip()
    if not told:
        return default
    choice = WORDS.get(told.lower())
    if choice is None:
        _log.warning(
            "%s=%r is not one of %s; midstream goes on with %s",
            variable,
            told,
            ", ".join(WORDS),
            "on" if default else "off",
        )
        return default
    return choice
