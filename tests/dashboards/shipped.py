"""The shipped boards, queried as Grafana queries a store, and the shipped rules."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from midstream._cli.dashboards.prices import FILE, Prices
from source.boards import BOARDS, interpolate
from source.variables import DATASOURCE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from dashboards.prometheus import Store
    from source.panels import Panel

__all__ = ("DASHBOARDS", "ShownPanel", "faster_rules", "shown_panels", "variables")

DASHBOARDS: Final = Path(__file__).parents[2] / "dashboards"

_WINDOW: Final = "1m"
"""For `$__rate_interval` and `$__range`: longer than the demo needs for one of each fault."""
_SHOWN_SECONDS: Final = 60.0
_STEP_SECONDS: Final = 5.0

_SUBQUERY: Final = re.compile(r"\[\w+:\w+\]")
_SHORT_SUBQUERY: Final = "[10m:5s]"
"""Replaces every subquery: the shipped ones have steps at full minutes, and a test lasts only a few."""


@dataclass(frozen=True)
class ShownPanel:
    """A panel of a board in `dashboards/grafana/`: its queries, and its source."""

    board: str
    panel: Panel
    targets: tuple[Any, ...]

    def __str__(self) -> str:
        return f"{self.board}: {self.panel.title}"

    def answers(self, store: Store, job: str | None = None) -> list[set[float]]:
        """The values of each of its queries, for one job or for all. An empty set means no data."""
        return [self._ask(store, target, job) for target in self.targets]

    def moves(self, answers: Iterable[set[float]]) -> bool:
        """Whether it shows something else than at rest."""
        return any(values - {self.panel.at_rest} for values in answers)

    @staticmethod
    def _ask(store: Store, target: Any, job: str | None) -> set[float]:
        expression = target["expr"] if job is None else target["expr"].replace("$job", job)
        asked = _SUBQUERY.sub(_SHORT_SUBQUERY, interpolate(expression, window=_WINDOW))
        found = store.now(asked) if target["instant"] else store.lately(asked, _SHOWN_SECONDS, _STEP_SECONDS)
        return {value for series in found for value in series.values}


def shown_panels() -> Iterator[ShownPanel]:
    """Every panel of every shipped board that queries Prometheus, without the headings."""
    for board in BOARDS:
        shown = [panel for panel in _shipped(board.uid)["panels"] if panel["type"] != "row"]
        for panel, json_of_panel in zip(board.panels, shown, strict=True):
            assert panel.title == json_of_panel["title"], (panel.title, json_of_panel["title"])
            if panel.source == DATASOURCE:
                yield ShownPanel(board.uid, panel, tuple(json_of_panel["targets"]))


def variables() -> Iterator[tuple[str, str, str]]:
    """For each query variable of every shipped board, its name, and the selector and label of its query."""
    for board in BOARDS:
        for variable in _shipped(board.uid)["templating"]["list"]:
            if variable["type"] == "query":
                inner = variable["query"]["query"].removeprefix("label_values(").removesuffix(")")
                selector, _, label = inner.rpartition(", ")
                yield variable["name"], interpolate(selector), label


def _shipped(uid: str) -> Any:
    return json.loads((DASHBOARDS / "grafana" / f"{uid}.json").read_text(encoding="utf-8"))


def faster_rules(directory: Path) -> Sequence[Path]:
    """Copies of the shipped rules that need no time.

    Each `interval` is a second, raw series are read over half a minute, and subqueries are short. Shares stay the same.
    With them are the rules with prices, as a user has them.
    """
    copies = [directory / path.name for path in (DASHBOARDS / "prometheus").glob("*.yaml")]
    for copy in copies:
        text = (DASHBOARDS / "prometheus" / copy.name).read_text(encoding="utf-8")
        text = re.sub(r"(?m)^( +interval:) \w+$", r"\1 1s", text)
        text = re.sub(r"\[5m\]|(?<=offset )5m", lambda found: found[0].replace("5m", "30s"), text)
        copy.write_text(_SUBQUERY.sub(_SHORT_SUBQUERY, text), encoding="utf-8")
    assert copies
    prices = directory / FILE
    prices.write_text(Prices((("*", (1.0, 5.0)),)).rules(), encoding="utf-8")
    return [*copies, prices]
