"""What a board asks, and what a Prometheus answers."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode
from urllib.request import urlopen

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ("STEP", "Json", "ProblemError", "Prometheus", "Span", "asks_prometheus")

Json = dict[str, Any]

STEP: Final = 15
"""What Grafana takes the scrape interval for where a data source does not say it: no two points are closer."""

_SECONDS: Final = {"s": 1, "m": 60, "h": 3600}
_POINTS: Final = 1_000
_PATIENCE: Final = 60.0
_PROMETHEUS: Final = {"type": "prometheus"}


class ProblemError(Exception):
    """Why there are no pictures, in a line or a few."""


def asks_prometheus(board: Json) -> bool:
    """Whether it asks nothing else: other data sources are not there."""
    return all(panel.get("datasource", _PROMETHEUS)["type"] == "prometheus" for panel in board["panels"])


def _everything(board: Json) -> Mapping[str, str]:
    return {
        variable["name"]: variable.get("allValue") or ".*"
        for variable in board.get("templating", {}).get("list", ())
        if variable["type"] == "query"
    }


def _step(panel: Json, span: Span) -> int:
    """How far apart the points are, in seconds."""
    match = re.fullmatch(r"(\d+)([smh])", panel.get("interval") or "1s")
    if match is None:
        message = f"{panel['title']}: an interval of {panel['interval']}"
        raise ProblemError(message)
    return max(
        STEP, int(match[1]) * _SECONDS[match[2]], (span.end - span.start) // int(panel.get("maxDataPoints", _POINTS))
    )


@dataclass(frozen=True)
class Span:
    """The time that the pictures show, in seconds since the epoch."""

    start: int
    end: int

    def fill(self, expression: str, step: int, variables: Mapping[str, str]) -> str:
        """`expression` as Grafana would send it."""
        seconds = self.end - self.start
        values = {
            **variables,
            "__rate_interval": f"{max(step + STEP, 4 * STEP)}s",
            "__interval": f"{step}s",
            "__range": f"{seconds}s",
            "__range_s": str(seconds),
        }
        return re.sub(r"\$\{?(\w+)(?::\w+)?\}?", lambda match: values.get(match[1], match[0]), expression)


@dataclass(frozen=True)
class Prometheus:
    """Answers queries."""

    url: str

    def get(self, path: str, **parameters: object) -> Any:
        """The `data` of an answer. Raises `ProblemError` with what Prometheus says against the query."""
        try:
            url = f"{self.url}/api/v1/{path}?{urlencode(parameters)}"
            with urlopen(url, timeout=_PATIENCE) as answer:  # noqa: S310 - the maintainer names it
                return json.load(answer)["data"]
        except HTTPError as error:
            message = json.load(error).get("error", str(error))
        except URLError as error:
            message = f"{self.url}: {error.reason}"
        raise ProblemError(message)

    def answer(self, target: Json, span: Span, step: int, variables: Mapping[str, str]) -> Any:
        """What `target` of a panel shows."""
        expression = span.fill(target["expr"], step, variables)
        if target.get("instant"):
            return self.get("query", query=expression, time=span.end)
        start = span.start // step * step
        return self.get("query_range", query=expression, start=start, end=span.end, step=step)

    def answers(self, board: Json, span: Span) -> dict[int, Json]:
        """By the id of a panel, how far apart its points are, and by the refId of a target, what it shows."""
        variables = _everything(board)
        answers: dict[int, Json] = {}
        for panel in board["panels"]:
            try:
                step = _step(panel, span)
                targets = {
                    target["refId"]: self.answer(target, span, step, variables) for target in panel.get("targets", ())
                }
                answers[panel["id"]] = {"step": step, "targets": targets}
            except ProblemError as problem:
                message = f"{board['uid']}: {panel['title']}: {problem}"
                raise ProblemError(message) from None
        return answers
