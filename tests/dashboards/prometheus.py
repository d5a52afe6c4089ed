"""A real Prometheus with a real Alertmanager, and any other store with Prometheus' API."""

from __future__ import annotations

import json
import math
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import ProxyHandler, build_opener

import yaml

from support.programs import eventually, needed, serving

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping, Sequence
    from pathlib import Path

__all__ = ("Prometheus", "Series", "Store", "alertmanager", "get_json", "prometheus")

_ANSWER_SECONDS: Final = 60.0
_LISTENS: Final = r'msg="Listening on" address=(\S+)'
_ANY_PORT: Final = "--web.listen-address=127.0.0.1:0"


@dataclass(frozen=True)
class Series:
    """What a query returned: labels, and one value or many. NaN does not count, because it shows nothing."""

    labels: Mapping[str, str]
    values: tuple[float, ...]


@dataclass(frozen=True)
class Store:
    """Metrics behind the HTTP API of Prometheus at `url`."""

    url: str

    def get(self, path: str, **parameters: object) -> Any:
        """The `data` of an answer. An error fails the test with the store's message."""
        answer = get_json(f"{self.url}/api/v1/{path}", **parameters)
        assert answer["status"] == "success", (answer, parameters)
        return answer["data"]

    def now(self, expression: str) -> list[Series]:
        """The value of `expression` now."""
        return [_series(found, [found["value"]]) for found in self.get("query", query=expression)["result"]]

    def lately(self, expression: str, seconds: float, step: float) -> list[Series]:
        """The values of `expression` in the last `seconds`."""
        end = time.time()
        found = self.get("query_range", query=expression, start=end - seconds, end=end, step=step)
        return [_series(series, series["values"]) for series in found["result"]]

    def values_of(self, label: str, selector: str) -> set[str]:
        """The values of a label on the selected series."""
        return set(self.get(f"label/{label}/values", **{"match[]": selector}))


def _series(found: Any, samples: Sequence[tuple[float, str]]) -> Series:
    values = (float(value) for _, value in samples)
    return Series(found["metric"], tuple(value for value in values if not math.isnan(value)))


@dataclass(frozen=True)
class Prometheus(Store):
    """A Prometheus that scrapes every two seconds. It has the targets that `scrape` gave it, and an Alertmanager."""

    targets: Path
    alertmanager: str
    """The URL of the Alertmanager."""

    def scrape(self, jobs: Mapping[str, str]) -> None:
        """Scrapes these from now on, by job, host and port. Waits until all of them respond."""
        groups = [{"targets": [address], "labels": {"job": job}} for job, address in jobs.items()]
        written = self.targets.with_suffix(".new")
        written.write_text(json.dumps(groups))
        written.rename(self.targets)
        eventually(lambda: self._has(set(jobs)))

    def _has(self, jobs: set[str]) -> None:
        assert {series.labels["job"] for series in self.now("up == 1")} == jobs

    def alerts(self) -> list[Any]:
        """The alerts that are pending or fire, as Prometheus has them."""
        alerts: list[Any] = self.get("alerts")["alerts"]
        return alerts

    def alerts_in_alertmanager(self) -> list[Any]:
        """The alerts that have arrived at the Alertmanager."""
        alerts: list[Any] = get_json(f"{self.alertmanager}/api/v2/alerts")
        return alerts


@contextmanager
def prometheus(directory: Path, rules: Sequence[Path]) -> Generator[Prometheus]:
    """Runs both in `directory`, with `rules`, until the end of the `with` block."""
    server = needed("prometheus", "prometheus")
    targets = directory / "targets.json"
    targets.write_text("[]")
    with alertmanager(directory) as receiver:
        configuration = directory / "prometheus.yaml"
        configuration.write_text(yaml.safe_dump(_configuration(rules, receiver, targets)))
        command = (
            server,
            f"--config.file={configuration}",
            f"--storage.tsdb.path={directory / 'prometheus'}",
            _ANY_PORT,
        )
        with serving(command, directory / "prometheus.log", _LISTENS) as url:
            found = Prometheus(url, targets, receiver)
            eventually(lambda: found.get("status/runtimeinfo"))
            yield found


@contextmanager
def alertmanager(directory: Path, shipped: Mapping[str, Any] | None = None) -> Generator[str]:
    """Runs an Alertmanager, with the routes and rules of `shipped`, until the end of the block. Gives its URL."""
    program = needed("prometheus-alertmanager", "prometheus-alertmanager")
    configuration = directory / "alertmanager.yaml"
    more = dict(shipped or {})
    route = {"receiver": "none", "group_wait": "0s", **more.pop("route", {})}
    receivers = [{"name": name} for name in (route["receiver"], "page", "ticket")]
    configuration.write_text(yaml.safe_dump({"route": route, "receivers": receivers, **more}))
    command = (
        program,
        f"--config.file={configuration}",
        f"--storage.path={directory / 'alertmanager'}",
        "--cluster.listen-address=",  # it has no peers
        _ANY_PORT,
    )
    with serving(command, directory / "alertmanager.log", _LISTENS) as url:
        yield url


def _configuration(rules: Sequence[Path], alertmanager: str, targets: Path) -> dict[str, Any]:
    return {
        "global": {"scrape_interval": "2s", "scrape_timeout": "2s", "evaluation_interval": "1s"},
        "rule_files": [str(path) for path in rules],
        "alerting": {"alertmanagers": [{"static_configs": [{"targets": [alertmanager.removeprefix("http://")]}]}]},
        "scrape_configs": [{"job_name": "tests", "file_sd_configs": [{"files": [str(targets)]}]}],
    }


_opener: Final = build_opener(ProxyHandler({}))


def get_json(url: str, **parameters: object) -> Any:
    """The JSON at `url`, also of an error."""
    try:
        with _opener.open(f"{url}?{urlencode(parameters)}", timeout=_ANSWER_SECONDS) as answer:
            return json.load(answer)
    except HTTPError as error:
        with error:
            text = error.read().decode(errors="replace")
    return json.loads(text) if text.startswith("{") else {"status": text}
