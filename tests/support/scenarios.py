"""Choices among the scenarios of the fault server, for what need not be tried with all of them."""

from __future__ import annotations

from typing import Final

from midstream.faults import EXAMPLES, parse

__all__ = ("FAMILIES", "FEW")

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
"""Families whose end is that of another, with another cause."""

FEW: Final = tuple(model for model in FAMILIES if parse(model).family not in _LIKE_ANOTHER)
"""One for each kind of end, and those before and after the content."""
