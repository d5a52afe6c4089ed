"""What runs of bench.py said, as it is kept between them: a file per run."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from figures import Budget, Figure, Goal
from measuring import Comparison, Spread

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ("Result", "read", "read_figures")


@dataclass(frozen=True)
class Result:
    """One run: when, where and with what, and its figures by key."""

    date: str
    machine: str
    seconds: float
    quick: bool
    """The figures say nothing: that everything runs was all that was asked."""
    environment: Mapping[str, str]
    """Versions, by distribution."""
    figures: Mapping[str, Figure]


def read(file: Path) -> Result:
    """What is in `file`."""
    told: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    run, bench = told["run"], told["bench"]
    return Result(**run, environment=bench["environment"], figures=_figures(bench))


def read_figures(file: Path) -> dict[str, Figure]:
    """The figures in `file`, by key: what one program has told of itself."""
    return _figures(json.loads(file.read_text(encoding="utf-8")))


def _figures(told: Mapping[str, Any]) -> dict[str, Figure]:
    return {one.key: one for one in map(_figure, told["figures"])}


def _figure(told: Mapping[str, Any]) -> Figure:
    comparison = dict(told["comparison"])
    pairs = comparison.pop("pairs")
    return Figure(
        told["key"],
        told["subject"],
        told["unit"],
        Comparison(pairs=pairs, **{name: Spread(**spread) for name, spread in comparison.items()}),
        None if told["goal"] is None else Goal(**told["goal"]),
        None if told["budget"] is None else _budget(told["budget"]),
    )


def _budget(told: Mapping[str, Any]) -> Budget:
    """A result from before anything was said by hand lacks that: it was not measured."""
    by_hand, own = (Spread(**told[name]) if told.get(name) else None for name in ("by_hand", "own"))
    return replace(Budget(**told), by_hand=by_hand, own=own)
