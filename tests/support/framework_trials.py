"""What frameworks' own retries and fallbacks make of a failed stream, with the SDK's errors and with corrected ones."""

# The environment of the linters has none of the frameworks.
# pyright: basic, reportMissingImports=false

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any, Final, TypedDict

import anthropic
from anthropic._exceptions import OverloadedError

from midstream import AnthropicInstrumentor
from midstream.faults import FaultServer

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = (
    "FAULTS",
    "MODEL",
    "QUESTION",
    "TRIALS",
    "Trial",
    "langchain_chat",
    "pydantic_ai_model",
    "result_of",
    "strands_model",
)

os.environ.update(
    ANTHROPIC_API_KEY="test", LANGSMITH_TRACING="false", HAYSTACK_TELEMETRY_ENABLED="false", AGNO_TELEMETRY="false"
)

MODEL: Final = "claude-sonnet-5"
QUESTION: Final = "Is all well?"
RETRIED: Final = (
    anthropic.APIConnectionError,
    anthropic.RateLimitError,
    anthropic.InternalServerError,
    OverloadedError,  # not yet an InternalServerError in the SDK that strands needs
)
"""What applications usually retry."""

FAULTS: Final = {"in_band:overloaded_error": "in-band error", "reset": "reset", "cut": "cut"}
_IN_A_DOCUMENT: Final = {"envelope:overloaded_error": "in-band error", "reset": "reset", "cut": "cut"}


@dataclass(frozen=True)
class Trial:
    """One way in which a framework retries, or falls back to another model."""

    package: str
    """The name of the distribution."""
    how: str
    ask: Callable[[str], str]
    """Returns the answer of the server with this URL."""
    is_streamed: bool = True
    whole: str = "ok"
    """The scenario of a whole answer."""

    @property
    def faults(self) -> dict[str, str]:
        """The scenarios of the first answer, with their names. The second answer is whole."""
        return FAULTS if self.is_streamed else _IN_A_DOCUMENT

    @property
    def version(self) -> str | None:
        """The installed version of the package. `None`: it is not installed."""
        try:
            return version(self.package)
        except PackageNotFoundError:
            return None


def langchain_chat(url: str) -> Any:
    """A model of LangChain that streams."""
    from langchain_anthropic import ChatAnthropic

    return ChatAnthropic(model_name=MODEL, base_url=url, max_retries=0, streaming=True, timeout=None, stop=None)


def _langchain_retry(url: str) -> str:
    chat = langchain_chat(url).with_retry(
        retry_if_exception_type=RETRIED, stop_after_attempt=2, wait_exponential_jitter=False
    )
    return str(chat.invoke(QUESTION).text)


def _langchain_fallback(url: str) -> str:
    return str(
        langchain_chat(url).with_fallbacks([langchain_chat(url)], exceptions_to_handle=RETRIED).invoke(QUESTION).text
    )


class _State(TypedDict):
    text: str


def _langgraph_retry(url: str) -> str:
    from langgraph.graph import END, START, StateGraph
    from langgraph.types import RetryPolicy

    chat = langchain_chat(url)

    def node(_state: _State) -> _State:
        return {"text": chat.invoke(QUESTION).text}

    graph = StateGraph(_State)
    graph.add_node("ask", node, retry_policy=RetryPolicy(initial_interval=0.001, jitter=False, retry_on=RETRIED))
    graph.add_edge(START, "ask")
    graph.add_edge("ask", END)
    return str(graph.compile().invoke({"text": ""})["text"])


def pydantic_ai_model(client: anthropic.AsyncAnthropic) -> Any:
    """A model of pydantic-ai. Without `max_tokens`, it streams."""
    from pydantic_ai.models.anthropic import AnthropicModel
    from pydantic_ai.providers.anthropic import AnthropicProvider

    return AnthropicModel(MODEL, provider=AnthropicProvider(anthropic_client=client))


def _pydantic_ai_fallback(url: str) -> str:
    from pydantic_ai import Agent
    from pydantic_ai.models.fallback import FallbackModel

    async def ask() -> str:
        async with anthropic.AsyncAnthropic(base_url=url, max_retries=0) as client:
            model = FallbackModel(pydantic_ai_model(client), pydantic_ai_model(client))
            return str((await Agent(model).run(QUESTION)).output)

    return asyncio.run(ask())


def _haystack_fallback(url: str) -> str:
    from haystack.components.generators.chat import FallbackChatGenerator
    from haystack.dataclasses import ChatMessage
    from haystack_integrations.components.generators.anthropic import AnthropicChatGenerator

    def generator() -> Any:
        made = AnthropicChatGenerator(model=MODEL, streaming_callback=lambda _chunk: None)
        made.client = anthropic.Anthropic(base_url=url, max_retries=0)
        return made

    found = FallbackChatGenerator([generator(), generator()]).run([ChatMessage.from_user(QUESTION)])
    return str(found["replies"][0].text)


def _agno_retries(url: str) -> str:
    from agno.agent import Agent
    from agno.models.anthropic import Claude

    client = anthropic.Anthropic(base_url=url, max_retries=0)
    agent = Agent(model=Claude(id=MODEL, client=client, retries=1, delay_between_retries=0), telemetry=False)
    return str(agent.run(QUESTION).content)


def _instructor_retries(url: str) -> str:
    import instructor
    from pydantic import BaseModel
    from tenacity import Retrying, retry_if_exception_type, stop_after_attempt

    class Place(BaseModel):
        location: str

    client = instructor.from_anthropic(anthropic.Anthropic(base_url=url, max_retries=0))
    retrying = Retrying(retry=retry_if_exception_type(RETRIED), stop=stop_after_attempt(2), reraise=True)
    answer = client.create(
        model=MODEL,
        max_tokens=64,
        messages=[{"role": "user", "content": QUESTION}],
        response_model=Place,
        max_retries=retrying,
    )
    return str(answer)


def strands_model(url: str) -> Any:
    """A model of strands."""
    from strands.models.anthropic import AnthropicModel

    return AnthropicModel(client_args={"base_url": url, "max_retries": 0}, model_id=MODEL, max_tokens=64)


def _strands_retry(url: str) -> str:
    from strands import Agent, ModelRetryStrategy

    class Strategy(ModelRetryStrategy):  # type: ignore[misc] # of Any, where it is not installed
        def is_retryable(self, exception: Exception) -> bool:
            return isinstance(exception, RETRIED) or super().is_retryable(exception)

    strategy = Strategy(max_attempts=2, initial_delay=0)
    return str(Agent(model=strands_model(url), callback_handler=None, retry_strategy=strategy)(QUESTION))


TRIALS: Final = (
    Trial("langchain-anthropic", "`with_retry`", _langchain_retry),
    Trial("langchain-anthropic", "`with_fallbacks`", _langchain_fallback),
    Trial("langgraph", "`RetryPolicy`", _langgraph_retry),
    Trial("pydantic-ai-slim", "`FallbackModel`", _pydantic_ai_fallback),
    Trial("anthropic-haystack", "`FallbackChatGenerator`", _haystack_fallback),
    Trial("instructor", "`max_retries=Retrying(...)`", _instructor_retries, is_streamed=False, whole="tool_use"),
    Trial("agno", "`retries`", _agno_retries, is_streamed=False),
    Trial("strands-agents", "`ModelRetryStrategy`", _strands_retry),
)


def result_of(trial: Trial, fault: str, *, errors: str) -> str:
    """What the application receives if the first answer fails: `whole`, `**half**` an answer, or an exception's class.

    `errors` is the option of `instrument()`.
    """
    with FaultServer() as server:
        server.script(trial.whole)
        expected = trial.ask(server.url)
    AnthropicInstrumentor().instrument(errors=errors)  # type: ignore[arg-type]
    try:
        with FaultServer() as server:
            server.script(fault, trial.whole)
            answer = trial.ask(server.url)
    except Exception as error:  # noqa: BLE001 - any framework's
        return f"`{type(error).__name__}`"
    finally:
        AnthropicInstrumentor().uninstrument()
    return "whole" if answer == expected else "**half**"
