"""An application that wraps a live body, to count its bytes, is recorded as without that."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anyio
import pytest

from midstream.faults import parse
from support.clients import async_client, client
from support.sdk_errors import http
from support.styles import arguments

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from httpx2 import AsyncByteStream, SyncByteStream

    from midstream.faults import FaultServer
    from support.exported import Exported

if not TYPE_CHECKING:
    AsyncByteStream, SyncByteStream = http.AsyncByteStream, http.SyncByteStream

MODELS = ("ok", "in_band:overloaded_error", "reset", "bad_json", "cut")


class Counted(SyncByteStream, AsyncByteStream):
    """A body that counts the bytes of another."""

    def __init__(self, body: Any) -> None:
        self.body = body
        self.read = 0

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self.body:
            self.read += len(chunk)
            yield chunk

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self.body:
            self.read += len(chunk)
            yield chunk

    def close(self) -> None:
        self.body.close()

    async def aclose(self) -> None:
        await self.body.aclose()


def kinds(error: Exception) -> list[str]:
    return [kind.__name__ for kind in type(error).__mro__]


def read(made: Any, model: str, replace: Callable[[Any], Any]) -> list[str]:
    """What the application gets: the classes of the exception, if there is one."""
    raw = made.messages.with_raw_response.create(**arguments(model), stream=True)
    raw.http_response.stream = replace(raw.http_response.stream)
    try:
        list(raw.parse())
    except Exception as error:  # noqa: BLE001 - whatever it is
        return kinds(error)
    return []


async def aread(made: Any, model: str, replace: Callable[[Any], Any]) -> list[str]:
    stream = await made.messages.create(**arguments(model), stream=True)
    stream.response.stream = replace(stream.response.stream)
    try:
        _ = [event async for event in stream]
    except Exception as error:  # noqa: BLE001 - whatever it is
        return kinds(error)
    return []


def call(flavor: str, server: FaultServer, model: str, replace: Callable[[Any], Any]) -> list[str]:
    if flavor == "sync":
        with client(server, parse("ok")) as made:
            return read(made, model, replace)

    async def run() -> list[str]:
        async with async_client(server, parse("ok")) as made:
            return await aread(made, model, replace)

    return anyio.run(run)


def unnumbered(attributes: Any) -> dict[str, Any]:
    """Without what differs from call to call."""
    differing = ("request_id", "request.id", "response.id", "time_to_first_chunk", "longest_wait")
    return {name: value for name, value in attributes.items() if not name.endswith(differing)}


@pytest.mark.parametrize("errors", ["unchanged", "corrected"])
@pytest.mark.parametrize("flavor", ["sync", "async"])
@pytest.mark.parametrize("model", MODELS)
def test_a_call_ends_as_without_the_replacement(
    server: FaultServer, exported: Exported, instrumented: Any, model: str, flavor: str, errors: str
) -> None:
    with instrumented(errors=errors):
        bare = call(flavor, server, model, lambda body: body)
        replaced = call(flavor, server, model, Counted)
    assert replaced == bare
    first, second = (unnumbered(span.attributes) for span in exported.spans)
    assert second == first
