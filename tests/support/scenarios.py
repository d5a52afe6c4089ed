"""Choices among the scenarios of the fault server, for what need not be tried with all of them."""

from __future__ import annotations

from typing import Final

from midstream.faults import EXAMPLES, parse
from support.styles import STYLES

__all__ = ("FAMILIES", "FEW", "waits_like_another")

_EDGES: Final = frozenset(
    {"in_band:overloaded_error", "in_band:overloaded_error@0", "in_band:overloaded_error@8", "reset", "cut", "cut@8"}
)
_ONE_EACH: Final = frozenset({parse(model).family: model for model in reversed(EXAMPLES)}.values())

FAMILIES: Final = tuple(model for model in EXAMPLES if model in _ONE_EACH | _EDGES)
"""One of each family, and those before and after the content."""

_LIKE_ANOTHER: Final = frozenset(
    {
        "tool_use",
        "thinking",
        "slow",
        "in_band_bare",
        "unnamed",
        "no_blank_line",
        "http_html",
        "fin_length",
        "bad_chunk",
        "eof",
        "bad_utf8",
        "silent",
    }
)
"""Families that end as another does, with another cause."""

FEW: Final = tuple(model for model in FAMILIES if parse(model).family not in _LIKE_ANOTHER)
"""One for each kind of end, and those before and after the content."""

_WAITING: Final = frozenset({"stall", "silent"})
_WAITED_FOR_IN: Final = frozenset(
    {"create", "raw create", "create(stream=True) in a loop", "stream() events", "with_streaming_response, parsed"}
)


def waits_like_another(model: object, style: object) -> bool:
    """Whether the call waits for a timeout in code that it shares with a call in another style."""
    return style in STYLES.keys() - _WAITED_FOR_IN and str(model).partition("@")[0] in _WAITING
