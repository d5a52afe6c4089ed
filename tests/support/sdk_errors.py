"""Exceptions of the real SDK, in the installed version, without a network."""

from __future__ import annotations

import functools
import importlib
import json
from typing import TYPE_CHECKING, Any

import anthropic

from support.clients import HTTP_PACKAGE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ("body_of", "body_raising", "http", "http_error", "in_band_error", "request_raising", "response", "sse")

http: Any = importlib.import_module(HTTP_PACKAGE)
"""`httpx2` or `httpx`. `Any`, because the two have no type in common."""


def body_of(error_type: str, message: str = "No luck", request_id: str | None = "req_body") -> dict[str, Any]:
    """The JSON that the API sends for an error, over HTTP and inside a stream alike."""
    envelope: dict[str, Any] = {"type": "error", "error": {"type": error_type, "message": message}}
    return envelope if request_id is None else {**envelope, "request_id": request_id}


def sse(event: str, data: str | dict[str, Any]) -> bytes:
    """One server-sent event."""
    return f"event: {event}\ndata: {data if isinstance(data, str) else json.dumps(data)}\n\n".encode()


def response(status: int, content: bytes | str | dict[str, Any], headers: dict[str, str] | None = None) -> Any:
    """A response of the SDK's HTTP client; a dict as `content` is JSON."""
    known = {"request-id": "req_header", **(headers or {})}
    if isinstance(content, dict):
        known["content-type"] = "application/json"
        content = json.dumps(content)
    return http.Response(status, headers=known, content=content)


def http_error(
    status: int, content: bytes | str | dict[str, Any] = "", headers: dict[str, str] | None = None
) -> BaseException:
    """What the SDK raises for an HTTP error."""
    return _raised(lambda _request: response(status, content, headers), stream=True)


def in_band_error(
    data: str | dict[str, Any], headers: dict[str, str] | None = None, request_id: str = "req_header"
) -> BaseException:
    """What the SDK raises for an `error` event inside a 200 stream."""
    known = {"content-type": "text/event-stream", "request-id": request_id, **(headers or {})}
    return _raised(lambda _request: response(200, sse("error", data), known), stream=True)


def request_raising(error: Exception) -> BaseException:
    """What the SDK raises if sending the request raises `error`."""

    def fail(_request: Any) -> Any:
        raise error

    return _raised(fail, stream=False)


def body_raising(error: Exception | None = None, *, headers: dict[str, str] | None = None) -> BaseException:
    """What the SDK raises if reading the body of an answer that is not streamed raises `error`.

    Without `error`, the body is not what `headers` say about it.
    """

    def chunks() -> Iterator[bytes]:
        yield b"no gzip"
        if error is not None:
            raise error

    known = {"content-type": "application/json", **(headers or {})}
    return _raised(lambda _request: http.Response(200, headers=known, content=chunks()), stream=False)


def _raised(handler: Callable[[Any], Any], *, stream: bool) -> BaseException:
    try:
        answer: Any = _client(handler).messages.create(
            model="claude", max_tokens=1, messages=[{"role": "user", "content": "Hello"}], stream=stream
        )
        for _ in answer:
            pass
    except BaseException as error:  # noqa: BLE001 - whatever it is, the test wants it
        return error
    message = "the call did not raise"
    raise AssertionError(message)


def _client(handler: Callable[[Any], Any]) -> anthropic.Anthropic:
    return _without_transport().with_options(http_client=http.Client(transport=http.MockTransport(handler)))


@functools.cache
def _without_transport() -> anthropic.Anthropic:
    return anthropic.Anthropic(api_key="key", base_url="http://api.test", max_retries=0)
