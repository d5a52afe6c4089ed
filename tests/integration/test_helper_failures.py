"""What a helper of the SDK raises over a stream that is intact: a failure of the call, and not of the application."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING, Any, Final

import anyio
import pytest
from anthropic.resources.beta.messages import Messages as BetaMessages

from integration.wires import HEAD, START, TAIL, TEXT, Wire, wires
from midstream.faults import parse
from support.clients import HAS_OWN_SPANS, async_client, client
from support.sdk_errors import sse
from support.styles import CANARY, STYLES, Style, arguments, see, see_async

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from integration.wires import WireServer
    from support.exported import Exported
    from support.styles import Seen

FLAVORS: Final = ("sync", "async")
SPANS: Final = ("sdk", "own") if HAS_OWN_SPANS else ("own",)

TOOL: Final = sse(
    "content_block_start",
    {
        "type": "content_block_start",
        "index": 0,
        "content_block": {"type": "tool_use", "id": "t1", "name": "look", "input": {}},
    },
)
INPUT: Final = sse(
    "content_block_delta",
    {
        "type": "content_block_delta",
        "index": 0,
        "delta": {"type": "input_json_delta", "partial_json": f'{{"a": {CANARY}'},
    },
)
WIRES: Final[dict[str, tuple[bytes, set[str]]]] = {
    "tool input that is not JSON": (START + TOOL + INPUT + TAIL, {"content", "closing"}),
    "a delta for a block that never began": (START + TEXT + TAIL, {"content"}),
    "a start without a message": (
        sse("message_start", {"type": "message_start", "message": None}),
        {"opening"},
    ),
}
"""By what is wrong, the events, and the phases that the stream can have reached when the helper notices."""


@pytest.fixture(scope="module")
def wire_server() -> Iterator[WireServer]:
    with wires() as running:
        yield running


def _outside(made: Any, model: str, events: list[Any]) -> None:
    stream = made.messages.stream(**arguments(model)).__enter__()
    try:
        events.extend(stream)
    finally:
        del stream


async def _aoutside(made: Any, model: str, events: list[Any]) -> None:
    stream = await made.messages.stream(**arguments(model)).__aenter__()
    events.extend([event async for event in stream])


def _next(made: Any, model: str, events: list[Any]) -> None:
    with made.messages.stream(**arguments(model)) as stream:
        while True:
            try:
                events.append(next(stream))
            except StopIteration:
                return


async def _anext(made: Any, model: str, events: list[Any]) -> None:
    async with made.messages.stream(**arguments(model)) as stream:
        while True:
            try:
                events.append(await stream.__anext__())
            except StopAsyncIteration:
                return


def _runner(made: Any, model: str, events: list[Any]) -> None:
    for stream in made.beta.messages.tool_runner(**arguments(model), tools=[], stream=True):
        events.extend(stream)


async def _arunner(made: Any, model: str, events: list[Any]) -> None:
    async for stream in made.beta.messages.tool_runner(**arguments(model), tools=[], stream=True):
        events.extend([event async for event in stream])


READERS: Final = {
    **{name: style for name, style in STYLES.items() if style.helper},
    "outside of with": Style("outside of with", True, _outside, _aoutside, helper=True),
    "next()": Style("next()", True, _next, _anext, helper=True),
    **(
        {"tool runner": Style("tool runner", True, _runner, _arunner, helper=True)}
        if hasattr(BetaMessages, "tool_runner")
        else {}
    ),
}


def read(style: Style, flavor: str, server: WireServer, sdk_spans: Any = None) -> Seen:
    scenario = parse("ok")
    if flavor == "sync":
        with client(server, scenario, sdk_spans) as made:
            return see(style, made, "claude-x")

    async def run() -> Seen:
        async with async_client(server, scenario, sdk_spans) as made:
            return await see_async(style, made, "claude-x")

    return anyio.run(run)


@pytest.mark.parametrize("spans", SPANS)
@pytest.mark.parametrize("flavor", FLAVORS)
@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("wrong", WIRES)
def test_an_exception_of_a_helper_is_a_client_error_that_leaks(
    wrong: str,
    reader: str,
    flavor: str,
    spans: str,
    wire_server: WireServer,
    exported: Exported,
    instrumented: Callable[..., AbstractContextManager[Exported]],
) -> None:
    body, phases = WIRES[wrong]
    wire_server.wire = Wire(body)
    bare = read(READERS[reader], flavor, wire_server)
    with instrumented():
        seen = read(READERS[reader], flavor, wire_server, exported.tracer_provider if spans == "sdk" else None)
    assert bare.error is not None
    assert (type(seen.error), len(seen.events)) == (type(bare.error), len(bare.events))
    (attributes,) = [dict(log.log_record.attributes or {}) for log in exported.logs]
    # The exception keeps a stream that is not closed, and the log event, until it is exported, the SDK's span.
    seen.error = None
    exported.logs_in_memory.clear()
    gc.collect()
    span = exported.told_span
    found = dict(span.attributes or {})
    name = type(bare.error).__qualname__
    assert (found["midstream.outcome"], found["error.type"], found["midstream.leaked"]) == ("client_error", name, True)
    assert found["midstream.phase"] in phases
    assert found["midstream.retryable"] is False
    assert (span.status.description or "").startswith(f"{name} ")
    assert (attributes["exception.type"], attributes["exception.message"]) == (name, span.status.description)
    assert exported.outcomes() == {"client_error": 1}
    assert CANARY not in f"{attributes} {exported.everything()}"


@pytest.mark.parametrize("flavor", FLAVORS)
@pytest.mark.parametrize("reader", ["stream() events", "next()"])
def test_a_stream_that_fails_beneath_a_helper_fails_once_and_as_it_did(
    reader: str,
    flavor: str,
    wire_server: WireServer,
    instrumented: Callable[..., AbstractContextManager[Exported]],
) -> None:
    wire_server.wire = Wire(HEAD + sse("error", {"type": "error", "error": {"type": "overloaded_error"}}))
    with instrumented() as exported:
        read(READERS[reader], flavor, wire_server)
    assert exported.outcomes() == {"in_band_error": 1}


def test_a_helper_that_fails_after_the_end_event_does_not_say_that_the_end_is_missing(
    wire_server: WireServer,
    instrumented: Callable[..., AbstractContextManager[Exported]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    module: Any = pytest.importorskip("anthropic.lib.streaming._messages")
    build = module.build_events

    def fails_at_the_end(*, event: Any, message_snapshot: Any) -> Any:
        if event.type == "message_stop":
            raise LookupError(CANARY)
        return build(event=event, message_snapshot=message_snapshot)

    monkeypatch.setattr(module, "build_events", fails_at_the_end)
    wire_server.wire = Wire(HEAD + TAIL)
    with instrumented() as exported:
        seen = read(READERS["stream() events"], "sync", wire_server)
    assert isinstance(seen.error, LookupError)
    assert exported.told_span.status.description == (
        "LookupError after the whole answer had arrived; not an anthropic.APIError"
    )
