"""Calls that together make midstream emit everything that it can emit, each metric and attribute at least once."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final
from unittest.mock import patch

from midstream import AnthropicInstrumentor
from midstream.faults import FaultServer, parse
from support.clients import Serving, client
from support.hostile_server import HostileServer, always, document
from support.other_streams import OTHER_STREAMS
from support.styles import STYLES, arguments, see

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry.sdk.trace import TracerProvider

__all__ = ("emit_everything",)

_STREAMED: Final = ("ok", "in_band:rate_limit_error@0", "in_band", "reset", "cut@8", "http:rate_limit_error", "hangup")
_WHOLE: Final = ("html",)

_CHOICES: Final[Mapping[str, Any]] = {
    "temperature": 0.5,
    "top_p": 0.9,
    "top_k": 40,
    "stop_sequences": ["END"],
    "output_config": {"format": {"type": "json_schema", "schema": {"type": "object"}}},
}
"""What a request can say and telemetry repeats."""

_CODED: Final = {
    "type": "error",
    "error": {"type": "api_error", "message": "no", "details": {"error_code": "compaction_unavailable"}},
}


def emit_everything(providers: Mapping[str, Any]) -> None:
    """Makes the calls. Their telemetry goes to `providers`, the arguments of `instrument()`."""
    instrumentor = AnthropicInstrumentor()
    instrumentor.instrument(**providers, chunk_timings=True, genai_metrics="both")
    try:
        with FaultServer() as server:
            for spans in (None, providers["tracer_provider"]):
                _call(server, spans)
            with client(server, parse("retry:2")) as made:
                see(STYLES["create"], made, "retry:2")
                see(STYLES["create"], made, "http")
            with patch("midstream._sdk.entry.endpoint_of", side_effect=ValueError):  # an internal error
                _ask(server, "ok")
        with HostileServer() as server:
            server.play = always(document(json.dumps(_CODED).encode(), status=500))
            _ask(server, "ok")
    finally:
        instrumentor.uninstrument()


def _call(server: FaultServer, sdk_spans: TracerProvider | None) -> None:
    for model in (*_STREAMED, *_WHOLE):
        choices = {**_CHOICES, "stream": model in _STREAMED}
        with client(server, parse(model), sdk_spans) as made, suppress(Exception):
            for _event in made.messages.create(**arguments(model), extra_body=choices, stream=choices["stream"]):
                pass
    with client(server, parse("ok"), sdk_spans) as made:
        for style in OTHER_STREAMS.values():
            see(style, made, "ok")
        with made.messages.stream(**arguments("ok:200")) as left:
            next(iter(left))


def _ask(server: Serving, model: str) -> None:
    with client(server, parse(model)) as made:
        see(STYLES["create"], made, model)
