"""The names of the SDK's classes say what `request()` returned."""

from __future__ import annotations

import importlib
import importlib.util
from typing import Any

import anthropic
import pytest

from midstream._sdk.results import (
    decoding_error_with,
    encodings_in,
    is_inspectable,
    media_type_in,
    response_of,
    streams,
)
from support.clients import HTTP_PACKAGE
from support.sdk_errors import response

ANSWER = response(200, {"id": "msg_1"})


def made(kind: Any, attribute: str) -> Any:
    """An instance of `kind` that has `ANSWER` as its response, without the rest of its construction."""
    instance = kind.__new__(kind)
    setattr(instance, attribute, ANSWER)
    return instance


class Mine(anthropic.Stream[Any]):
    """As an application may request with `stream_cls`."""


@pytest.mark.parametrize("kind", [anthropic.Stream, anthropic.AsyncStream, Mine])
def test_a_stream_has_its_response(kind: Any) -> None:
    stream = made(kind, "response")
    assert (streams(stream), response_of(stream) is ANSWER) == (True, True)


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("anthropic._response", "APIResponse"),
        ("anthropic._response", "AsyncAPIResponse"),
        ("anthropic._legacy_response", "LegacyAPIResponse"),
    ],
)
def test_a_raw_response_has_the_response_of_the_http_client(module: str, name: str) -> None:
    if importlib.util.find_spec(module) is None:
        pytest.skip(f"this SDK has no {name}")
    raw = made(getattr(importlib.import_module(module), name), "http_response")
    assert (streams(raw), response_of(raw) is ANSWER) == (False, True)


@pytest.mark.parametrize("name", ["JSONLDecoder", "AsyncJSONLDecoder"])
def test_a_decoder_of_lines_has_its_response(name: str) -> None:
    decoder = made(getattr(importlib.import_module("anthropic._decoders.jsonl"), name), "http_response")
    assert (streams(decoder), response_of(decoder) is ANSWER) == (True, True)


def test_a_response_of_the_http_client_is_its_own() -> None:
    assert (streams(ANSWER), response_of(ANSWER) is ANSWER) == (False, True)


@pytest.mark.parametrize(
    ("headers", "media_type", "encodings"),
    [
        ({}, "", ()),
        ({"content-type": "Text/Event-Stream; charset=utf-8"}, "text/event-stream", ()),
        ({"content-type": "application/json", "content-encoding": " GZIP "}, "application/json", ("gzip",)),
        ({"content-encoding": "br, zstd"}, "", ("br", "zstd")),
        ([("content-encoding", "identity"), ("content-encoding", "gzip,deflate")], "", ("gzip", "deflate")),
        *(({"content-encoding": ignored}, "", ()) for ignored in ("identity", "utf-8", "none", "aws-chunked")),
    ],
)
def test_the_format_of_a_body_is_in_its_headers(headers: Any, media_type: str, encodings: tuple[str, ...]) -> None:
    # The headers alone: a whole body would be decoded immediately.
    given = type(response(200, "").headers)(headers)
    assert media_type_in(given) == media_type
    assert encodings_in(given) == encodings
    assert decoding_error_with(given) == f"{HTTP_PACKAGE}.DecodingError"


class Stream:
    """An application's class of that name."""

    response = http_response = ANSWER


@pytest.mark.parametrize(
    "result",
    [
        None,
        "text",
        {},
        Stream(),
        anthropic.types.Message.construct(None, http_response="the server's", response="the server's"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_an_answer_hides_its_response_whatever_its_fields_are_called(result: object) -> None:
    assert (streams(result), response_of(result)) == (False, None)


@pytest.mark.parametrize(
    ("result", "shows"),
    [
        (anthropic.types.Message.construct(None), True),
        ({}, True),
        ("text", False),
        ([], False),
        (None, False),
        (Stream(), False),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_parsed_result_shows_the_document_if_it_has_its_fields(result: object, shows: bool) -> None:
    assert is_inspectable(result) is shows
