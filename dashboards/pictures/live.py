"""A Prometheus with data of the demo."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pictures.asking import STEP, Json, ProblemError, Prometheus

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

__all__ = ("prometheus_with_demo",)

_MIDSTREAM: Final = str(Path(sys.executable).with_name("midstream"))
_RULES: Final = Path(__file__).resolve().parents[1] / "prometheus"
_HOST: Final = "127.0.0.1"
_SCRAPE_SECONDS: Final = 2
_WARM_UP: Final = 180
"""For so long there is data before the first point of a picture."""
_PATIENCE: Final = 60.0

_PRICES: Final = {"*": {"input": 1, "output": 5}}
"""What a million tokens cost, for the panel that needs prices. The demo costs nothing."""

_INCIDENT: Final = ("ok", "ok:40", "tool_use", "thinking", "in_band:overloaded_error", "fin")
"""What a second demo does for a quarter of the time: one call in six fails inside the stream, and one breaks off."""


def _free_port() -> int:
    with socket.create_server((_HOST, 0)) as server:
        port: int = server.getsockname()[1]
        return port


@contextmanager
def _running(command: Sequence[str], log: Path, ready: str) -> Generator[None]:
    """A program that runs for as long as it is needed, from when it has said `ready` into `log`."""
    with log.open("wb") as output, subprocess.Popen(command, stdout=output, stderr=output) as process:
        try:
            deadline = time.monotonic() + _PATIENCE
            while ready not in log.read_text():
                if process.poll() is not None or time.monotonic() > deadline:
                    message = f"{Path(command[0]).name} did not start:\n{log.read_text()}"
                    raise ProblemError(message)
                time.sleep(0.2)
            yield
        finally:
            process.terminate()


@contextmanager
def _demo(port: int, folder: Path, *only: str) -> Generator[None]:
    options = [option for scenario in only for option in ("--only", scenario)]
    command = [_MIDSTREAM, "demo", "--serve", "--port", str(port), *options]
    with _running(command, folder / f"demo-{port}.log", "Serving metrics on"):
        yield


@contextmanager
def _corrected() -> Generator[None]:
    """What starts here gets corrected errors."""
    os.environ["MIDSTREAM_ERRORS"] = "corrected"
    try:
        yield
    finally:
        del os.environ["MIDSTREAM_ERRORS"]


@contextmanager
def prometheus_with_demo(minutes: float) -> Generator[Prometheus]:
    """With that many minutes of the demo's data, and some before them. In the third quarter there is an incident."""
    print(f"The demo runs for {minutes + _WARM_UP / 60:g} minutes: the pictures show live data.", flush=True)
    quarter = minutes * 60 / 4
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        steady, incident, port = _free_port(), _free_port(), _free_port()
        (folder / "prometheus.json").write_text(json.dumps(_configuration(_prices(folder), steady, incident)))
        options = (
            f"--config.file={folder / 'prometheus.json'}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address={_HOST}:{port}",
        )
        stack.enter_context(_demo(steady, folder))
        stack.enter_context(_running(["prometheus", *options], folder / "prometheus.log", "Server is ready"))
        time.sleep(_WARM_UP + 2 * quarter)
        with _corrected(), _demo(incident, folder, *_INCIDENT):
            time.sleep(quarter)
        time.sleep(quarter)
        yield Prometheus(f"http://{_HOST}:{port}")


def _prices(folder: Path) -> Path:
    """The rules with prices, made as users make them."""
    (folder / "prices.json").write_text(json.dumps(_PRICES))
    exported = folder / "exported"
    subprocess.run(
        [_MIDSTREAM, "dashboards", "export", "--prices", str(folder / "prices.json"), str(exported)],
        capture_output=True,
        check=True,
    )
    return exported / "prometheus" / "midstream-prices.yaml"


def _configuration(prices: Path, *ports: int) -> Json:  # JSON is YAML
    targets = [f"{_HOST}:{port}" for port in ports]
    return {
        "global": {"scrape_interval": f"{_SCRAPE_SECONDS}s", "evaluation_interval": f"{STEP}s"},
        "rule_files": [str(_RULES / "*.yaml"), str(prices)],
        "scrape_configs": [{"job_name": "midstream-demo", "static_configs": [{"targets": targets}]}],
    }
