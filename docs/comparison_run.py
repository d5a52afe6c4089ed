"""Print, as JSON, what one instrumentation records of streams that fail, or that the application closes or drops.

`make comparison` runs it once for each. The arguments are its name, its package, and the models to call.
Everything stays in memory. Each call has its own context, because some instrumentations leave something in theirs.
"""

from __future__ import annotations

import gc
import json
import logging
import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any, Final

from comparison_peers import ALTERNATIVES
from midstream import AnthropicInstrumentor
from midstream.faults import FaultServer, parse
from neighbours.peers import PEERS, Kept, Peer
from neighbours.ways import LET_GO, READ, call
from support.seen import FLAVORS, observable
from support.styles import CANARY, Style

_LONG: Final = "ok:200"

_OPERATION: Final = "gen_ai."
_WORDS: Final = {"prompts": CANARY, "prices": "cost"}
"""By what an instrumentation can record, a word that its telemetry then contains."""
_GOOD: Final = (None, "ok")


@contextmanager
def _midstream(kept: Kept) -> Generator[None]:
    AnthropicInstrumentor().instrument(**kept.exported.providers)
    try:
        yield
    finally:
        AnthropicInstrumentor().uninstrument()


_SDK: Final = Peer("sdk", "anthropic", lambda _kept: nullcontext())
_OURS: Final = Peer("midstream", "midstream", _midstream)
_WITH_SDK_SPANS: Final = {peer.name: peer for peer in (_SDK, _OURS)}
"""Where the SDK creates its own spans. It does not alongside the others, which create theirs."""


@dataclass(frozen=True)
class _Asked:
    """A call: its row in the tables, and how it is made."""

    row: str
    style: Style
    flavor: str
    model: str


def _calls(models: Sequence[str]) -> list[_Asked]:
    streamed = [style for style in READ.values() if style.streamed]
    failing = [_Asked(model, style, flavor, model) for model in models for style in streamed for flavor in FLAVORS]
    return failing + [
        _Asked("dropped" if "dropped" in style.name else "closed", style, flavor, _LONG)
        for style in LET_GO.values()
        for flavor in FLAVORS
    ]


def _call(peer: Peer, kept: Kept, server: FaultServer, asked: _Asked) -> dict[str, Any]:
    provider = kept.exported.tracer_provider if peer.name in _WITH_SDK_SPANS else None
    spans, sent = len(kept.started.spans), len(kept.sent)
    seen = repr(observable(call(asked.style, asked.flavor, server, parse(asked.model), provider, peer), [])[:-1])
    gc.collect()  # some end a span when the exception is dropped, and with it the frames of its traceback
    exported = [_of_otel(span) for span in kept.started.spans[spans:] if span.end_time is not None]
    reported = [span for envelope in kept.sent[sent:] for span in envelope["spans"]]
    exported += [_of_sentry(span) for span in reported if _OPERATION in str(span["op"])]
    errors = [detail for failed, detail in exported if failed]
    return {
        "kind": "lost" if not exported else "error" if errors else "no error",
        "detail": errors[-1] if errors else "",
        "seen": seen,
    }


def _of_otel(span: Any) -> tuple[bool, str]:
    attributes = dict(span.attributes or {})
    raised = [dict(event.attributes).get("exception.type") for event in span.events if event.name == "exception"]
    kind = attributes.get("error.type") or next(iter(raised), None) or "ERROR"
    status = attributes.get("midstream.status_code") or attributes.get("http.response.status_code")
    return span.status.status_code.name == "ERROR", f"{kind}{f', {status}' if status else ''}"


def _of_sentry(span: dict[str, Any]) -> tuple[bool, str]:
    return span["status"] not in _GOOD, str(span["status"])


def _run(name: str, models: Sequence[str]) -> dict[str, Any]:
    peer, kept = {**PEERS, **ALTERNATIVES, **_WITH_SDK_SPANS}[name], Kept()
    gc.collect()
    gc.freeze()  # permanent objects need not be examined after every call
    calls, cells = _calls(models), list[dict[str, Any]]()
    with FaultServer() as server:
        bare = {asked: _call(_SDK, Kept(), server, asked)["seen"] for asked in calls}
        with peer.load(kept):
            for asked in calls:
                cell = _call(peer, kept, server, asked)
                changed = cell.pop("seen") != bare[asked]
                cells.append(
                    {"row": asked.row, "style": asked.style.name, "flavor": asked.flavor, "changed": changed, **cell}
                )
    metrics = {
        metric: sorted({str(point.attributes["error.type"]) for point in points if "error.type" in point.attributes})
        for metric, points in kept.exported.metrics().items()
    }
    started = [dict(span.attributes or {}) for span in kept.started.spans]
    everything = f"{kept.exported.everything()}{started}{kept.sent}"
    return {"cells": cells, "metrics": metrics, "recorded": {name: word in everything for name, word in _WORDS.items()}}


if __name__ == "__main__":
    logging.disable()
    _name, _package, *_models = sys.argv[1:]
    _found = {"version": version(_package), "sdk": version("anthropic"), **_run(_name, _models)}
    json.dump(_found, sys.stdout, indent=1)
