"""The prices of tokens that users supply, as recording rules."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final, cast

from midstream._cli.console.problem import refuse, shown

__all__ = ("FILE", "Prices")

FILE: Final = "midstream-prices.yaml"
"""The file of rules."""

_OPTION: Final = "--prices"
_KINDS: Final = ("input", "output")
_TOKENS: Final = 1_000_000
"""The tokens that a price is for."""

_EXPECTED: Final = (
    "must be JSON with the prices of a million tokens by model, where * stands for any text: "
    '{"claude-sonnet-*": {"input": 1, "output": 2}}'
)
_HEADER: Final = """\
# Written by `midstream dashboards export --prices`; do not edit.
# Recording rules: the price of one token, by model and type of token. Load them with the other rules.
groups:
  - name: midstream-prices
    rules:
"""
_RULE: Final = """\
      - record: midstream:price
        expr: |-
          0 * group by (gen_ai_request_model) (
            last_over_time(midstream:operations:rate5m{{{matchers}}}[1d])
          ) + {price!r}
        labels:
          gen_ai_token_type: {kind}
"""


@dataclass(frozen=True)
class Prices:
    """By pattern of models, the prices of a million tokens: input and output. The first that matches a model counts."""

    by_model: tuple[tuple[str, tuple[float, float]], ...]

    @classmethod
    def from_file(cls, path: str) -> Prices:
        """Raises `Problem` for a file that cannot be read, or has something else."""
        try:
            found = cast("object", json.loads(Path(path).read_text(encoding="utf-8")))
        except OSError as error:
            refuse(_OPTION, path, f"cannot be read: {error.strerror or error}")
        except ValueError:
            refuse(_OPTION, path, _EXPECTED)
        if not isinstance(found, dict) or not found:
            refuse(_OPTION, path, _EXPECTED)
        models = cast("dict[str, object]", found)
        return cls(tuple((model, _checked(path, model, prices)) for model, prices in models.items()))

    def rules(self) -> str:
        """The text of the file of rules."""
        return _HEADER + "".join(
            _RULE.format(matchers=self._matchers(place), price=price / _TOKENS, kind=kind)
            for place, (_, prices) in enumerate(self.by_model)
            for kind, price in zip(_KINDS, prices, strict=True)
        )

    def _matchers(self, place: int) -> str:
        patterns = [_pattern(model) for model, _ in self.by_model[: place + 1]]
        matchers = [("=~", patterns[-1]), *([("!~", "|".join(patterns[:-1]))] if place else [])]
        return ", ".join(f"gen_ai_request_model{operator}{json.dumps(value)}" for operator, value in matchers)


def _checked(path: str, model: str, prices: object) -> tuple[float, float]:
    found = cast("dict[str, object]", prices) if isinstance(prices, dict) else {}
    values = tuple(found.get(kind) for kind in _KINDS)
    if found.keys() != set(_KINDS) or not all(map(_is_price, values)):
        refuse(_OPTION, path, f"{shown(model)} needs two numbers, input and output: the prices of a million tokens")
    given, generated = cast("tuple[float, float]", values)
    return given, generated


def _is_price(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value) and value >= 0


def _pattern(model: str) -> str:
    return ".*".join(map(re.escape, model.split("*")))
