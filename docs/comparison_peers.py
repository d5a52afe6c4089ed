"""Alternatives that `make comparison` measures and no test loads beside midstream: how each is enabled, and records.

What they send to their services is kept as `Kept.sent`, in the form of tests/neighbours/peers.py.
"""

from __future__ import annotations

import functools
import importlib
import os
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, Final
from unittest.mock import patch

import anthropic
from opentelemetry import metrics, trace
from opentelemetry._logs import set_logger_provider

from neighbours.peers import Kept, Peer

__all__ = ("ALTERNATIVES",)

_OPERATION: Final = "gen_ai.chat"


def _sent(kept: Kept, error: str | None, data: object = None) -> None:
    kept.sent.append({"spans": [{"op": _OPERATION, "status": error or "ok", "data": data}]})


@contextmanager
def _langsmith(kept: Kept) -> Generator[None]:
    """Wraps every client when it is constructed. A run without an end is not recorded."""
    os.environ["LANGSMITH_TRACING"] = "true"
    wrap: Any = importlib.import_module("langsmith.wrappers").wrap_anthropic
    recording: Any = _recording_client(kept)

    def wrapped(original: Any) -> Any:
        @functools.wraps(original)
        def construct(self: Any, *args: Any, **kwargs: Any) -> None:
            original(self, *args, **kwargs)
            wrap(self, tracing_extra={"client": recording})

        return construct

    with (
        patch.object(anthropic.Anthropic, "__init__", wrapped(anthropic.Anthropic.__init__)),
        patch.object(anthropic.AsyncAnthropic, "__init__", wrapped(anthropic.AsyncAnthropic.__init__)),
    ):
        yield


def _recording_client(kept: Kept) -> Any:
    base: Any = importlib.import_module("langsmith").Client

    def create_run(_client: Any, *args: Any, **fields: Any) -> None:
        kept.sent.append({"spans": [], "data": repr((args, fields))})

    def update_run(_client: Any, *_args: Any, **fields: Any) -> None:
        error = fields.get("error")
        if fields.get("end_time"):
            _sent(kept, None if error is None else str(error).partition("(")[0], fields)

    recording = type("Recording", (base,), {"create_run": create_run, "update_run": update_run})
    return recording(api_url="http://127.0.0.1:9", api_key="none", auto_batch_tracing=False)


@contextmanager
def _ddtrace(kept: Kept) -> Generator[None]:
    os.environ.update(DD_INSTRUMENTATION_TELEMETRY_ENABLED="false", DD_REMOTE_CONFIGURATION_ENABLED="false")
    ddtrace: Any = importlib.import_module("ddtrace.trace")

    def process_trace(_filter: Any, trace: Any) -> None:
        """Keep each span, and send none."""
        for span in trace:
            _sent(kept, (span.get_tag("error.type") or "error") if span.error else None, span.get_tags())

    keep = type("Keep", (ddtrace.TraceFilter,), {"process_trace": process_trace})
    ddtrace.tracer.configure(trace_processors=[keep()])
    importlib.import_module("ddtrace").patch(anthropic=True)
    yield
    importlib.import_module("ddtrace.contrib.internal.anthropic.patch").unpatch()


@contextmanager
def _openlit(kept: Kept) -> Generator[None]:
    """Uses the global providers. All else is off: other instrumentations, and fetching prices."""
    trace.set_tracer_provider(kept.exported.tracer_provider)
    metrics.set_meter_provider(kept.exported.meter_provider)
    set_logger_provider(kept.exported.logger_provider)
    openlit: Any = importlib.import_module("openlit")
    others = importlib.import_module("openlit._instrumentors").MODULE_NAME_MAP.keys() - {"anthropic"}
    openlit.init(disabled_instrumentors=sorted(others), pricing_json=os.devnull)
    yield


ALTERNATIVES: Final = {
    peer.name: peer
    for peer in (
        Peer("langsmith", "langsmith", _langsmith),
        Peer("ddtrace", "ddtrace", _ddtrace),
        Peer("openlit", "openlit", _openlit),
    )
}
