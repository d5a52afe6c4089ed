"""The time that midstream adds to the start of a process, in new interpreters."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from typing import Final

from rounds import Round, row

_API: Final = "import opentelemetry.trace, opentelemetry.metrics, opentelemetry._logs"
_SDK: Final = "import anthropic, opentelemetry.sdk.trace, opentelemetry.sdk.metrics, opentelemetry.sdk._logs"
_INSTRUMENTOR: Final = "import opentelemetry.instrumentation.instrumentor, wrapt"

_STARTS: Final[Mapping[str, str]] = {
    "beyond the SDK and OpenTelemetry": _SDK,
    "beyond the SDK, OpenTelemetry, opentelemetry-instrumentation and wrapt": f"{_SDK}\n{_INSTRUMENTOR}",
    "beyond the OpenTelemetry API, without the SDK": _API,
    "beyond opentelemetry-instrumentation and wrapt, without the SDK": f"{_API}\n{_INSTRUMENTOR}",
}
"""What a process has imported before it imports midstream."""

_CHILD: Final = """
import sys, time
{imported}
before, loaded = time.process_time(), set(sys.modules)
from midstream import AnthropicInstrumentor
AnthropicInstrumentor().instrument()
print(before, time.process_time())
assert "anthropic" in loaded or "anthropic" not in sys.modules, "the import takes half a second"
"""

_ENVIRONMENT: Final = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
"""Installed packages are compiled, so midstream must be, too."""


def startup(rounds: int) -> list[list[str]]:
    """CPU time of the import of midstream and `instrument()`, without noise: each run is compared with itself."""
    return [
        row(f"import and instrument(), {name}", "ms", 1e3, [_started(imported) for _ in range(rounds + 1)][1:])
        for name, imported in _STARTS.items()
    ]


def _started(imported: str) -> Round:
    command = [sys.executable, "-c", _CHILD.format(imported=imported)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=_ENVIRONMENT)
    before, after = map(float, done.stdout.split())
    return Round(before, after, before)
