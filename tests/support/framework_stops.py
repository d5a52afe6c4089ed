"""How applications stop a framework's call early."""

# The environment of the linters has none of the frameworks.
# pyright: basic, reportMissingImports=false

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

import anthropic

from support.framework_trials import MODEL, QUESTION, langchain_chat, pydantic_ai_model, strands_model

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ("STOPS",)

_TIMEOUT_SECONDS: Final = 0.5
"""Shorter than the answer, and longer than its first event takes."""


def _langchain_break(url: str) -> None:
    for _chunk in langchain_chat(url).stream(QUESTION):
        break


def _pydantic_ai_break(url: str) -> None:
    from pydantic_ai import Agent

    async def ask() -> None:
        async with anthropic.AsyncAnthropic(base_url=url, max_retries=0) as client:
            async with Agent(pydantic_ai_model(client)).run_stream(QUESTION) as result:
                async for _text in result.stream_text(delta=True, debounce_by=None):
                    break

    asyncio.run(ask())


def _pydantic_ai_timeout(url: str) -> None:
    from pydantic_ai import Agent

    async def ask() -> None:
        async with anthropic.AsyncAnthropic(base_url=url, max_retries=0) as client:
            await asyncio.wait_for(Agent(pydantic_ai_model(client)).run(QUESTION), _TIMEOUT_SECONDS)

    asyncio.run(ask())


def _haystack_callback(url: str) -> None:
    from haystack.dataclasses import ChatMessage
    from haystack_integrations.components.generators.anthropic import AnthropicChatGenerator

    def stop(_chunk: Any) -> None:
        raise StopAsyncIteration

    generator = AnthropicChatGenerator(model=MODEL, streaming_callback=stop)
    generator.client = anthropic.Anthropic(base_url=url, max_retries=0)
    generator.run([ChatMessage.from_user(QUESTION)])


def _agno_break(url: str) -> None:
    from agno.agent import Agent
    from agno.models.anthropic import Claude

    model = Claude(id=MODEL, client=anthropic.Anthropic(base_url=url, max_retries=0))
    for event in Agent(model=model, telemetry=False).run(QUESTION, stream=True):
        if event.event == "RunContent":
            break


def _strands_break(url: str) -> None:
    _strands(url, lambda _agent: False)


def _strands_cancel(url: str) -> None:
    def cancel(agent: Any) -> bool:
        agent.cancel()
        return True

    _strands(url, cancel)


def _strands(url: str, goes_on: Callable[[Any], bool]) -> None:
    from strands import Agent

    async def ask() -> None:
        agent = Agent(model=strands_model(url), callback_handler=None)
        async for event in agent.stream_async(QUESTION):
            if "data" in event and not goes_on(agent):
                break

    asyncio.run(ask())


STOPS: Final[dict[tuple[str, str], Callable[[str], None]]] = {
    ("langchain-anthropic", "`break` in `stream()`"): _langchain_break,
    ("pydantic-ai-slim", "`break` in `run_stream()`"): _pydantic_ai_break,
    ("pydantic-ai-slim", "`asyncio.wait_for(agent.run(...))`"): _pydantic_ai_timeout,
    ("anthropic-haystack", "`streaming_callback` raises"): _haystack_callback,
    ("agno", "`break` in `run(stream=True)`"): _agno_break,
    ("strands-agents", "`break` in `stream_async()`"): _strands_break,
    ("strands-agents", "`agent.cancel()`"): _strands_cancel,
}
"""By package and way to stop: calls the server with this URL, and stops after the first text."""
