"""OpenTelemetry instrumentation for the Anthropic Python SDK that records how every call really ended.

The public names are imported on first use, because `midstream._outcomes` works without OpenTelemetry.

PYTEST_DONT_REWRITE: there are no assertions here, and where the application is imported before pytest, as under
`opentelemetry-instrument pytest`, pytest would warn that it cannot rewrite the package of a plugin any more.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final

from midstream._version import __version__

if TYPE_CHECKING:
    from midstream._instrumentor import AnthropicInstrumentor, corrected_errors
    from midstream._outcomes import Failure, Outcome, Phase, StreamTruncatedError, classify

__all__ = (
    "AnthropicInstrumentor",
    "Failure",
    "Outcome",
    "Phase",
    "StreamTruncatedError",
    "__version__",
    "classify",
    "corrected_errors",
)

_HOMES: Final = {
    "AnthropicInstrumentor": "midstream._instrumentor",
    "corrected_errors": "midstream._instrumentor",
    "Failure": "midstream._outcomes",
    "Outcome": "midstream._outcomes",
    "Phase": "midstream._outcomes",
    "StreamTruncatedError": "midstream._outcomes",
    "classify": "midstream._outcomes",
}


if not TYPE_CHECKING:  # a type checker believes that a module with a __getattr__ has every name

    def __getattr__(name: str) -> object:
        home = _HOMES.get(name)
        if home is None:
            message = f"module {__name__!r} has no attribute {name!r}"
            raise AttributeError(message)
        return getattr(import_module(home), name)
