"""Tool runners, threads, token counts, untyped requests, retries, copies of clients: one call per request."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import anthropic
import anyio
import pytest

from midstream.faults import parse
from support.clients import HAS_OWN_SPANS, async_client, client
from support.sdk_errors import http
from support.styles import CANARY, arguments

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from midstream.faults import FaultServer
    from support.exported import Exported

SPANS = ("sdk", "own") if HAS_OWN_SPANS else ("own",)
FLAVORS = ("sync", "async")
MESSAGES = {"model": "", "messages": [{"role": "user", "content": CANARY}]}


@dataclass(frozen=True)
class Way:
    """A way to call, sync and async."""

    sync: Callable[[Any, str], None]
    run: Callable[[Any, str], Awaitable[None]]


def tool(**given: Any) -> str:
    del given
    return "sunny"


async def atool(**given: Any) -> str:
    del given
    return "sunny"


def tools(function: Any, decorate: str) -> dict[str, Any]:
    decorated = getattr(anthropic, decorate)(function, name="get_weather", description="the weather")
    return {"tools": [decorated], "max_iterations": 2}


def tool_runner(made: Any, model: str) -> None:
    for _ in made.beta.messages.tool_runner(**arguments(model), **tools(tool, "beta_tool")):
        pass


async def atool_runner(made: Any, model: str) -> None:
    async for _ in made.beta.messages.tool_runner(**arguments(model), **tools(atool, "beta_async_tool")):
        pass


def streaming_tool_runner(made: Any, model: str) -> None:
    for stream in made.beta.messages.tool_runner(**arguments(model), **tools(tool, "beta_tool"), stream=True):
        for _ in stream:
            pass


async def astreaming_tool_runner(made: Any, model: str) -> None:
    runner = made.beta.messages.tool_runner(**arguments(model), **tools(atool, "beta_async_tool"), stream=True)
    async for stream in runner:
        async for _ in stream:
            pass


def untouched_tool_runner(made: Any, model: str) -> None:
    for _ in made.beta.messages.tool_runner(**arguments(model), **tools(tool, "beta_tool"), stream=True):
        pass


async def auntouched_tool_runner(made: Any, model: str) -> None:
    runner = made.beta.messages.tool_runner(**arguments(model), **tools(atool, "beta_async_tool"), stream=True)
    async for _ in runner:
        pass


def thread(made: Any, model: str) -> None:
    conversation = made.beta.messages.thread(**arguments(model))
    conversation.send()
    conversation.send({"role": "user", "content": CANARY})


async def athread(made: Any, model: str) -> None:
    conversation = made.beta.messages.thread(**arguments(model))
    await conversation.send()
    await conversation.send({"role": "user", "content": CANARY})


def streaming_thread(made: Any, model: str) -> None:
    conversation = made.beta.messages.thread(**arguments(model))
    for more in ((), ({"role": "user", "content": CANARY},)):
        with conversation.stream(*more) as stream:
            for _ in stream:
                pass


async def astreaming_thread(made: Any, model: str) -> None:
    conversation = made.beta.messages.thread(**arguments(model))
    for more in ((), ({"role": "user", "content": CANARY},)):
        async with conversation.stream(*more) as stream:
            async for _ in stream:
                pass


RUNNERS = {
    "tool runner": Way(tool_runner, atool_runner),
    "streaming tool runner": Way(streaming_tool_runner, astreaming_tool_runner),
    "streaming tool runner whose streams are not read": Way(untouched_tool_runner, auntouched_tool_runner),
}
THREADS = {"thread": Way(thread, athread), "streaming thread": Way(streaming_thread, astreaming_thread)}
CONVERSATIONS = (RUNNERS if hasattr(anthropic, "beta_tool") else {}) | (
    THREADS if importlib.util.find_spec("anthropic.lib.threads") else {}
)
"""The ones that this SDK has; each makes two requests if nothing fails."""

ENDS = {
    "tool_use": ({"completed": 2}, {"completed": 2}),
    "http:overloaded_error": ({"http_error": 1}, {"http_error": 1}),
    "reset": ({"transport_error": 1}, {"transport_error": 1}),
    "in_band:overloaded_error": ({"http_error": 1}, {"in_band_error": 1}),
}
"""By model, the outcomes of a conversation that does not stream, and of one that does."""


def run(way: Way, flavor: str, server: FaultServer, exported: Exported, model: str, spans: str) -> None:
    """A conversation, its exception swallowed."""
    provider = exported.tracer_provider if spans == "sdk" else None

    async def call() -> None:
        async with async_client(server, parse(model), provider) as made:
            await way.run(made, model)

    try:
        if flavor == "async":
            anyio.run(call)
            return
        with client(server, parse(model), provider) as made:
            way.sync(made, model)
    except Exception:  # noqa: BLE001, S110 - what it raises is the business of other tests
        pass


@pytest.mark.skipif(not CONVERSATIONS, reason="this SDK has neither tool runners nor threads")
@pytest.mark.parametrize("spans", SPANS)
@pytest.mark.parametrize("flavor", FLAVORS)
@pytest.mark.parametrize("model", ENDS)
@pytest.mark.parametrize("name", CONVERSATIONS)
def test_each_request_of_a_conversation_is_a_call_of_its_own(
    server: FaultServer, exported: Exported, instrumented: Any, name: str, model: str, flavor: str, spans: str
) -> None:
    with instrumented():
        run(CONVERSATIONS[name], flavor, server, exported, model, spans)
    outcomes = ENDS[model]["streaming" in name]
    assert exported.outcomes() == outcomes
    told = [span for span in exported.spans if "midstream.outcome" in (span.attributes or {})]
    assert len(told) == sum(outcomes.values())
    assert {span.name for span in told} == {"anthropic.messages.create" if spans == "sdk" else f"chat {model}"}


COPIES: dict[str, Callable[[Any], Any]] = {
    "with_options": lambda made: made.with_options(timeout=30.0),
    "copy": lambda made: made.copy(),
    "a copy of a copy": lambda made: made.copy().with_options(max_retries=0),
}


@pytest.mark.parametrize("spans", SPANS)
@pytest.mark.parametrize("copied", COPIES)
def test_a_call_of_a_copied_client_is_recorded_like_any_other(
    server: FaultServer, exported: Exported, instrumented: Any, copied: str, spans: str
) -> None:
    provider = exported.tracer_provider if spans == "sdk" else None
    with client(server, parse("in_band:overloaded_error"), provider) as made:
        copy = COPIES[copied](made)
        with instrumented(), pytest.raises(anthropic.APIStatusError):
            list(copy.messages.create(**arguments("in_band:overloaded_error"), stream=True))
    attributes = exported.span.attributes or {}
    assert (attributes["midstream.outcome"], attributes["midstream.status_code"]) == ("in_band_error", 529)


@pytest.mark.parametrize("url", ["/v1/messages", "v1/messages", "{base}/v1/messages", "/v1/messages?beta=true"])
@pytest.mark.parametrize("kind", [object, anthropic.types.Message])
def test_an_untyped_request_is_recorded_whatever_it_is_cast_to(
    server: FaultServer, exported: Exported, instrumented: Any, url: str, kind: Any
) -> None:
    with instrumented(), client(server, parse("ok")) as made:
        made.post(url.format(base=server.url), body=arguments("ok"), cast_to=kind)
    attributes = exported.span.attributes or {}
    assert (attributes["midstream.outcome"], attributes["gen_ai.usage.output_tokens"]) == ("completed", 15)


def test_a_request_cast_to_the_http_client_s_response_is_recorded(
    server: FaultServer, exported: Exported, instrumented: Any
) -> None:
    with instrumented(), client(server, parse("ok")) as made:
        response = made.post("/v1/messages", body=arguments("ok"), cast_to=http.Response)
    assert response.json()["id"] == "msg_faults"
    attributes = exported.span.attributes or {}
    assert (attributes["midstream.outcome"], attributes["gen_ai.response.id"]) == ("completed", "msg_faults")


@pytest.mark.parametrize("endpoint", ["/v1/models", "/v1/messages/batches"])
def test_other_endpoints_are_not_observed(
    server: FaultServer, exported: Exported, instrumented: Any, endpoint: str
) -> None:
    with instrumented(), client(server, parse("ok")) as made, pytest.raises(anthropic.NotFoundError):
        made.get(endpoint, cast_to=object)
    assert (exported.spans, exported.metrics(), exported.logs) == ([], {}, [])
