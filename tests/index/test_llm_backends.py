"""docs/recipes.md, MLflow and Phoenix: the newest of each shows calls as the page says, exported as the page says."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.request import ProxyHandler, build_opener

import pytest

from index.installing import PATIENCE_SECONDS, environment, ran
from midstream.faults import FaultServer
from support.blocks import blocks_in, quick_start
from support.programs import eventually, serving

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.timeout(PATIENCE_SECONDS)

_BEFORE, *_BLOCKS = blocks_in("docs/recipes.md")
_EXPORT: Final = next(block.text for block in _BLOCKS if "x-mlflow-experiment-id" in block.text)
_MLFLOW_ONLY: Final = re.compile(r"^.*# MLflow only$\n", re.MULTILINE)
_PROGRAM: Final = quick_start()[0].text.partition("<<'END'\n")[2].partition("END\n")[0]

_SERVES: Final = r"Uvicorn running on http://(\S+)"
_opener: Final = build_opener(ProxyHandler({}))


@dataclass(frozen=True)
class _Shown:
    """A call as a backend shows it."""

    status: str
    line: str
    outcome: str
    tokens: tuple[int, int, int]
    """Input, output, and read from the cache."""


_OVERLOADED: Final = "in_band:overloaded_error"
_EXPECTED: Final = {
    "ok": _Shown("OK", "", "completed", (43, 15, 8)),
    "cut": _Shown(
        "ERROR",
        "stream_truncated: the stream ended before its end event, after content had arrived",
        "truncated",
        (43, 0, 8),
    ),
    _OVERLOADED: _Shown(
        "ERROR", "529 overloaded_error: Overloaded (request req_in_band_000003)", "in_band_error", (43, 0, 8)
    ),
}
"""By scenario, in the order of the calls."""


def _of_mlflow(url: str, programs: Path) -> list[_Shown]:
    command = (programs / "mlflow", "traces", "search", "--experiment-id", "0", "--output", "json")
    known = environment(**_QUIET_MLFLOW, MLFLOW_TRACKING_URI=url)
    found = json.loads(ran(("bash", "-c", '"$@" 2>/dev/null', "", *command), programs, known))["traces"]
    return [_of_trace(trace["info"], *trace["data"]["spans"]) for trace in found]


def _of_trace(info: dict[str, Any], span: dict[str, Any]) -> _Shown:
    outcome, kind = (json.loads(span["attributes"][name]) for name in ("midstream.outcome", "mlflow.spanType"))
    tokens = json.loads(info["trace_metadata"]["mlflow.trace.tokenUsage"])
    assert kind == "CHAT_MODEL"
    names = ("input_tokens", "output_tokens", "cache_read_input_tokens")
    return _Shown(info["state"], span["status"]["message"], outcome, _counted(tokens, *names))


def _of_phoenix(url: str, _programs: Path) -> list[_Shown]:
    with _opener.open(f"{url}/v1/projects/default/spans") as answer:
        spans = json.load(answer)["data"]
    assert {span["span_kind"] for span in spans} <= {"LLM"}
    names = [f"llm.token_count.{name}" for name in ("prompt", "completion", "prompt_details.cache_read")]
    return [
        _Shown(
            span["status_code"],
            span["status_message"],
            span["attributes"]["midstream.outcome"],
            _counted(span["attributes"], *names),
        )
        for span in spans
    ]


def _counted(tokens: dict[str, int], *names: str) -> tuple[int, int, int]:
    """0 where there is none: the output count of a call that ended before it arrived."""
    sent, received, cached = (tokens.get(name, 0) for name in names)
    return sent, received, cached


@dataclass(frozen=True)
class _Backend:
    package: str
    command: tuple[str, ...]
    export: str
    """What the page sets."""
    shown: Callable[[str, Path], list[_Shown]]
    """Reads all calls, the newest first, from the server at this URL; its programs are in this folder."""
    environment: dict[str, str]


# Neither reports its use to its makers. Port 0 takes a free port, also for Phoenix's gRPC, which it cannot switch off.
_QUIET_MLFLOW: Final = {"MLFLOW_DISABLE_TELEMETRY": "true"}
_PHOENIX: Final = {
    "PHOENIX_HOST": "127.0.0.1",
    "PHOENIX_PORT": "0",
    "PHOENIX_GRPC_PORT": "0",
    "PHOENIX_TELEMETRY_ENABLED": "false",
    "PHOENIX_ALLOW_EXTERNAL_RESOURCES": "false",
}
_MLFLOW_SERVER: Final = ("mlflow", "server", "--port", "0", "--workers", "1")

_BACKENDS: Final = (
    _Backend("mlflow", _MLFLOW_SERVER, _EXPORT, _of_mlflow, _QUIET_MLFLOW),
    _Backend("arize-phoenix", ("phoenix", "serve"), _MLFLOW_ONLY.sub("", _EXPORT), _of_phoenix, _PHOENIX),
)


def _installed(name: str, folder: Path, known: dict[str, str], *packages: str) -> Path:
    """The programs of a new environment with `packages`."""
    ran(("python3", "-m", "venv", folder / name), folder, known)
    programs = folder / name / "bin"
    ran((programs / "pip", "install", "--quiet", *packages), folder, known)
    return programs


@pytest.mark.parametrize("backend", _BACKENDS, ids=lambda backend: backend.package)
def test_how_calls_ended_is_in_the_backend(backend: _Backend, tmp_path: Path, wheels: Path) -> None:
    known = environment(PIP_FIND_LINKS=str(wheels))
    service = _installed("service", tmp_path, known, "midstream[cli]", "opentelemetry-distro")
    programs = _installed("backend", tmp_path, known, backend.package)
    (tmp_path / "app.py").write_text(_PROGRAM, encoding="utf-8")

    settings = {**known, **backend.environment, "PHOENIX_WORKING_DIR": str(tmp_path)}
    variables = (f"{name}={value}" for name, value in settings.items())
    name, *options = backend.command
    command: tuple[str | Path, ...] = (
        "env",
        "--ignore-environment",
        "--chdir",
        str(tmp_path),
        *variables,
        programs / name,
        *options,
    )
    with FaultServer() as server, serving(command, tmp_path / "log", _SERVES) as url:
        server.script(*_EXPECTED)
        found = {"PATH": f"{service}:{known['PATH']}", "ANTHROPIC_BASE_URL": server.url, "ANTHROPIC_API_KEY": "any"}
        exports = backend.export.replace("http://127.0.0.1:5000", url)
        launches = "opentelemetry-instrument python app.py\n" * len(_EXPECTED)
        # The program raises what the last call raises.
        told = ran(("bash", "-c", f"{exports}\n{launches}true"), tmp_path, {**known, **found})

        def all_arrived() -> list[_Shown]:
            shown = backend.shown(url, programs)
            assert len(shown) == len(_EXPECTED), told
            return shown

        assert eventually(all_arrived)[::-1] == [*_EXPECTED.values()], told
