"""Other instrumentations in this process that make a span for every call, and the warnings about them.

Nothing is imported or constructed to find them: a neighbour that is not in `sys.modules` is not active, and some read
their settings again when their instrumentor is constructed.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from midstream._guard import UNCOUNTED, attempt
from midstream._supported import major_minor

if TYPE_CHECKING:
    from collections.abc import Callable


_log: Final = logging.getLogger("midstream")


class Neighbour(NamedTuple):
    """Another instrumentation of the Anthropic SDK."""

    name: str
    """The name by which its users know it."""
    module: str
    """Is in `sys.modules` wherever it is active."""
    active: Callable[[Any], bool]
    """Whether it is active now, given that module. May raise."""
    hides: str | None = None
    """The option that stops it from suppressing the instrumentations inside its own calls, if it suppresses them."""


def _instrumented(module: Any) -> bool:
    """Whether the `AnthropicInstrumentor` of `module`, a `BaseInstrumentor`, is instrumenting."""
    # There is at most one object. Calling the class to get it would run `__init__` on it again.
    instrumentor = module.AnthropicInstrumentor._instance  # noqa: SLF001
    return instrumentor is not None and instrumentor.is_instrumented_by_opentelemetry is True


def _marked_by_logfire(_module: Any) -> bool:
    """Whether logfire has marked the client classes of the SDK. Marks on single clients are not seen."""
    # Not by `getattr` on the module, which imports what it lacks.
    sdk = vars(sys.modules["anthropic"])
    classes = (sdk.get(name) for name in ("Anthropic", "AsyncAnthropic"))
    return any(getattr(client, "_is_instrumented_by_logfire", False) is True for client in classes)


def _traced_by_sentry(_module: Any) -> bool:
    """Whether Sentry's client has the integration, which is its default, and tracing, which is not."""
    client: Any = sys.modules["sentry_sdk"].get_client()
    tracing: Any = sys.modules["sentry_sdk.tracing_utils"]
    return client.get_integration("anthropic") is not None and tracing.has_tracing_enabled(client.options) is True


NEIGHBOURS: Final = (
    Neighbour(
        "OpenLLMetry (opentelemetry-instrumentation-anthropic)",
        "opentelemetry.instrumentation.anthropic",
        _instrumented,
    ),
    Neighbour(
        "OpenInference (openinference-instrumentation-anthropic)",
        "openinference.instrumentation.anthropic",
        _instrumented,
    ),
    Neighbour(
        "opentelemetry-instrumentation-genai-anthropic",
        "opentelemetry.instrumentation.genai.anthropic",
        _instrumented,
    ),
    Neighbour(
        "logfire.instrument_anthropic()", "logfire", _marked_by_logfire, hides="suppress_other_instrumentation=False"
    ),
    Neighbour("Sentry's AnthropicIntegration", "sentry_sdk.integrations.anthropic", _traced_by_sentry),
)

_FIRST_WITH_SPANS: Final = (1, 14)
"""The first version of the SDK that makes spans."""

_TWO_SPANS: Final = (
    "%s makes a span for every call of the Anthropic SDK, and midstream makes another. To keep only the first, set "
    "MIDSTREAM_SPANS=off (or instrument(spans=False)); the metrics and log events of midstream stay."
)
_TWO_SPANS_WITH_THE_SDKS: Final = (
    "%s makes a span for every call of the Anthropic SDK, and the SDK makes another, which midstream enriches. To keep "
    "only the second, do not load the first. To keep only the first, set ANTHROPIC_OPEN_TELEMETRY=false and "
    "MIDSTREAM_SPANS=off (or instrument(spans=False)); the metrics and log events of midstream stay."
)
_HIDDEN: Final = (
    "midstream does not observe calls of the Anthropic SDK under suppress_instrumentation(), which %s applies to them. "
    "To prevent that, pass %s."
)

_warned: Final[set[tuple[str, bool]]] = set()
_warning: Final = threading.Lock()


def active_neighbours() -> tuple[Neighbour, ...]:
    """The neighbours that are active in this process now. Never raises."""
    return tuple(neighbour for neighbour in NEIGHBOURS if _is_active(neighbour))


def warn_of_neighbours(*, spans: bool, hidden: bool = False) -> None:
    """Warns of the neighbours that are active now, of each once per process. Never raises.

    `spans`: midstream makes or enriches spans, so that a call has two. `hidden`: a call must not be observed, and the
    warning is about the neighbours that cause that.
    """
    with UNCOUNTED.calls:
        for neighbour in active_neighbours():
            if hidden:
                if neighbour.hides is not None and _is_first(neighbour, hidden=True):
                    _log.warning(_HIDDEN, neighbour.name, neighbour.hides)
            elif spans and _is_first(neighbour, hidden=False):
                _log.warning(_TWO_SPANS_WITH_THE_SDKS if sdk_makes_spans() else _TWO_SPANS, neighbour.name)


def sdk_makes_spans() -> bool:
    """Whether clients of the SDK make spans by default."""
    version = major_minor(getattr(sys.modules.get("anthropic"), "__version__", ""))
    switched_off = os.environ.get("ANTHROPIC_OPEN_TELEMETRY", "").lower() == "false"
    return version is not None and version >= _FIRST_WITH_SPANS and not switched_off


def _is_active(neighbour: Neighbour) -> bool:
    module = sys.modules.get(neighbour.module)
    return module is not None and attempt(neighbour.active, module) is True


def _is_first(neighbour: Neighbour, *, hidden: bool) -> bool:
    key = (neighbour.name, hidden)
    with _warning:
        is_first = key not in _warned
        _warned.add(key)
    return is_first
