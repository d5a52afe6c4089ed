"""What the import of midstream and instrument() take in fresh interpreters, beyond what is loaded anyway."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from figures import Figure, Goal
from measuring import compared, rounds

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ("measure_startup",)

_API: Final = "import opentelemetry.trace, opentelemetry.metrics, opentelemetry._logs"
_INSTRUMENTATION: Final = f"{_API}\nimport opentelemetry.instrumentation.instrumentor, wrapt"
_IMPORT: Final = "from midstream import AnthropicInstrumentor"
_INSTRUMENT: Final = f"{_IMPORT}\nAnthropicInstrumentor().instrument()"

_CHILD: Final = """
import sys, time
started = time.process_time()
{code}
took = time.process_time() - started
loaded = {{"anthropic", "httpx", "httpx2", "opentelemetry.sdk"}} & set(sys.modules)
assert not loaded, f"the process has loaded {{loaded}}"
print(took)
"""
"""What is measured must not import the SDK: that takes half a second, in every process that is instrumented."""


_ENVIRONMENT: Final = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
"""What is installed is compiled, so midstream is as well from the first round on."""


@dataclass(frozen=True)
class _Start:
    key: str
    bare: str
    observed: str
    goal: Goal | None = None


_STARTS: Final = (
    _Start("start: import and instrument(), beyond the OpenTelemetry API", _API, _INSTRUMENT, Goal(added=10)),
    _Start("start: import alone, beyond the OpenTelemetry API", _API, _IMPORT),
    _Start(
        "start: import and instrument(), beyond opentelemetry-instrumentation and wrapt",
        _INSTRUMENTATION,
        _INSTRUMENT,
    ),
)


def measure_startup(pairs: int, wanted: Callable[[str], bool], *, warm: bool) -> list[Figure]:
    """CPU time of whole imports, in interpreters that start in turn."""
    return [_figure(start, pairs, warm=warm) for start in _STARTS if wanted(start.key)]


def _figure(start: _Start, pairs: int, *, warm: bool) -> Figure:
    def seconds(code: str) -> list[float]:
        command = [sys.executable, "-c", _CHILD.format(code=code)]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=_ENVIRONMENT)
        return [float(done.stdout)]

    told = rounds(lambda: seconds(start.bare), lambda: seconds(f"{start.bare}\n{start.observed}"), pairs, warm=warm)
    return Figure(start.key, "midstream", "ms", compared([one for (one,) in told]).in_units(1e3), start.goal)
