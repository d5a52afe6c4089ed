"""What gateways, proxies and other vendors send instead of an answer, and what is recorded of it.

Each body is read in every way in which callers read it: the verdict is the same, because the bytes decide.
"""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import anyio
import pytest

from integration.wires import (
    DELTA,
    END,
    HEAD,
    HTML,
    JSON,
    MESSAGE,
    PAGE,
    SSE,
    START,
    STOP,
    TAIL,
    TEXT,
    Wire,
    envelope,
    wires,
)
from midstream.faults import parse
from support.clients import async_client, client
from support.sdk_errors import body_of, sse
from support.styles import STYLES, Seen, Style, arguments, see, see_async

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from integration.wires import WireServer
    from support.exported import Exported

FLAVORS: Final = ("sync", "async")
OK: Final = parse("ok")


@pytest.fixture(scope="module")
def wire_server() -> Iterator[WireServer]:
    with wires() as running:
        yield running


def _bytes(made: Any, model: str, events: list[Any]) -> None:
    with made.messages.with_streaming_response.create(**arguments(model), stream=True) as response:
        events.extend(response.iter_bytes())


async def _abytes(made: Any, model: str, events: list[Any]) -> None:
    async with made.messages.with_streaming_response.create(**arguments(model), stream=True) as response:
        events.extend([chunk async for chunk in response.iter_bytes()])


def _document_bytes(made: Any, model: str, events: list[Any]) -> None:
    with made.messages.with_streaming_response.create(**arguments(model)) as response:
        events.append(response.read())


async def _adocument_bytes(made: Any, model: str, events: list[Any]) -> None:
    async with made.messages.with_streaming_response.create(**arguments(model)) as response:
        events.append(await response.read())


def _count(made: Any, model: str, events: list[Any]) -> None:
    events.append(made.messages.count_tokens(model=model, messages=arguments(model)["messages"]))


async def _acount(made: Any, model: str, events: list[Any]) -> None:
    events.append(await made.messages.count_tokens(model=model, messages=arguments(model)["messages"]))


LOOP, HELPER, BYTES = "create(stream=True) in a loop", "stream() events", "bytes"
STREAMED: Final = (LOOP, HELPER, BYTES)
PLAIN, COUNTED = "create", "count_tokens"
DOCUMENTS: Final = (
    *(PLAIN, "beta create", "raw create", "document bytes", COUNTED),
    *(["parse"] if "parse" in STYLES else []),
)
READERS: Final[dict[str, Style]] = {
    **STYLES,
    BYTES: Style(BYTES, True, _bytes, _abytes),
    "document bytes": Style("document bytes", False, _document_bytes, _adocument_bytes),
    COUNTED: Style(COUNTED, False, _count, _acount),
}


def recorded(exported: Exported) -> dict[str, Any]:
    """What the span says about how the call ended."""
    span = exported.told_span
    found = {
        name.removeprefix("midstream."): value
        for name, value in (span.attributes or {}).items()
        if name.startswith(("midstream.", "error.")) and not name.startswith("midstream.stream.")
    }
    return found | {"line": span.status.description}


def read(style: Style, flavor: str, server: WireServer) -> Seen:
    if flavor == "sync":
        with client(server, OK) as made:
            return see(style, made, "claude-x")

    async def run() -> Seen:
        async with async_client(server, OK) as made:
            return await see_async(style, made, "claude-x")

    return anyio.run(run)


def in_band(
    error_type: str, status: int, line: str, *, retryable: bool = True, phase: str = "content"
) -> dict[str, Any]:
    return {
        "outcome": "in_band_error",
        "error.type": error_type,
        "status_code": status,
        "retryable": retryable,
        "phase": phase,
        "line": line,
    }


def unexpected(error_type: str, what: str) -> dict[str, Any]:
    return {
        "outcome": "malformed",
        "error.type": error_type,
        "leaked": False,
        "retryable": False,
        "phase": "opening",
        "line": f"{error_type} before any content had arrived: {what}",
    }


def truncated(line: str, *, retryable: bool = True) -> dict[str, Any]:
    return {"outcome": "truncated", "error.type": "stream_truncated", "retryable": retryable, "line": line}


def unnamed(data: Any) -> bytes:
    return f"data: {json.dumps(data)}\n\n".encode()


def error(data: Any) -> Wire:
    return Wire(HEAD + sse("error", data))


def nameless(*events: bytes) -> bytes:
    return b"".join(event.partition(b"\n")[2] for event in events)


OPENAI: Final = {"error": {"message": "slow down", "type": "None", "param": "None", "code": "429"}}
GOOGLE: Final = {"error": {"code": 429, "message": "Resource exhausted", "status": "RESOURCE_EXHAUSTED"}}
CHUNK: Final = {"id": "x", "object": "chat.completion.chunk", "choices": [{"delta": {"content": "All"}}]}
IN_BAND: Final = in_band("overloaded_error", 529, "529 overloaded_error: No luck (request req_body)")
COMPLETED: Final = {"outcome": "completed", "line": None}
ALL_BUT_THE_END: Final = (
    "stream_truncated: the stream ended before its end event, after all but the end event had arrived"
)
CUT: Final = "stream_truncated: the stream ended before its end event, after content had arrived"

STREAMS: Final[dict[str, tuple[Wire, dict[str, Any]]]] = {
    "the API's error as a document": (Wire(envelope(), JSON), {**IN_BAND, "phase": "opening", "misreported": False}),
    "the API's error, called events": (Wire(envelope()), {**IN_BAND, "phase": "opening"}),
    "a page": (Wire(PAGE, HTML), unexpected("unexpected_media_type", "text/html instead of events")),
    "a long page": (Wire(PAGE * 999, HTML), unexpected("unexpected_media_type", "text/html instead of events")),
    "a page, called events": (Wire(PAGE), unexpected("unexpected_body", "no events")),
    "a whole message": (
        Wire(json.dumps(MESSAGE).encode(), JSON),
        unexpected("unexpected_media_type", "application/json instead of events"),
    ),
    "nothing": (
        Wire(b""),
        truncated("stream_truncated: the stream ended before its end event, before any content had arrived"),
    ),
    "an error without a name, after content": (
        Wire(HEAD + unnamed(OPENAI) + b"data: [DONE]\n\n"),
        in_band("429", 429, "429 Too Many Requests: slow down"),
    ),
    "an error without a name, after much content": (
        Wire(HEAD + TEXT * 999 + unnamed(OPENAI)),
        in_band("429", 429, "429 Too Many Requests: slow down"),
    ),
    "an error without a name, immediately": (
        Wire(unnamed(GOOGLE)),
        in_band("RESOURCE_EXHAUSTED", 429, "429 RESOURCE_EXHAUSTED: Resource exhausted", phase="opening"),
    ),
    "an error without a name, in an answer that is whole": (Wire(HEAD + unnamed(OPENAI) + TAIL), COMPLETED),
    "events without names": (
        Wire(nameless(START, TEXT, END, DELTA, STOP)),
        truncated("stream_truncated: no named events, before any content had arrived", retryable=False),
    ),
    "another vendor's events without names": (
        Wire(unnamed(CHUNK) + b"data: [DONE]\n\n"),
        unexpected("unexpected_body", "no named events"),
    ),
    "a cut after much content": (Wire(HEAD + TEXT * 999), truncated(CUT)),
    "events, called something else": (Wire(HEAD + TAIL, "text/plain"), COMPLETED),
    "an end event without its blank line": (Wire((HEAD + TAIL)[:-1]), COMPLETED),
    "an end event without its line end": (Wire((HEAD + TAIL)[:-2]), COMPLETED),
    "half an end event": (
        Wire((HEAD + TAIL)[:-5]),
        truncated(CUT.replace("after content", "after all but the end event")),
    ),
    "an error event without its blank line": (Wire(error(body_of("overloaded_error")).body[:-1]), IN_BAND),
    "an error with another type and a number": (
        error({"error": {"message": "context too long", "type": "BadRequestError", "code": 400}}),
        in_band("BadRequestError", 400, "400 BadRequestError: context too long", retryable=False),
    ),
    "an error without a type, with a number as text": (
        error(OPENAI),
        in_band("429", 429, "429 Too Many Requests: slow down"),
    ),
    "an error with the name of a status": (
        error([GOOGLE]),
        in_band("RESOURCE_EXHAUSTED", 429, "429 RESOURCE_EXHAUSTED: Resource exhausted"),
    ),
    "an error that is flat": (
        error({"object": "error", "message": "context too long", "type": "BadRequestError", "code": 400}),
        in_band("BadRequestError", 400, "400 BadRequestError: context too long", retryable=False),
    ),
    "an error that is a detail": (
        error({"detail": "upstream timed out"}),
        in_band("_OTHER", 500, "500 error without a type: upstream timed out (request req_header)"),
    ),
    "an error under another name": (
        Wire(HEAD + sse("exception", OPENAI)),
        in_band("429", 429, "429 Too Many Requests: slow down"),
    ),
    "an error beside the events": (
        Wire(HEAD + json.dumps(OPENAI, indent=1).encode()),
        in_band("429", 429, "429 Too Many Requests: slow down"),
    ),
    "an error that is a text": (
        error("upstream connect error"),
        in_band("_OTHER", 500, "500 error without a type: upstream connect error (request req_header)"),
    ),
    "an error after headers about retries": (
        Wire(
            error(body_of("overloaded_error")).body,
            headers=(("x-should-retry", "false"), ("retry-after", "7")),
        ),
        IN_BAND,
    ),
}
"""By what is sent where a stream was requested: the wire, and what is recorded."""


def without_header_id(line: str | None) -> str | None:
    """Callers that read bytes get no exception, and so no id from its response."""
    return None if line is None else line.removesuffix(" (request req_header)")


@pytest.mark.parametrize("flavor", FLAVORS)
@pytest.mark.parametrize("reader", STREAMED)
@pytest.mark.parametrize("sent", STREAMS)
def test_what_arrives_instead_of_events_has_one_verdict_however_it_is_read(
    sent: str,
    reader: str,
    flavor: str,
    wire_server: WireServer,
    instrumented: Callable[..., AbstractContextManager[Exported]],
) -> None:
    wire_server.wire, right = STREAMS[sent]
    with instrumented() as exported:
        read(READERS[reader], flavor, wire_server)
    found = recorded(exported)
    found["line"] = without_header_id(found["line"])
    assert {name: found.get(name) for name in right} == {**right, "line": without_header_id(right["line"])}


def reads_first(response: Any) -> None:
    """A hook of an application's, which logs bodies."""
    response.read()


@pytest.mark.parametrize(
    "sent",
    [
        "the API's error as a document",
        "a page",
        "an error without a name, after content",
        "an end event without its blank line",
        "a cut after much content",
    ],
)
@pytest.mark.parametrize("reader", STREAMED)
def test_a_response_that_was_read_before_it_was_returned_has_the_same_verdict(
    sent: str, reader: str, wire_server: WireServer, instrumented: Callable[..., AbstractContextManager[Exported]]
) -> None:
    wire_server.wire, right = STREAMS[sent]
    with instrumented() as exported, client(wire_server, OK) as made:
        made._client.event_hooks = {"response": [reads_first]}
        see(READERS[reader], made, "claude-x")
    found = recorded(exported)
    assert {name: found.get(name) for name in right} == right


@pytest.mark.parametrize("flavor", FLAVORS)
@pytest.mark.parametrize("reader", STREAMED)
@pytest.mark.parametrize(
    "body",
    [HEAD + unnamed(OPENAI), error(OPENAI).body[:-1], json.dumps(OPENAI).encode()],
    ids=["without a name", "without its blank line", "as a document"],
)
def test_an_error_before_the_connection_breaks_is_how_the_call_ended(
    body: bytes,
    reader: str,
    flavor: str,
    wire_server: WireServer,
    instrumented: Callable[..., AbstractContextManager[Exported]],
) -> None:
    wire_server.wire = Wire(body, lacks=9)
    with instrumented() as exported:
        seen = read(READERS[reader], flavor, wire_server)
    found = recorded(exported)
    assert type(seen.error).__name__ == "RemoteProtocolError"
    assert (found["outcome"], found["error.type"], found["leaked"]) == ("in_band_error", "429", True)


def test_a_connection_that_breaks_after_an_unfinished_end_event_is_not_a_truncation(
    wire_server: WireServer, instrumented: Callable[..., AbstractContextManager[Exported]]
) -> None:
    wire_server.wire = Wire((HEAD + TAIL)[:-1], lacks=9)
    with instrumented() as exported:
        read(READERS[LOOP], "sync", wire_server)
    found = recorded(exported)
    assert found["outcome"] == "transport_error"
    assert "after the whole answer had arrived" in found["line"]


@pytest.mark.parametrize("sent", ["the API's error as a document", "a page", "an end event without its blank line"])
@pytest.mark.parametrize("reader", STREAMED)
def test_a_content_encoding_hides_nothing(
    sent: str, reader: str, wire_server: WireServer, instrumented: Callable[..., AbstractContextManager[Exported]]
) -> None:
    wire, right = STREAMS[sent]
    wire_server.wire = wire.packed()
    with instrumented() as exported:
        read(READERS[reader], "sync", wire_server)
    found = recorded(exported)
    assert {name: found.get(name) for name in right} == right


LATIN: Final = PAGE.replace(b"Sign in", "Zugang für Gäste".encode("latin-1"))


@pytest.mark.parametrize("flavor", FLAVORS)
@pytest.mark.parametrize("reader", STREAMED)
def test_a_page_that_cannot_be_decoded_is_a_page(
    reader: str, flavor: str, wire_server: WireServer, instrumented: Callable[..., AbstractContextManager[Exported]]
) -> None:
    wire_server.wire = Wire(LATIN, "text/html")
    with instrumented() as exported:
        seen = read(READERS[reader], flavor, wire_server)
    found, leaked = recorded(exported), seen.error is not None
    right = unexpected("unexpected_media_type", "text/html instead of events")
    right = {**right, "leaked": leaked, "line": right["line"] + ("; not an anthropic.APIError" if leaked else "")}
    assert leaked == (reader != BYTES)
    assert {name: found.get(name) for name in right} == right


IGNORED_ENCODINGS: Final = ("utf-8", "identity, none")
"""What servers write as a content encoding by mistake. HTTP clients ignore it."""


@pytest.mark.parametrize("encoding", IGNORED_ENCODINGS)
@pytest.mark.parametrize("reader", STREAMED)
@pytest.mark.parametrize("sent", ["an error after headers about retries", "an error without a name, after content"])
def test_an_encoding_that_is_none_hides_nothing(
    sent: str,
    reader: str,
    encoding: str,
    wire_server: WireServer,
    instrumented: Callable[..., AbstractContextManager[Exported]],
) -> None:
    wire, right = STREAMS[sent]
    wire_server.wire = replace(wire, headers=(("content-encoding", encoding),))
    with instrumented() as exported:
        read(READERS[reader], "sync", wire_server)
    found = recorded(exported)
    assert {name: found.get(name) for name in right} == right


@pytest.mark.parametrize("reader", [PLAIN, "document bytes"])
def test_an_encoding_that_is_none_hides_no_error_in_a_document(
    reader: str, wire_server: WireServer, instrumented: Callable[..., AbstractContextManager[Exported]]
) -> None:
    wire_server.wire = Wire(envelope(), JSON, headers=(("content-encoding", "utf-8"),))
    with instrumented() as exported:
        read(READERS[reader], "sync", wire_server)
    assert recorded(exported)["error.type"] == "overloaded_error"


@pytest.mark.parametrize("reader", STREAMED)
def test_what_was_encoded_twice_hides_nothing(
    reader: str, wire_server: WireServer, instrumented: Callable[..., AbstractContextManager[Exported]]
) -> None:
    wire, right = STREAMS["an error without a name, after content"]
    wire_server.wire = wire.packed().packed()
    with instrumented() as exported:
        read(READERS[reader], "sync", wire_server)
    found = recorded(exported)
    assert {name: found.get(name) for name in right} == right


OTHER_SHAPE: Final = json.dumps({"id": "x", "object": "chat.completion", "choices": []}).encode()
INSTEAD: Final[dict[str, tuple[Wire, dict[str, Any]]]] = {
    "the API's error": (Wire(envelope(), JSON), {**IN_BAND, "phase": "opening", "leaked": False}),
    "a list of errors": (
        Wire(json.dumps([GOOGLE]).encode(), JSON),
        in_band("RESOURCE_EXHAUSTED", 429, "429 RESOURCE_EXHAUSTED: Resource exhausted", phase="opening"),
    ),
    "a page": (Wire(PAGE, HTML), unexpected("unexpected_media_type", "text/html instead of JSON")),
    "events": (Wire(HEAD + TAIL, SSE), unexpected("unexpected_media_type", "text/event-stream instead of JSON")),
    "nothing": (Wire(b"", HTML), unexpected("unexpected_body", "an empty body")),
    "a body without a media type": (
        Wire(PAGE, ""),
        unexpected("unexpected_media_type", "no media type instead of JSON"),
    ),
}
"""By what is sent where a document was requested: the wire, and what is recorded."""


@pytest.mark.parametrize("flavor", FLAVORS)
@pytest.mark.parametrize("reader", DOCUMENTS)
@pytest.mark.parametrize("sent", INSTEAD)
def test_what_arrives_instead_of_a_document_has_one_verdict_however_it_is_read(
    sent: str,
    reader: str,
    flavor: str,
    wire_server: WireServer,
    instrumented: Callable[..., AbstractContextManager[Exported]],
) -> None:
    wire_server.wire, right = INSTEAD[sent]
    with instrumented() as exported:
        seen = read(READERS[reader], flavor, wire_server)
    if seen.error is not None:
        # `parse` raises over what is not an answer.
        assert reader == "parse"
        right = {**right, "leaked": True, "line": f"{right['line']}; not an anthropic.APIError"}
    found = recorded(exported)
    assert {name: found.get(name) for name in right} == right


@pytest.mark.parametrize(
    ("reader", "document", "lacks"),
    [
        (PLAIN, OTHER_SHAPE, "content"),
        (PLAIN, b'{"content": null}', "content"),
        (PLAIN, b"null", "content"),
        ("raw create", OTHER_SHAPE, "content"),
        ("document bytes", OTHER_SHAPE, "content"),
        (COUNTED, b'{"total": 7}', "input_tokens"),
    ],
)
def test_a_document_that_lacks_what_every_answer_has_is_malformed(
    reader: str,
    document: bytes,
    lacks: str,
    wire_server: WireServer,
    instrumented: Callable[..., AbstractContextManager[Exported]],
) -> None:
    wire_server.wire = Wire(document, JSON)
    with instrumented() as exported:
        read(READERS[reader], "sync", wire_server)
    right = unexpected("unexpected_body", f"a document without {lacks}")
    found = recorded(exported)
    assert {name: found.get(name) for name in right} == right


needs_generics = pytest.mark.skipif(
    sys.version_info < (3, 11), reason="on Python 3.10, the SDK takes a generic for a class, and raises"
)


@pytest.mark.parametrize("cast_to", [str, pytest.param(dict[str, object], marks=needs_generics), object])
def test_a_result_of_the_applications_class_is_judged_by_the_response(
    cast_to: Any, wire_server: WireServer, instrumented: Callable[..., AbstractContextManager[Exported]]
) -> None:
    for wire, right in (*INSTEAD.values(), (Wire(json.dumps(MESSAGE).encode(), JSON), COMPLETED)):
        wire_server.wire = wire
        with instrumented() as exported, client(wire_server, OK) as made:
            made.post("/v1/messages", cast_to=cast_to, body=arguments("claude-x"))
        assert recorded(exported)["outcome"] == right["outcome"]
        exported.spans_in_memory.clear()


def test_a_page_after_a_redirect_is_malformed(
    wire_server: WireServer, instrumented: Callable[..., AbstractContextManager[Exported]]
) -> None:
    wire_server.wire, wire_server.redirects = Wire(PAGE, HTML), True
    with instrumented() as exported:
        read(READERS[PLAIN], "sync", wire_server)
    assert recorded(exported)["line"] == (
        "unexpected_media_type before any content had arrived: text/html instead of JSON"
    )
    assert (exported.told_span.attributes or {})["http.response.status_code"] == 200


REFUSED: Final[dict[str, tuple[Wire, str, int, str]]] = {
    "a number as text, and no type": (
        Wire(json.dumps({"error": {"message": "blank text", "type": "None", "code": "400"}}).encode(), JSON, 400),
        "400",
        400,
        "400 OK: blank text (request req_header)",
    ),
    "a type in the header, as AWS has it": (
        Wire(
            b'{"message": "No such model"}', JSON, 400, headers=(("x-amzn-errortype", "ValidationException:http://x"),)
        ),
        "ValidationException",
        400,
        "400 ValidationException: No such model (request req_header)",
    ),
    "a type in the body, as AWS has it": (
        Wire(b'{"__type": "a.b#ThrottlingException", "Message": "Slow"}', JSON, 429),
        "ThrottlingException",
        429,
        "429 ThrottlingException: Slow (request req_header)",
    ),
    "a reason phrase of the gateway's": (
        Wire(PAGE, HTML, 524, "A Timeout Occurred"),
        "524",
        524,
        "524 A Timeout Occurred (request req_header)",
    ),
    "a plain text": (
        Wire(b"no healthy upstream", "text/plain", 503, "Gone"),
        "503",
        503,
        "503 Gone: no healthy upstream",
    ),
}


@pytest.mark.parametrize("refused", REFUSED)
def test_an_http_error_says_what_arrived(
    refused: str, wire_server: WireServer, instrumented: Callable[..., AbstractContextManager[Exported]]
) -> None:
    wire_server.wire, error_type, status, line = REFUSED[refused]
    with instrumented() as exported:
        read(READERS[PLAIN], "sync", wire_server)
    found = recorded(exported)
    assert (found["outcome"], found["error.type"], found["status_code"]) == ("http_error", error_type, status)
    assert found["line"].startswith(line)
