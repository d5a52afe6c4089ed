"""Other instrumentations in this process that make a span for every call, and the warnings about them.

Nothing is imported or constructed to find them: what is not in `sys.modules` is not active, and a neighbour is only
looked at, because some take their settings anew when they are asked for their instrumentor.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from midstream._guard import UNCOUNTED, attempt

if TYPE_CHECKING:
    from collections.abc import Callable


_log: Final = logging.getLogger("midstream")


@dataclass(frozen=True)
class Neighbour:
    """Another instrumentation of the Anthropic SDK."""

    name: str
    """What its users know it by."""
    module: str
    """Is in `sys.modules` wherever it is active."""
    active: Callable[[Any], bool]
    """Tells of that module whether its instrumentation is active now. May raise."""
    hides: str | None = None
    """What stops it from suppressing the instrumentations that are called within its own, if it does so."""


def _instrumented(module: Any) -> bool:
    """Whether the `AnthropicInstrumentor` of `module`, a `BaseInstrumentor`, is instrumenting.

    There is one object of it at most, and calling the class is no way to get it: that runs `__init__` on it again.
    """
    instrumentor = module.AnthropicInstrumentor._instance  # noqa: SLF001
    return instrumentor is not None and instrumentor.is_instrumented_by_opentelemetry is True


def _marked_by_logfire(_module: Any) -> bool:
    """Whether logfire has marked the client classes of the SDK. Marks on single clients are not seen."""
    # Not by `getattr` on the module, which imports what it has not.
    sdk = vars(sys.modules["anthropic"])
    classes = (sdk.get(name) for name in ("Anthropic", "AsyncAnthropic"))
    return any(getattr(one, "_is_instrumented_by_logfire", False) is True for one in classes)


def _traced_by_sentry(_module: Any) -> bool:
    """Whether Sentry's client has the integration, which it has by default, and tracing, which it has not."""
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
        "logfire.instrument_anthropic()",
        "logfire",
        _marked_by_logfire,
        hides="suppress_other_instrumentation=False",
    ),
    Neighbour("Sentry's AnthropicIntegration", "sentry_sdk.integrations.anthropic", _traced_by_sentry),
)

_FIRST_WITH_SPANS: Final = (1, 14)
"""The first version of the SDK that makes spans of its own."""

_BESIDE_OURS: Final = (
    "%s makes a span for every call of the Anthropic SDK, and midstream makes another. To have only the former set "
    "MIDSTREAM_SPANS=off (or instrument(spans=False)): the metrics and log events of midstream stay."
)
_BESIDE_THE_SDKS: Final = (
    "%s makes a span for every call of the Anthropic SDK, and the SDK makes another, which midstream enriches. To have "
    "only the latter do not load the former. To have only the former set ANTHROPIC_OPEN_TELEMETRY=false and "
    "MIDSTREAM_SPANS=off (or instrument(spans=False)): the metrics and log events of midstream stay."
)
_HIDDEN: Final = (
    "midstream does not observe calls of the Anthropic SDK under suppress_instrumentation(), and %s makes them so, "
    "unless it is given %s."
)

_told: Final[set[tuple[str, bool]]] = set()
_telling: Final = threading.Lock()


def active_neighbours() -> tuple[Neighbour, ...]:
    """The neighbours that are active in this process now. Never raises, whatever they have become."""
    return tuple(one for one in NEIGHBOURS if _is_active(one))


def warn_of_neighbours(*, spans: bool, hidden: bool = False) -> None:
    """Warns of the neighbours that are active now, of each once in the life of the process. Never raises.

    `spans` says whether midstream makes or enriches spans: then a call has two. `hidden` says that a call was met that
    must not be observed: then the warning is about the neighbours that ask for this.
    """
    with UNCOUNTED.calls:
        for one in active_neighbours():
            if hidden:
                if one.hides is not None and _is_news(one, hidden=True):
                    _log.warning(_HIDDEN, one.name, one.hides)
            elif spans and _is_news(one, hidden=False):
                _log.warning(_BESIDE_THE_SDKS if sdk_makes_spans() else _BESIDE_OURS, one.name)


def _is_active(neighbour: Neighbour) -> bool:
    module = sys.modules.get(neighbour.module)
    return module is not None and attempt(lambda: neighbour.active(module)) is True


def _is_news(neighbour: Neighbour, *, hidden: bool) -> bool:
    with _telling:
        told = (neighbour.name, hidden) in _told
        _told.add((neighbour.name, hidden))
    return not told


def sdk_makes_spans() -> bool:
    """Whether clients of the SDK make spans where they are not told otherwise."""
    said = str(getattr(sys.modules.get("anthropic"), "__version__", ""))
    version = tuple(int(number) for number in said.split(".")[:2] if number.isdecimal())
    return version >= _FIRST_WITH_SPANS and os.environ.get("ANTHROPIC_OPEN_TELEMETRY", "").lower() != "false"
