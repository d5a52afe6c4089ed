"""The programs, started with the configurations of `examples/stack` and `examples/collector` as they are shipped.

What is changed: addresses, how often Prometheus scrapes and evaluates, and the steps of long subqueries.
"""

from __future__ import annotations

import json
import random
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode, urlsplit
from urllib.request import ProxyHandler, build_opener

from dashboards.prometheus import Store, get_json
from local_programs import Programs, is_taken
from local_stack import RULES, Ports, Stack, collector, configured, prometheus
from stack.queries import sooner
from support.example import EXAMPLES

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Mapping
    from pathlib import Path

__all__ = ("Backends", "Jaeger", "VictoriaLogs", "backends", "free_ports")

COLLECTOR: Final = EXAMPLES / "collector"
_BELOW_EPHEMERAL: Final = range(20_000, 32_000)
_OFTEN: Final = {"scrape_interval: 15s": "scrape_interval: 5s", "evaluation_interval: 15s": "evaluation_interval: 5s"}
_DIRECT: Final = {"static_configs": "file_sd_configs", 'targets: ["127.0.0.1:8889"]': "files: [targets.json]"}
_ANSWER_SECONDS: Final = 60.0
_MANY: Final = 100_000

_opener: Final = build_opener(ProxyHandler({}))


def free_ports() -> Iterator[int]:
    """Ports that are free now, each once. No outgoing connection takes them."""
    for port in random.sample(_BELOW_EPHEMERAL, len(_BELOW_EPHEMERAL)):
        if not is_taken(port):
            yield port


@dataclass(frozen=True)
class Jaeger:
    """The traces that were kept."""

    url: str

    def spans(self, service: str, **tags: str) -> list[Any]:
        """The spans of a service in the traces with these tags; `_` in their names stands for a dot."""
        found = {name.replace("_", "."): value for name, value in tags.items()}
        now = time.time()
        answer = get_json(
            f"{self.url}/api/traces",
            service=service,
            tags=json.dumps(found),
            limit=_MANY,
            start=int((now - 3600) * 1e6),
            end=int((now + 60) * 1e6),
        )
        return [span for trace in answer["data"] for span in trace["spans"]]

    def trace(self, trace_id: str) -> list[Any]:
        """The spans of a trace. Empty for an unknown trace."""
        answer = get_json(f"{self.url}/api/traces/{trace_id}")
        return [span for trace in answer["data"] or () for span in trace["spans"]]


@dataclass(frozen=True)
class VictoriaLogs:
    """The log events."""

    url: str

    def find(self, query: str) -> list[Any]:
        """What a query in LogsQL returns."""
        url = f"{self.url}/select/logsql/query?{urlencode({'query': query, 'limit': _MANY})}"
        with _opener.open(url, timeout=_ANSWER_SECONDS) as answer:
            return [json.loads(line) for line in answer]


@dataclass(frozen=True)
class Backends:
    """What runs, and where it is."""

    programs: Programs
    stack: Stack
    sampling: str
    """The URL of the collector of `examples/collector`, which samples traces, and makes metrics of spans."""
    scraping: Store
    """The Prometheus that scrapes it."""
    direct: Store
    """The Prometheus that scrapes what `scrape` gives it."""
    _targets: Path

    @property
    def collecting(self) -> str:
        """The URL of the collector of `examples/stack`, which passes on everything."""
        return f"http://127.0.0.1:{self.stack.ports.collector}"

    @property
    def pushed(self) -> Store:
        """The Prometheus that it pushes to."""
        return Store(f"http://127.0.0.1:{self.stack.ports.prometheus}")

    @property
    def traces(self) -> Jaeger:
        return Jaeger(f"http://127.0.0.1:{self.stack.ports.jaeger}")

    @property
    def logs(self) -> VictoriaLogs:
        return VictoriaLogs(f"http://127.0.0.1:{self.stack.ports.victoria_logs}")

    @property
    def alertmanager(self) -> str:
        return f"http://127.0.0.1:{self.stack.ports.alertmanager}"

    def scrape(self, **pages: str) -> None:
        """From now on, `direct` scrapes these metrics pages, by job, and no others."""
        targets = [{"targets": [urlsplit(page).netloc], "labels": {"job": job}} for job, page in pages.items()]
        new = self._targets.with_suffix(".new")
        new.write_text(json.dumps(targets))
        new.rename(self._targets)


@contextmanager
def backends(built: Path, folder: Path) -> Generator[Backends]:
    """Runs all of it until the end of the `with` block. `built` has the programs."""
    ports = free_ports()
    stack = Stack(built, _new(folder / "stack"), Ports(*(next(ports) for _ in range(6))))
    sampling = f"127.0.0.1:{next(ports)}"
    exporter = f"127.0.0.1:{next(ports)}"
    own, other, rules = (_new(folder / name) for name in ("collector", "direct", "rules"))
    for path in RULES.parent.glob(RULES.name):
        (rules / path.name).write_text(sooner(path.read_text(encoding="utf-8")), encoding="utf-8")
    # All three have the same rules at the same path, and evaluate them at the same time.
    often = {**_OFTEN, str(RULES): f"{rules}/*.yaml", "observability/prometheus/midstream-*.yaml": f"{rules}/*.yaml"}
    addresses = {
        "127.0.0.1:4318": sampling,
        "127.0.0.1:8889": exporter,
        "127.0.0.1:4319": f"127.0.0.1:{stack.ports.jaeger_otlp}",
        "127.0.0.1:9428": f"127.0.0.1:{stack.ports.victoria_logs}",
    }
    configs = [configured(COLLECTOR / name, own / name, addresses) for name in ("collector.yaml", "stores.yaml")]
    program = str(built.resolve() / "prometheus")
    with ExitStack() as exits:
        programs = exits.enter_context(Programs(folder))
        for started in stack.programs():
            if started.name == "prometheus":
                config = stack.folder / "prometheus.yaml"
                configured(config, config, often)
            programs.start(started)
        programs.start(
            collector("sampling-collector", str(built.resolve() / "otelcol"), *configs, ready=f"http://{sampling}/")
        )
        scraping, direct = next(ports), next(ports)
        programs.start(prometheus("prometheus-scraping", program, _scraping(own, {**addresses, **often}), scraping))
        programs.start(prometheus("prometheus-direct", program, _scraping(other, {**_DIRECT, **often}), direct))
        stores = Store(f"http://127.0.0.1:{scraping}"), Store(f"http://127.0.0.1:{direct}")
        yield Backends(programs, stack, f"http://{sampling}", *stores, other / "targets.json")


def _scraping(folder: Path, addresses: Mapping[str, str]) -> Path:
    return configured(COLLECTOR / "prometheus.yaml", folder / "prometheus.yaml", addresses)


def _new(folder: Path) -> Path:
    folder.mkdir()
    return folder
