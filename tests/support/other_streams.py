"""Every request for something other than a message: completions, token counts, batch results, session events, files."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anthropic
from anthropic.resources import beta
from opentelemetry.trace import StatusCode

from support.styles import CANARY, Style

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ("OTHER_STREAMS",)

_HAS_COMPLETIONS = hasattr(anthropic.Anthropic, "completions")
_HAS_SESSIONS = hasattr(beta, "Sessions")
_HAS_FILES = hasattr(beta, "Files")


def _completion(model: str) -> dict[str, Any]:
    return {"model": model, "max_tokens_to_sample": 64, "prompt": f"\n\nHuman: {CANARY}\n\nAssistant:"}


def _count(model: str) -> dict[str, Any]:
    return {"model": model, "messages": [{"role": "user", "content": CANARY}]}


def _complete(client: Any, model: str, events: list[Any]) -> None:
    events.append(client.completions.create(**_completion(model)))


async def _acomplete(client: Any, model: str, events: list[Any]) -> None:
    events.append(await client.completions.create(**_completion(model)))


def _complete_streamed(client: Any, model: str, events: list[Any]) -> None:
    for event in client.completions.create(**_completion(model), stream=True):
        events.append(event)


async def _acomplete_streamed(client: Any, model: str, events: list[Any]) -> None:
    async for event in await client.completions.create(**_completion(model), stream=True):
        events.append(event)


def _count_tokens(client: Any, model: str, events: list[Any]) -> None:
    events.append(client.messages.count_tokens(**_count(model)))


async def _acount_tokens(client: Any, model: str, events: list[Any]) -> None:
    events.append(await client.messages.count_tokens(**_count(model)))


def _results(client: Any, model: str, events: list[Any]) -> None:
    for line in client.messages.batches.results(model):
        events.append(line)


async def _aresults(client: Any, model: str, events: list[Any]) -> None:
    async for line in await client.messages.batches.results(model):
        events.append(line)


def _beta_results(client: Any, model: str, events: list[Any]) -> None:
    lines = client.beta.messages.batches.results(model)
    while True:
        try:
            events.append(next(lines))
        except StopIteration:
            return


async def _abeta_results(client: Any, model: str, events: list[Any]) -> None:
    lines = await client.beta.messages.batches.results(model)
    while True:
        try:
            events.append(await lines.__anext__())
        except StopAsyncIteration:
            return


def _session(client: Any, model: str, events: list[Any]) -> None:
    with client.beta.sessions.events.stream(model) as stream:
        for event in stream:
            events.append(event)


async def _asession(client: Any, model: str, events: list[Any]) -> None:
    async with await client.beta.sessions.events.stream(model) as stream:
        async for event in stream:
            events.append(event)


def _download(client: Any, model: str, events: list[Any]) -> None:
    events.append(client.beta.files.download(model).read())


async def _adownload(client: Any, model: str, events: list[Any]) -> None:
    events.append(await (await client.beta.files.download(model)).read())


def _download_streamed(client: Any, model: str, events: list[Any]) -> None:
    with client.beta.files.with_streaming_response.download(model) as response:
        for piece in response.iter_bytes():
            events.append(piece)


async def _adownload_streamed(client: Any, model: str, events: list[Any]) -> None:
    async with client.beta.files.with_streaming_response.download(model) as response:
        async for piece in response.iter_bytes():
            events.append(piece)


def _download_to_file(client: Any, model: str, events: list[Any]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "file"
        with client.beta.files.with_streaming_response.download(model) as response:
            response.stream_to_file(file)
        events.append(file.read_bytes())


async def _adownload_to_file(client: Any, model: str, events: list[Any]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "file"
        async with client.beta.files.with_streaming_response.download(model) as response:
            await response.stream_to_file(file)
        events.append(file.read_bytes())


def _post(client: Any, model: str, events: list[Any]) -> None:
    body = {"max_tokens": 64, **_count(model)}
    events.append(client.post("/v1/messages", body=body, cast_to=object))


async def _apost(client: Any, model: str, events: list[Any]) -> None:
    body = {"max_tokens": 64, **_count(model)}
    events.append(await client.post("/v1/messages", body=body, cast_to=object))


def _post_streamed(client: Any, model: str, events: list[Any]) -> None:
    body = {"max_tokens": 64, "stream": True, **_count(model)}
    for event in client.post(
        "/v1/messages", body=body, cast_to=object, stream=True, stream_cls=anthropic.Stream[object]
    ):
        events.append(event)


async def _apost_streamed(client: Any, model: str, events: list[Any]) -> None:
    body = {"max_tokens": 64, "stream": True, **_count(model)}
    async for event in await client.post(
        "/v1/messages", body=body, cast_to=object, stream=True, stream_cls=anthropic.AsyncStream[object]
    ):
        events.append(event)


def _styles() -> Iterator[Style]:
    yield Style(
        "count_tokens",
        False,
        _count_tokens,
        _acount_tokens,
        operation="count_tokens",
        span_name="anthropic.messages.count_tokens",
    )
    yield Style("client.post", False, _post, _apost, with_request_id=False)
    yield Style("client.post(stream=True)", True, _post_streamed, _apost_streamed)
    results = Style(
        "batches.results",
        True,
        _results,
        _aresults,
        operation="batch_results",
        span_name="anthropic.messages.batches.results",
    )
    yield results
    yield replace(results, name="beta batches.results by next()", sync=_beta_results, run=_abeta_results)
    if _HAS_COMPLETIONS:
        yield Style("completions", False, _complete, _acomplete, operation="text_completion")
        yield Style(
            "completions(stream=True)", True, _complete_streamed, _acomplete_streamed, operation="text_completion"
        )
    if _HAS_SESSIONS:
        yield Style(
            "sessions.events.stream",
            True,
            _session,
            _asession,
            operation="session_events",
            span_name="anthropic.sessions.events.stream",
            span_status=StatusCode.UNSET,  # as nothing in the stream says that it is whole
        )
    if _HAS_FILES:
        file = Style(
            "files.download",
            False,
            _download,
            _adownload,
            operation="file_download",
            span_name="anthropic.files.download",
            asked=False,
        )
        yield file
        live = replace(file, streamed=True, read_above=True)
        yield replace(live, name="files.download, streamed", sync=_download_streamed, run=_adownload_streamed)
        yield replace(live, name="files.download, to a file", sync=_download_to_file, run=_adownload_to_file)


OTHER_STREAMS = {style.name: style for style in _styles()}
"""By name, those that this SDK has."""
