"""The other instrumentations of the SDK that midstream is compared with: how each is switched on, and taken out again.

All record as they do by default, but for content, which nobody records where that can be chosen, and for exports: spans
end and go nowhere, whoever makes them.
"""

from __future__ import annotations

import functools
import os
from contextlib import ExitStack
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from clients import SDK_TRACING
from subjects import MIDSTREAM, Subject

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from subjects import Providers, Start

__all__ = ("ENTRANTS", "Entrant")

_NOBODY: Final = "http://127.0.0.1:9"


@dataclass(frozen=True)
class Entrant:
    """Somebody who is compared, and what has to be known about it to read its figures."""

    subject: Subject
    records: str
    """What it records of a call, and what was chosen, as a sentence or two."""
    alone: bool = False
    """Whether it has an environment of its own, made for `subject.distribution`."""
    settings: Mapping[str, str] = field(default_factory=dict[str, str])
    """Environment variables that are set."""


def _instrumentor(module: str, **options: Callable[[], Any]) -> Start:
    """That of an OpenTelemetry instrumentor."""

    def start(providers: Providers) -> Callable[[], None]:
        instrumentor = import_module(module).AnthropicInstrumentor()
        instrumentor.instrument(**vars(providers), **{name: make() for name, make in options.items()})
        if not instrumentor.is_instrumented_by_opentelemetry:
            message = f"{module} does not want this version of the SDK"
            raise RuntimeError(message)
        stop: Callable[[], None] = instrumentor.uninstrument
        return stop

    return start


def _hiding() -> Any:
    return import_module("openinference.instrumentation").TraceConfig(hide_inputs=True, hide_outputs=True)


@functools.cache
def _logfire_configured() -> Any:
    return import_module("logfire").configure(local=True, send_to_logfire=False, console=False, metrics=False)


def _logfire(_: Providers) -> Callable[[], None]:
    stack = ExitStack()
    stack.enter_context(_logfire_configured().instrument_anthropic())
    return stack.close


def _dropped(*_: object) -> None:
    """Goes nowhere."""


class _Classes:
    """The classes of the SDK, as they were before something changed them for good, and as it has changed them."""

    def __init__(self, change: Callable[[], object]) -> None:
        before = {owner: dict(vars(owner)) for owner in _sdk_classes()}
        change()
        self._changed = [
            (owner, name, was.get(name), now)
            for owner, was in before.items()
            for name, now in vars(owner).items()
            if was.get(name) is not now
        ]

    def change(self) -> None:
        """As they have been changed."""
        for owner, name, _, now in self._changed:
            setattr(owner, name, now)

    def restore(self) -> None:
        """As they were."""
        for owner, name, was, _ in self._changed:
            if was is None:
                delattr(owner, name)
            else:
                setattr(owner, name, was)


def _sdk_classes() -> Iterable[type]:
    modules = (
        "anthropic._streaming",
        "anthropic.lib.streaming._messages",
        "anthropic.resources.messages.messages",
    )
    return {
        one
        for module in map(import_module, modules)
        for one in vars(module).values()
        if isinstance(one, type) and one.__module__.startswith("anthropic")
    }


@functools.cache
def _sentry_configured() -> _Classes:
    sentry_sdk: Any = import_module("sentry_sdk")
    integration: Any = import_module("sentry_sdk.integrations.anthropic").AnthropicIntegration
    transport: Any = import_module("sentry_sdk.transport").Transport
    dropping = type("Dropping", (transport,), {"capture_envelope": _dropped})
    return _Classes(
        lambda: sentry_sdk.init(
            dsn="http://none@127.0.0.1:9/1",
            transport=dropping,
            traces_sample_rate=1.0,
            default_integrations=False,
            auto_enabling_integrations=False,
            auto_session_tracking=False,
            integrations=[integration(include_prompts=False)],
        )
    )


def _sentry(_: Providers) -> Callable[[], None]:
    classes = _sentry_configured()
    classes.change()
    # It has spans within a transaction only.
    transaction: Any = import_module("sentry_sdk").start_transaction(name="work")
    transaction.__enter__()

    def stop() -> None:
        transaction.__exit__(None, None, None)
        classes.restore()

    return stop


@functools.cache
def _ddtrace_configured(settings: tuple[tuple[str, str], ...]) -> Any:
    os.environ.update(settings)  # it reads them when it is imported
    trace: Any = import_module("ddtrace.trace")
    dropping = type("Dropping", (trace.TraceFilter,), {"process_trace": _dropped})
    trace.tracer.configure(trace_processors=[dropping()])
    return import_module("ddtrace.contrib.internal.anthropic.patch")


_DDTRACE_SETTINGS: Final = {
    "DD_TRACE_AGENT_URL": _NOBODY,
    "DD_TRACE_STATS_COMPUTATION_ENABLED": "false",
    "DD_INSTRUMENTATION_TELEMETRY_ENABLED": "false",
    "DD_REMOTE_CONFIGURATION_ENABLED": "false",
    "DD_CRASHTRACKING_ENABLED": "false",
}


def _ddtrace(_: Providers) -> Callable[[], None]:
    patch = _ddtrace_configured(tuple(_DDTRACE_SETTINGS.items()))
    patch.patch()
    stop: Callable[[], None] = patch.unpatch
    return stop


_OPENTELEMETRY: Final = "opentelemetry.instrumentation.genai.anthropic"
_TRACELOOP: Final = "opentelemetry.instrumentation.anthropic"
_OPENINFERENCE: Final = "openinference.instrumentation.anthropic"

ENTRANTS: Final[Mapping[str, Entrant]] = {
    "midstream": Entrant(
        MIDSTREAM,
        "Spans, metrics, and a log event for a failed call: how each call ended, tokens, times. Never content. It is as"
        " by default; the spans are its own here, as the SDK's are off.",
    ),
    "sdk": Entrant(
        SDK_TRACING,
        "Spans: how the call ended, tokens, status code. No metrics. Content is off, as by default.",
    ),
    "opentelemetry": Entrant(
        Subject("OpenTelemetry", "opentelemetry-instrumentation-genai-anthropic", _instrumentor(_OPENTELEMETRY)),
        "Spans and metrics. Content is off, as by default. It puts every stream together to a message as it is read.",
        alone=True,
    ),
    "traceloop": Entrant(
        Subject("Traceloop", "opentelemetry-instrumentation-anthropic", _instrumentor(_TRACELOOP)),
        "Spans and metrics. Records content by default: switched off.",
        alone=True,
        settings={"TRACELOOP_TRACE_CONTENT": "false"},
    ),
    "openinference": Entrant(
        Subject(
            "OpenInference", "openinference-instrumentation-anthropic", _instrumentor(_OPENINFERENCE, config=_hiding)
        ),
        "Spans; no metrics. Records content by default: hidden, by `TraceConfig(hide_inputs=True, hide_outputs=True)`.",
        alone=True,
    ),
    "logfire": Entrant(
        Subject("logfire", "logfire", _logfire),
        "Spans, and for a stream a log at its end; no metrics. Records content, which cannot be switched off: here that"
        " is a short prompt, and the answers. Nothing is sent (`send_to_logfire=False`, no console).",
        alone=True,
    ),
    "sentry": Entrant(
        Subject("sentry-sdk", "sentry-sdk", _sentry),
        "Spans within a transaction, and an event for a call that is refused; no metrics. Every call is sampled."
        " Content is off (`include_prompts=False`), and only this integration is on. The transaction is put together"
        " after what is measured.",
        alone=True,
    ),
    "ddtrace": Entrant(
        Subject("ddtrace", "ddtrace", _ddtrace),
        "Spans; no metrics. LLM Observability is off, as by default, so no content and no tokens are recorded. A"
        " filter drops each trace before it is encoded.",
        alone=True,
        settings=_DDTRACE_SETTINGS,
    ),
}
"""By the name that commands know them by, in the order of the page."""
