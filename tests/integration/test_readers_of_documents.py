"""Readers of an answer that is not streamed: what it says, and whether it can be decoded, is recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anyio
import pytest

from midstream.faults import parse
from support.clients import HAS_OWN_SPANS, HTTP_PACKAGE, async_client, client
from support.expected import ANY_FLOAT, ANY_INT, ANY_TEXT
from support.styles import arguments, parsed

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from midstream.faults import FaultServer
    from support.exported import Exported

SPANS = ("sdk", "own") if HAS_OWN_SPANS else ("own",)
FLAVORS = ("sync", "async")

Reader = tuple["Callable[[Any], Any]", "Callable[[Any], Awaitable[Any]]"]


async def _pieces(response: Any) -> list[bytes]:
    return [piece async for piece in response.iter_bytes()]


DECODING: dict[str, Reader] = {
    "parse": (lambda response: response.parse(), parsed),
    "json": (lambda response: response.json(), lambda response: response.json()),
}
READING: dict[str, Reader] = {
    "read": (lambda response: response.read(), lambda response: response.read()),
    "iter_bytes": (lambda response: list(response.iter_bytes()), _pieces),
}
READERS = DECODING | READING


def read(server: FaultServer, exported: Exported, model: str, reader: str, flavor: str, spans: str) -> str:
    """Reads an answer; returns the class of the exception that the application got, or nothing."""
    provider = exported.tracer_provider if spans == "sdk" else None

    async def call() -> None:
        async with async_client(server, parse(model), provider) as made:
            streaming: Any = made.messages.with_streaming_response
            async with streaming.create(**arguments(model)) as response:
                await READERS[reader][1](response)

    try:
        if flavor == "async":
            anyio.run(call)
            return ""
        with client(server, parse(model), provider) as made:
            streaming: Any = made.messages.with_streaming_response
            with streaming.create(**arguments(model)) as response:
                READERS[reader][0](response)
    except Exception as error:  # noqa: BLE001 - the exception is what is looked at
        name = type(error).__qualname__
        return name if type(error).__module__ == "builtins" else f"{type(error).__module__}.{name}"
    return ""


@pytest.mark.parametrize("flavor", FLAVORS)
@pytest.mark.parametrize("reader", READERS)
def test_a_whole_answer_is_completed_with_what_it_says(
    server: FaultServer, exported: Exported, instrumented: Any, reader: str, flavor: str
) -> None:
    with instrumented():
        assert read(server, exported, "ok", reader, flavor, "own") == ""
    assert exported.span.attributes == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "anthropic",
        "gen_ai.request.model": "ok",
        "gen_ai.request.max_tokens": 64,
        "gen_ai.response.id": "msg_faults",
        "gen_ai.response.model": "ok",
        "gen_ai.response.finish_reasons": ("end_turn",),
        "gen_ai.usage.input_tokens": 43,
        "gen_ai.usage.output_tokens": 15,
        "gen_ai.usage.cache_read.input_tokens": 8,
        "gen_ai.usage.cache_write.input_tokens": 10,
        "http.response.status_code": 200,
        "anthropic.request.id": ANY_TEXT,
        "midstream.outcome": "completed",
        "midstream.stream.bytes": ANY_INT,
        "midstream.stream.longest_wait": ANY_FLOAT,
        "server.address": server.host,
        "server.port": server.port,
    }


UNDECODABLE = {
    "cut": "json.decoder.JSONDecodeError",
    "eof": "json.decoder.JSONDecodeError",
    "bad_json": "json.decoder.JSONDecodeError",
    "bad_utf8": "UnicodeDecodeError",
}
BROKEN = {
    "reset": ("transport_error", f"{HTTP_PACKAGE}.ReadError"),
    "fin": ("transport_error", f"{HTTP_PACKAGE}.RemoteProtocolError"),
    "stall": ("transport_error", f"{HTTP_PACKAGE}.ReadTimeout"),
    "bad_gzip": ("malformed", f"{HTTP_PACKAGE}.DecodingError"),
}


@pytest.mark.parametrize("spans", SPANS)
@pytest.mark.parametrize("flavor", FLAVORS)
@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("model", UNDECODABLE)
def test_a_response_that_is_not_json_is_malformed_and_leaks_where_it_is_decoded(
    server: FaultServer, exported: Exported, instrumented: Any, model: str, reader: str, flavor: str, spans: str
) -> None:
    with instrumented():
        raised = read(server, exported, model, reader, flavor, spans)
    assert raised == (UNDECODABLE[model] if reader in DECODING else "")
    assert told(exported) == ("malformed", UNDECODABLE[model], reader in DECODING, "opening")
    assert exported.told_span.status.status_code.name == "ERROR"


@pytest.mark.parametrize("spans", SPANS)
@pytest.mark.parametrize("flavor", FLAVORS)
@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("model", BROKEN)
def test_an_answer_that_breaks_off_leaks_what_breaks_it(
    server: FaultServer, exported: Exported, instrumented: Any, model: str, reader: str, flavor: str, spans: str
) -> None:
    with instrumented():
        assert read(server, exported, model, reader, flavor, spans) == BROKEN[model][1]
    assert told(exported) == (*BROKEN[model], True, "opening")
    assert exported.told_span.status.status_code.name == "ERROR"


def told(exported: Exported) -> tuple[Any, ...]:
    attributes = exported.told_span.attributes or {}
    outcome, *others = (
        attributes[name] for name in ("midstream.outcome", "error.type", "midstream.leaked", "midstream.phase")
    )
    assert exported.outcomes() == {str(outcome): 1}
    return (outcome, *others)
