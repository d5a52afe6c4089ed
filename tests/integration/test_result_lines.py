"""Lines among the results of a batch that are none: an error can stand in place of any line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import anthropic
import anyio
import pytest
from anthropic._decoders import jsonl
from anthropic.types.messages import MessageBatchIndividualResponse

from integration.test_wires import OK, recorded
from integration.wires import Wire, WireServer, envelope, wires
from support.clients import async_client, client

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from support.exported import Exported

RESULT: Final = json.dumps({"custom_id": "request-1", "result": {"type": "canceled"}}).encode()
RIGHT: Final = {
    "results": (RESULT, "completed", None),
    "the API's error": (envelope(), "in_band_error", "529 overloaded_error: No luck (request req_body)"),
    "a gateway's message": (
        b'{"message": "Internal server error"}',
        "malformed",
        "unexpected_body after content had arrived: a line without custom_id",
    ),
}
"""By what stands in place of the third line: the line, and what is recorded."""


@pytest.fixture(scope="module")
def wire_server() -> Iterator[WireServer]:
    with wires() as running:
        yield running


def read(flavor: str, server: WireServer) -> None:
    if flavor == "sync":
        with client(server, OK) as made:
            list(results(made, jsonl.JSONLDecoder))
        return

    async def run() -> None:
        async with async_client(server, OK) as made:
            async for _ in await results(made, jsonl.AsyncJSONLDecoder):
                pass

    anyio.run(run)


def results(made: Any, decoder: Any) -> Any:
    """What `messages.batches.results()` requests after it has retrieved the batch."""
    cast_to = decoder[MessageBatchIndividualResponse]
    return made.get("/v1/messages/batches/b_1/results", cast_to=cast_to, stream=True)


@pytest.mark.parametrize("flavor", ["sync", "async"])
@pytest.mark.parametrize("third", RIGHT)
def test_a_line_that_is_no_result_is_how_the_call_ended(
    third: str, flavor: str, wire_server: WireServer, instrumented: Callable[..., AbstractContextManager[Exported]]
) -> None:
    line, outcome, text = RIGHT[third]
    wire_server.wire = Wire(b"\n".join([RESULT, RESULT, line, RESULT, b""]), "application/x-jsonl")
    with instrumented() as exported:
        read(flavor, wire_server)
    found = recorded(exported)
    assert (found["outcome"], found["line"]) == (outcome, text)


def test_a_corrected_error_is_raised_where_the_lines_end(
    wire_server: WireServer, instrumented: Callable[..., AbstractContextManager[Exported]]
) -> None:
    wire_server.wire = Wire(b"\n".join([RESULT, RESULT, envelope(), b""]), "application/x-jsonl")
    with (
        instrumented(errors="corrected"),
        pytest.raises(anthropic.APIStatusError, match="529 overloaded_error"),
    ):
        read("sync", wire_server)
