"""The neighbours: how each is loaded and removed, and what it records, in a comparable form."""

from __future__ import annotations

import functools
import importlib
import re
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.sdk.trace import Span, SpanProcessor

import midstream
from midstream import AnthropicInstrumentor
from support.clients import HTTP_PACKAGE
from support.exported import Exported
from support.seen import numberless

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from opentelemetry.context import Context

__all__ = ("ORDERS", "PEERS", "SUPPRESSING", "Kept", "Peer", "parameters", "snapshot", "together")


class Started(SpanProcessor):
    """Keeps every span from its start: one that never ends is exported nowhere."""

    def __init__(self) -> None:
        self.spans: list[Span] = []

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        del parent_context
        self.spans.append(span)


@dataclass
class Kept:
    """What a neighbour records, in memory."""

    exported: Exported = field(default_factory=Exported)
    started: Started = field(default_factory=Started)
    sent: list[Any] = field(default_factory=list[Any])
    """What goes to a service of the neighbour's own."""

    def __post_init__(self) -> None:
        self.exported.tracer_provider.add_span_processor(self.started)

    def recorded(self) -> dict[str, Any]:
        """All of it, without what differs from one call to the next."""
        return {
            "spans": [_span(span) for span in self.started.spans],
            "metrics": sorted(
                repr((name, stable(dict(point.attributes)), stable(point.value)))
                for name, points in self.exported.metrics().items()
                for point in points
            ),
            "logs": [
                (log.log_record.event_name, stable(log.log_record.body), stable(dict(log.log_record.attributes or {})))
                for log in self.exported.logs
            ],
            "sent": [stable(item) for item in self.sent],
        }


def _span(span: Span) -> dict[str, Any]:
    return {
        "name": span.name,
        "kind": span.kind.name,
        "status": (span.status.status_code.name, numberless(span.status.description)),
        "ended": span.end_time is not None,
        "attributes": stable(dict(span.attributes or {})),
        "events": [(event.name, stable(dict(event.attributes or {}))) for event in span.events],
        "links": len(span.links),
    }


_UNSTABLE = re.compile(
    "stacktrace|fingerprint|duration|timestamp|_seconds|time_to|per_output|lineno|thread|segment.id|logfire.msg$"
)
"""Names whose values differ between calls: only their presence is compared."""


def stable(value: Any) -> Any:
    """`value` without what differs from one call to the next."""
    if isinstance(value, dict):
        known: dict[Any, Any] = value  # pyright: ignore[reportUnknownVariableType]
        return {name: "..." if _UNSTABLE.search(str(name)) else stable(known[name]) for name in sorted(known, key=str)}
    if isinstance(value, (list, tuple)):
        return [stable(one) for one in value]  # pyright: ignore[reportUnknownVariableType]
    if isinstance(value, float):
        return "a float"
    return numberless(value) if isinstance(value, str) else value


@dataclass(frozen=True)
class Peer:
    """A neighbour."""

    name: str
    module: str
    load: Callable[[Kept], AbstractContextManager[None]]
    """Has it record into a `Kept` until the end of the `with` block."""
    around: Callable[[], AbstractContextManager[Any]] = nullcontext
    """What it needs around a call."""

    @property
    def missing(self) -> str | None:
        """Why it cannot be loaded."""
        try:
            found = find_spec(self.module) is not None
        except ModuleNotFoundError:
            found = False
        return None if found else f"{self.module} is not installed: it is in requirements/neighbours.txt"


def _instrumentor(module: str, name: str = "AnthropicInstrumentor") -> Callable[[Kept], AbstractContextManager[None]]:
    @contextmanager
    def load(kept: Kept) -> Generator[None]:
        instrumentor = getattr(importlib.import_module(module), name)()
        conflict = instrumentor._check_dependency_conflicts()
        if conflict is not None:
            pytest.skip(f"{module}: {conflict}")
        instrumentor.instrument(**kept.exported.providers)
        assert instrumentor.is_instrumented_by_opentelemetry
        try:
            yield
        finally:
            if instrumentor.is_instrumented_by_opentelemetry:
                instrumentor.uninstrument()

    return load


@contextmanager
def _logfire(kept: Kept, *, suppress: bool) -> Generator[None]:
    logfire: Any = importlib.import_module("logfire")
    local = logfire.configure(
        local=True,
        send_to_logfire=False,
        console=False,
        metrics=False,
        inspect_arguments=False,
        additional_span_processors=[kept.started],
    )
    # logfire records where in the application's code a call was made; it takes all code for that which is in no
    # site-packages: that midstream is not installed there is so in the tests only.
    logfire.add_non_user_code_prefix(Path(midstream.__file__).parent)
    with local.instrument_anthropic(suppress_other_instrumentation=suppress):
        yield
    local.shutdown(flush=False)


@contextmanager
def _sentry(kept: Kept) -> Generator[None]:
    sentry_sdk: Any = importlib.import_module("sentry_sdk")
    integration: Any = importlib.import_module("sentry_sdk.integrations.anthropic").AnthropicIntegration
    transport: Any = importlib.import_module("sentry_sdk.transport").Transport

    def capture_envelope(_transport: Any, envelope: Any) -> None:
        kept.sent.extend(_event(item.payload.json) for item in envelope.items if item.payload.json)

    sentry_sdk.init(
        dsn="http://none@127.0.0.1:9/1",
        transport=type("InMemory", (transport,), {"capture_envelope": capture_envelope}),
        traces_sample_rate=1.0,
        default_integrations=False,
        auto_enabling_integrations=False,
        auto_session_tracking=False,
        integrations=[integration()],
    )
    try:
        yield
    finally:
        sentry_sdk.get_client().close()
        sentry_sdk.get_global_scope().set_client(None)
        # It sets up an integration once in the life of a process; the next test wants to see that again.
        for known in ("_processed_integrations", "_installed_integrations"):
            getattr(sentry_sdk.integrations, known).discard(integration.identifier)


def _event(payload: Any) -> dict[str, Any]:
    """An event, a transaction, or a batch of spans: those of calls to models are sent apart from their transaction."""
    return {
        "type": payload.get("type", "event"),
        "status": payload.get("contexts", {}).get("trace", {}).get("status"),
        "exceptions": [one["type"] for one in payload.get("exception", {}).get("values", [])],
        "spans": [
            *(
                {name: span.get(name) for name in ("op", "description", "status", "origin", "data", "tags")}
                for span in payload.get("spans", [])
            ),
            *map(_batched, payload.get("items", [])),
        ],
    }


def _batched(span: Any) -> dict[str, Any]:
    data = {name: attribute["value"] for name, attribute in span["attributes"].items()}
    return {"op": data.get("sentry.op"), "description": span["name"], "status": span["status"], "data": data}


def _transaction() -> AbstractContextManager[Any]:
    sentry_sdk: Any = importlib.import_module("sentry_sdk")
    transaction: AbstractContextManager[Any] = sentry_sdk.start_transaction(name="work")
    return transaction


@contextmanager
def snapshot() -> Generator[None]:
    """Restores the classes of the SDK, because some neighbours cannot be removed without a trace."""
    names = (
        "anthropic._client",
        "anthropic._streaming",
        "anthropic.lib.bedrock",
        "anthropic.lib.streaming._messages",
        "anthropic.resources.messages.messages",
    )
    before: list[tuple[type, dict[str, Any]]] = [
        (one, dict(vars(one)))
        for module in map(importlib.import_module, names)
        for one in vars(module).values()
        if isinstance(one, type) and one.__module__.startswith("anthropic")
    ]
    try:
        yield
    finally:
        for owner, attributes in before:
            now: dict[str, Any] = dict(vars(owner))
            for name in now.keys() - attributes.keys():
                delattr(owner, name)
            for name, value in attributes.items():
                if now.get(name) is not value:
                    setattr(owner, name, value)


PEERS = {
    peer.name: peer
    for peer in (
        Peer(
            "traceloop",
            "opentelemetry.instrumentation.anthropic",
            _instrumentor("opentelemetry.instrumentation.anthropic"),
        ),
        Peer(
            "openinference",
            "openinference.instrumentation.anthropic",
            _instrumentor("openinference.instrumentation.anthropic"),
        ),
        Peer(
            "opentelemetry",
            "opentelemetry.instrumentation.genai.anthropic",
            _instrumentor("opentelemetry.instrumentation.genai.anthropic"),
        ),
        Peer("logfire", "logfire", functools.partial(_logfire, suppress=False)),
        Peer(
            "httpx",
            "opentelemetry.instrumentation.httpx",
            _instrumentor("opentelemetry.instrumentation.httpx", f"{HTTP_PACKAGE.upper()}ClientInstrumentor"),
        ),
        Peer("sentry", "sentry_sdk.integrations.anthropic", _sentry, _transaction),
    )
}

SUPPRESSING = Peer("logfire as it is by default", "logfire", functools.partial(_logfire, suppress=True))

ORDERS = ("before midstream", "after midstream")


@contextmanager
def together(order: str, peer: Peer, kept: Kept, exported: Exported, **options: Any) -> Generator[None]:
    """The neighbour, loaded before or after midstream, and midstream."""
    with snapshot(), ExitStack() as stack:
        if order == "before midstream":
            stack.enter_context(peer.load(kept))
        AnthropicInstrumentor().instrument(**exported.providers, **options)
        stack.callback(AnthropicInstrumentor().uninstrument)
        if order == "after midstream":
            stack.enter_context(peer.load(kept))
        yield


def parameters(*names: str) -> list[Any]:
    """The neighbours of these names, or all, as parameters of tests: one that is not installed is skipped."""
    return [
        pytest.param(
            peer,
            id=peer.name,
            marks=[pytest.mark.skipif(peer.missing is not None, reason=str(peer.missing))],
        )
        for peer in PEERS.values()
        if not names or peer.name in names
    ]
