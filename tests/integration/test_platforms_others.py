"""The platforms that speak server-sent events: their calls are recorded like any other, with provider and address."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anyio
import pytest
from anthropic import AnthropicError

from support.clients import HAS_OWN_SPANS
from support.expected import ANY_TEXT
from support.platform_server import PlatformServer
from support.platforms import (
    ALL,
    BEDROCK,
    HERE,
    Platform,
    as_without_midstream,
    async_client,
    client,
    forget_the_machine,
    run,
    told,
    wanted,
)
from support.seen import FLAVORS, observable, spied
from support.styles import CANARY, STYLES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from midstream.faults import FaultServer
    from support.exported import Exported

LOOP = "create(stream=True) in a loop"
OTHERS = [name for name in HERE if name != BEDROCK.name]
SPANS = ("sdk", "own") if HAS_OWN_SPANS else ("own",)


@pytest.fixture(scope="module")
def platforms() -> Iterator[FaultServer]:
    with PlatformServer() as running:
        yield running


@pytest.fixture(autouse=True)
def nothing_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    forget_the_machine(monkeypatch)


@pytest.mark.parametrize("spans", SPANS)
@pytest.mark.parametrize("flavor", FLAVORS)
@pytest.mark.parametrize(
    ("model", "style"),
    [
        ("ok", LOOP),
        ("ok", "create"),
        ("in_band:overloaded_error", LOOP),
        ("reset", LOOP),
        ("cut", LOOP),
        ("http:overloaded_error", LOOP),
        ("http:overloaded_error", "create"),
        ("retry:2", LOOP),
    ],
)
@pytest.mark.parametrize("name", OTHERS)
def test_the_application_notices_nothing_and_the_telemetry_is_complete(
    platforms: FaultServer,
    exported: Exported,
    instrumented: Any,
    name: str,
    model: str,
    style: str,
    flavor: str,
    spans: str,
) -> None:
    platform, own = ALL[name], spans == "own"
    before = as_without_midstream(name, style, flavor, platforms, model, spans)
    with spied() as raised, instrumented():
        seen = run(platform, STYLES[style], flavor, platforms, model, None if own else exported.tracer_provider)
    assert observable(seen, raised) == before
    assert told(exported, own=own) == wanted(platform, platform.scenario(model), STYLES[style], platforms, own=own)


@pytest.mark.parametrize("flavor", FLAVORS)
@pytest.mark.parametrize("name", OTHERS)
def test_tokens_are_counted_wherever_the_platform_counts_them(
    platforms: FaultServer, exported: Exported, instrumented: Any, name: str, flavor: str
) -> None:
    platform = ALL[name]
    with instrumented():
        assert count(platform, flavor, platforms, "ok").input_tokens == 43
    assert (exported.span.name, dict(exported.span.attributes or {})) == (
        "count_tokens ok",
        {
            "gen_ai.operation.name": "count_tokens",
            "gen_ai.provider.name": platform.provider,
            "gen_ai.request.model": "ok",
            "server.address": platforms.host,
            "server.port": platforms.port,
            "midstream.outcome": "completed",
            "http.response.status_code": 200,
            "anthropic.request.id": ANY_TEXT,
        },
    )
    assert exported.outcomes() == {"completed": 1}


@pytest.mark.parametrize("flavor", FLAVORS)
def test_bedrock_counts_no_tokens_and_the_refusal_of_the_sdk_is_recorded(
    platforms: FaultServer, exported: Exported, instrumented: Any, flavor: str
) -> None:
    with instrumented(), pytest.raises(AnthropicError, match="not supported"):
        count(BEDROCK, flavor, platforms, "ok")
    attributes = exported.span.attributes or {}
    assert {name: attributes[name] for name in attributes if "midstream" in name} == {
        "midstream.outcome": "client_error",
        "midstream.phase": "request",
        "midstream.leaked": True,
        "midstream.misreported": False,
        "midstream.corrected": False,
        "midstream.retryable": False,
    }


def count(platform: Platform, flavor: str, server: FaultServer, model: str) -> Any:
    """The platform's answer to a token count."""
    question: dict[str, Any] = {"model": model, "messages": [{"role": "user", "content": CANARY}]}
    if flavor == "sync":
        with client(platform, server) as made:
            return made.messages.count_tokens(**question)

    async def ask() -> Any:
        async with async_client(platform, server) as made:
            return await made.messages.count_tokens(**question)

    return anyio.run(ask)
