"""The prices of tokens, which rules record that `midstream dashboards export --prices FILE` writes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from source import names
from source.queries import Selection
from source.variables import chosen

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ("LABELS", "PRICE", "at_prices")

PRICE: Final = "midstream:price"
"""The price of one token, by model and type of token."""

LABELS: Final[Mapping[str, frozenset[str]]] = {PRICE: frozenset({names.MODEL, names.TOKEN_TYPE})}


def at_prices(tokens: str) -> str:
    """What `tokens`, a number by model and type of token, cost in sum."""
    keys = f"{names.MODEL}, {names.TOKEN_TYPE}"
    (by_model,) = (one for one in chosen(PRICE).matchers if one.startswith(names.MODEL))
    return f"sum({tokens}\n* on ({keys}) {Selection(PRICE, (by_model,))})"
