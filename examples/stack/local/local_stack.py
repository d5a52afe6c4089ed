"""The stack on this machine, without Docker: the programs of build.sh, with the configurations of examples/stack.

    python local_stack.py DIRECTORY [--prometheus PORT] ...

DIRECTORY is where build.sh put the programs. Ctrl-C stops everything, and nothing is kept.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import sys
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event
from typing import TYPE_CHECKING, Final

from local_programs import Program, Programs, StackError, is_taken

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ("RULES", "Ports", "Stack", "collector", "configured", "prometheus")

_HERE: Final = Path(__file__).resolve().parent
RULES: Final = _HERE.parents[2] / "dashboards" / "prometheus" / "*.yaml"
_ALERTMANAGERS: Final = ("alertmanager", "prometheus-alertmanager")
"""The names of the program; the second is Debian's. It cannot be built with Go alone."""
_POLL_SECONDS: Final = 0.5


@dataclass(frozen=True)
class Ports:
    """The ports on loopback: those of the containers, and those of the programs in place of Loki and Tempo."""

    collector: int = 4318
    prometheus: int = 9090
    alertmanager: int = 9093
    victoria_logs: int = 9428
    jaeger: int = 16686
    jaeger_otlp: int = 4319

    @property
    def addresses(self) -> Mapping[str, str]:
        """By address or path in a configuration, the one on this machine."""
        return {
            "0.0.0.0:4318": f"127.0.0.1:{self.collector}",
            "http://prometheus:9090": f"http://127.0.0.1:{self.prometheus}",
            "http://tempo:4318": f"http://127.0.0.1:{self.jaeger_otlp}",
            "http://loki:3100/otlp": f"http://127.0.0.1:{self.victoria_logs}/insert/opentelemetry",
            "alertmanager:9093": f"127.0.0.1:{self.alertmanager}",
            "127.0.0.1:4319": f"127.0.0.1:{self.jaeger_otlp}",
            "127.0.0.1:16686": f"127.0.0.1:{self.jaeger}",
            "rules/*.yaml": str(RULES),
        }


@dataclass(frozen=True)
class Stack:
    """The programs of the stack. Their configurations and data are in `folder`."""

    built: Path
    folder: Path
    ports: Ports = Ports()

    def programs(self) -> list[Program]:
        """In the order of their start, each before those that send to it. Without Alertmanager if there is none."""
        found = [self._victoria_logs(), self._jaeger(), self.alertmanager(), self._prometheus(), self.collector()]
        return [program for program in found if program is not None]

    def _victoria_logs(self) -> Program:
        url = f"127.0.0.1:{self.ports.victoria_logs}"
        options = (f"-storageDataPath={self.folder / 'victoria-logs'}", f"-httpListenAddr={url}")
        return Program("victoria-logs", (self._path("victoria-logs"), *options), f"http://{url}/health")

    def _jaeger(self) -> Program:
        config = self.configured(_HERE / "jaeger.yaml")
        url = f"http://127.0.0.1:{self.ports.jaeger}/api/services"
        return Program("jaeger", (self._path("jaeger"), f"--config={config}"), url)

    def alertmanager(self) -> Program | None:
        """`None` if it is not installed."""
        path = next(filter(None, map(shutil.which, _ALERTMANAGERS)), None)
        if path is None:
            return None
        url = f"127.0.0.1:{self.ports.alertmanager}"
        options = (
            f"--config.file={self.configured(_HERE.parent / 'alertmanager.yaml')}",
            f"--storage.path={self.folder / 'alertmanager'}",
            f"--web.listen-address={url}",
            "--cluster.listen-address=",  # it is alone
        )
        return Program("alertmanager", (path, *options), f"http://{url}/-/ready")

    def _prometheus(self) -> Program:
        config = self.configured(_HERE.parent / "prometheus.yaml")
        options = ("--web.enable-otlp-receiver", "--enable-feature=exemplar-storage")
        return prometheus("prometheus", self._path("prometheus"), config, self.ports.prometheus, *options)

    def collector(self) -> Program:
        """The collector of this folder, which passes everything on."""
        config = self.configured(_HERE.parent / "collector.yaml")
        return collector("collector", self._path("otelcol"), config, ready=f"http://127.0.0.1:{self.ports.collector}/")

    def configured(self, shipped: Path) -> Path:
        """A copy of a configuration with the addresses of this machine."""
        return configured(shipped, self.folder / shipped.name, self.ports.addresses)

    def _path(self, program: str) -> str:
        return str(self.built.resolve() / program)


def configured(shipped: Path, copy: Path, addresses: Mapping[str, str]) -> Path:
    """Writes a copy of a shipped configuration with other addresses, and returns its path."""
    text = shipped.read_text(encoding="utf-8")
    for address, replacement in addresses.items():
        text = text.replace(address, replacement)
    copy.write_text(text, encoding="utf-8")
    return copy


def prometheus(name: str, path: str, config: Path, port: int, *options: str) -> Program:
    """A Prometheus. Its data are beside its configuration."""
    url = f"127.0.0.1:{port}"
    own = (f"--config.file={config}", f"--storage.tsdb.path={config.parent / name}", f"--web.listen-address={url}")
    return Program(name, (path, *own, *options), f"http://{url}/-/ready")


def collector(name: str, path: str, *configs: Path, ready: str) -> Program:
    """A collector. The later ones of its configurations override the earlier ones."""
    # Not its metrics about itself: they have a fixed port.
    return Program(
        name, (path, *(f"--config={one}" for one in configs), "--set=service.telemetry.metrics.level=none"), ready
    )


_PAGES: Final = """
  {prometheus}/api/v1/alerts   Prometheus: the alerts; a data source for Grafana is {prometheus}
  {alertmanager}/#/alerts   Alertmanager: who would be paged
  {victoria_logs}/select/vmui   VictoriaLogs: log events; a query is midstream.outcome:truncated
  {jaeger}/api/traces?service=midstream-demo   Jaeger: traces; a data source for Grafana is {jaeger}
  {collector}   the collector, for OTLP over HTTP
"""


def main() -> int:
    """Runs the stack with the traffic of the demo until Ctrl-C. Returns an exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("built", metavar="DIRECTORY", type=Path)
    for field in fields(Ports):
        parser.add_argument(f"--{field.name.replace('_', '-')}", metavar="PORT", type=int, default=field.default)
    given = vars(parser.parse_args())
    built = given.pop("built")
    stopped = Event()

    def stop(_number: int, _frame: object) -> None:
        stopped.set()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)
    try:
        with TemporaryDirectory(prefix="midstream-stack-") as folder:
            _run(Stack(built, Path(folder), Ports(**given)), stopped)
    except StackError as problem:
        print(f"stack: {problem}", file=sys.stderr)
        return 2
    return 0


def _run(stack: Stack, stopped: Event) -> None:
    _check(stack.ports)
    starting = [*stack.programs(), _demo(stack.ports.collector)]
    names = {program.name for program in starting}
    with Programs(stack.folder) as programs:
        for program in starting:
            if stopped.is_set():
                return
            print(f"starting {program.name}", flush=True)
            programs.start(program, stopped)
        urls = {name: f"http://127.0.0.1:{port}" for name, port in asdict(stack.ports).items()}
        if "alertmanager" not in names:
            urls["alertmanager"] = "(not installed)"
        print(_PAGES.format(**urls))
        print(f"Data are there within a minute. Logs are in {stack.folder}. Ctrl-C stops everything.", flush=True)
        while not stopped.wait(_POLL_SECONDS):
            programs.check()


def _check(ports: Ports) -> None:
    """Raises `StackError` if a port is taken, or given twice."""
    given = asdict(ports)
    for name, port in given.items():
        option = f"--{name.replace('_', '-')} {port}"
        if list(given.values()).count(port) > 1:
            message = f"{option}: another program has this port; each needs one to itself"
            raise StackError(message)
        if is_taken(port):
            message = f"{option}: the port is taken; stop what listens there, or give one that is free"
            raise StackError(message)


def _demo(port: int) -> Program:
    # As in compose.yaml.
    command = (sys.executable, "-m", "midstream", "demo", "--serve", "--port", "0")
    environment = {**os.environ, "OTEL_METRIC_EXPORT_INTERVAL": "5000"}
    return Program("demo", (*command, "--otlp", f"http://127.0.0.1:{port}"), environment=tuple(environment.items()))


if __name__ == "__main__":
    sys.exit(main())
