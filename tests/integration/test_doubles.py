"""Test doubles for a response, a body or a client: no internal error, no warning, and no end that was not seen."""

from __future__ import annotations

import functools
import gc
import importlib
import logging
from contextlib import contextmanager
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from unittest.mock import MagicMock, Mock, create_autospec, patch

import anthropic
import anyio
import pytest
from anthropic import _base_client
from anthropic._decoders import jsonl
from anthropic.types import RawMessageStreamEvent

from midstream import AnthropicInstrumentor
from midstream.testing._calls import recorded_calls
from support.clients import HAS_OWN_SPANS, HTTP_PACKAGE
from support.lifecycle import SPANS
from support.styles import arguments

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Generator, Iterator

    from httpx2 import Response, SyncByteStream

    from support.exported import Exported

http: Any = importlib.import_module(HTTP_PACKAGE)
if not TYPE_CHECKING:
    Response, SyncByteStream = http.Response, http.SyncByteStream
Stream: Any = anthropic.Stream
AsyncStream: Any = anthropic.AsyncStream

OPTIONS: dict[str, Any] = {"api_key": "none", "base_url": "http://127.0.0.1:1", "max_retries": 0}
"""Of clients. No server listens there: a request that a double lets through is refused."""
EVENTS = b'event: message_stop\ndata: {"type": "message_stop"}\n\n'
LINES = b'{"a": 1}\n'


class Double:
    """Has what a stream needs of its response, and nothing else."""

    def iter_bytes(self) -> Iterator[bytes]:
        yield EVENTS

    async def aiter_bytes(self) -> AsyncIterator[bytes]:
        yield EVENTS

    def close(self) -> None:
        """Nothing is open."""

    async def aclose(self) -> None:
        """Nothing is open."""


class Unhashable(Double):
    __hash__ = None  # type: ignore[assignment]


class HashRaises(Double):
    def __hash__(self) -> int:
        raise RuntimeError


class EqualsAll(Double):
    def __eq__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return 1


class EqualRaises(Double):
    def __eq__(self, other: object) -> bool:
        raise RuntimeError

    def __hash__(self) -> int:
        return 1


class Strict(Double):
    """Any other access is an error of the test."""

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(name)


class Slots:
    """Accepts neither weak references nor attributes."""

    __slots__ = ()
    iter_bytes, aiter_bytes, close, aclose = Double.iter_bytes, Double.aiter_bytes, Double.close, Double.aclose


def mock(**told: Any) -> Any:
    """A mock of a response, as many tests have it."""
    made = MagicMock(spec=http.Response, status_code=200, headers=http.Headers(), **told)
    made.request = http.Request("POST", "http://api.test")
    made.iter_bytes.return_value = iter([EVENTS])
    made.aiter_bytes = Double().aiter_bytes
    return made


def namespace() -> Any:
    double = Double()
    return SimpleNamespace(**{name: getattr(double, name) for name in ("iter_bytes", "aiter_bytes", "close", "aclose")})


DOUBLES: dict[str, Callable[[], Any]] = {
    "a mock": mock,
    "a mock that is open": functools.partial(mock, is_closed=False),
    "a namespace": namespace,
    "an object": Double,
    "cannot be hashed": Unhashable,
    "raises when hashed": HashRaises,
    "raises when compared": EqualRaises,
    "equals everything": EqualsAll,
    "raises when looked at": Strict,
    "has slots": Slots,
    "None": lambda: None,
}


@contextmanager
def observed(exported: Exported) -> Generator[None]:
    AnthropicInstrumentor().instrument(**exported.providers)
    try:
        yield
    finally:
        AnthropicInstrumentor().uninstrument()


def seen(work: Callable[[], Any]) -> Any:
    """What `work` returns, or what it raises, in a form that can be compared."""
    try:
        return work()
    except Exception as error:  # noqa: BLE001 - whatever it is
        return repr(error)


def read(double: Any) -> Any:
    stream = Stream(cast_to=RawMessageStreamEvent, response=double, client=anthropic.Anthropic(**OPTIONS))
    events = [event.type for event in stream]
    stream.close()
    return events


def stopped(double: Any) -> Any:
    with Stream(cast_to=RawMessageStreamEvent, response=double, client=anthropic.Anthropic(**OPTIONS)) as stream:
        return next(stream).type


async def aread(double: Any) -> Any:
    client = anthropic.AsyncAnthropic(**OPTIONS)
    stream = AsyncStream(cast_to=RawMessageStreamEvent, response=double, client=client)
    events = [event.type async for event in stream]
    await stream.close()
    return events


def lines(double: Any) -> Any:
    return list(jsonl.JSONLDecoder(raw_iterator=iter([LINES]), line_type=dict[str, int], http_response=double))


async def alines(double: Any) -> Any:
    async def body() -> AsyncIterator[bytes]:
        yield LINES

    decoder = jsonl.AsyncJSONLDecoder(raw_iterator=body(), line_type=dict[str, int], http_response=double)
    return [line async for line in decoder]


USES: dict[str, Callable[[Any], Any]] = {
    "read": read,
    "stopped": stopped,
    "read, async": lambda double: anyio.run(aread, double),
    "lines": lines,
    "lines, async": lambda double: anyio.run(alines, double),
}


@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize("double", DOUBLES)
def test_a_stream_over_a_double_works_as_without_us_and_nothing_is_recorded(
    exported: Exported, caplog: pytest.LogCaptureFixture, double: str, use: str
) -> None:
    bare = seen(lambda: USES[use](DOUBLES[double]()))
    with observed(exported):
        assert seen(lambda: USES[use](DOUBLES[double]())) == bare
        gc.collect()
    assert (exported.metrics(), exported.spans, exported.logs) == ({}, [], [])
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


class Unkeyed(Response):
    """Cannot be hashed."""

    def __hash__(self) -> int:
        raise TypeError


class Fixed(Response):
    """Ignores another body silently."""

    @property
    def stream(self) -> Any:
        return self.__dict__["stream"]

    @stream.setter
    def stream(self, stream: Any) -> None:
        self.__dict__.setdefault("stream", stream)


class Refusing(Fixed):
    """Rejects another body with an exception."""

    @property
    def stream(self) -> Any:
        return self.__dict__["stream"]

    @stream.setter
    def stream(self, stream: Any) -> None:
        if "stream" in self.__dict__:
            raise AttributeError
        self.__dict__["stream"] = stream


def response(kind: Any) -> Any:
    return kind(200, stream=http.ByteStream(EVENTS), request=http.Request("POST", "http://api.test"))


ANSWERS: dict[str, Callable[[], Any]] = {
    "a mock": mock,
    "a mock that is open": functools.partial(mock, is_closed=False),
    "keeps its body": functools.partial(response, Fixed),
    "refuses another body": functools.partial(response, Refusing),
}
"""What the HTTP client of a test answers."""


class Answering(anthropic.DefaultHttpxClient):
    """An HTTP client that answers without sending."""

    def __init__(self, answer: Callable[[], Any]) -> None:
        super().__init__()
        self._answer = answer

    def send(self, *_args: Any, **_options: Any) -> Any:
        return self._answer()


def answered(answer: Callable[[], Any], provider: Any = None) -> Any:
    options: dict[str, Any] = {}
    if HAS_OWN_SPANS:
        options["open_telemetry"] = False if provider is None else {"tracer_provider": provider}
    return anthropic.Anthropic(
        api_key="none", base_url=OPTIONS["base_url"], max_retries=0, http_client=Answering(answer), **options
    )


def types(stream: Any) -> list[str]:
    return [event.type for event in stream]


CALLS: dict[str, Callable[[Any], Any]] = {
    "read": lambda made: types(made.messages.create(**arguments("ok"), stream=True)),
    "stopped": lambda made: next(made.messages.create(**arguments("ok"), stream=True)).type,
    "dropped": lambda made: repr(made.messages.create(**arguments("ok"), stream=True))[:0],
    "read raw": lambda made: types(made.messages.with_raw_response.create(**arguments("ok"), stream=True).parse()),
    "dropped raw": lambda made: repr(made.messages.with_raw_response.create(**arguments("ok"), stream=True))[:0],
}


@pytest.mark.alternates
@pytest.mark.parametrize("spans", SPANS)
@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("answer", ANSWERS)
def test_a_call_that_cannot_be_observed_works_as_without_us_and_has_no_end(
    exported: Exported, answer: str, call: str, spans: str
) -> None:
    provider = exported.tracer_provider if spans == "sdk" else None
    bare = seen(lambda: CALLS[call](answered(ANSWERS[answer], provider)))
    gc.collect()
    ended = len(exported.spans)  # of the SDK's own: over a mock, it may never end them
    with observed(exported), recorded_calls() as calls:
        assert seen(lambda: CALLS[call](answered(ANSWERS[answer], provider))) == bare
        gc.collect()
        assert (len(calls), calls.open) == (0, 0)
    assert (exported.outcomes(), exported.logs) == ({}, [])
    assert exported.counted("midstream.client.stream.active") == []
    assert len(exported.spans) == (2 * ended if spans == "sdk" else 1)
    assert [span for span in exported.spans if "midstream.outcome" in (span.attributes or {})] == []


def test_a_response_that_cannot_be_hashed_is_observed(exported: Exported) -> None:
    with observed(exported):
        CALLS["read"](answered(functools.partial(response, Unkeyed), None))
    assert exported.outcomes() == {"completed": 1}


@pytest.mark.parametrize("closed", [None, True, False])
def test_a_mock_of_an_answer_is_parsed_and_counts_as_an_answer(exported: Exported, closed: bool | None) -> None:
    told = {} if closed is None else {"is_closed": closed}
    with observed(exported):
        answered(lambda: mock(**told)).messages.create(**arguments("ok"))
    assert exported.outcomes() == {"completed": 1}


def test_a_client_with_a_mocked_request_is_not_observed(exported: Exported) -> None:
    double = MagicMock(spec=Stream)
    with observed(exported):
        made: Any = anthropic.Anthropic(**OPTIONS)
        with patch.object(made, "request", Mock(return_value=double)):
            assert made.messages.create(**arguments("ok"), stream=True) is double
        with patch.object(_base_client.SyncAPIClient, "request", autospec=True, return_value=double):
            assert made.messages.create(**arguments("ok"), stream=True) is double
        specified = create_autospec(_base_client.SyncAPIClient.request, return_value=double)
        with patch.object(_base_client.SyncAPIClient, "request", specified):
            assert made.messages.create(**arguments("ok"), stream=True) is double
        double.close()
    assert exported.metrics() == {}


@pytest.mark.skipif(
    not hasattr(_base_client.SyncAPIClient, "_request"), reason="this SDK has no _request (0.50 to 1.13)"
)
@pytest.mark.parametrize("double", DOUBLES)
def test_the_result_of_a_mocked_attempt_is_never_a_fault_or_abandoned(exported: Exported, double: str) -> None:
    with observed(exported):
        made: Any = anthropic.Anthropic(**OPTIONS)
        made._request = Mock(side_effect=[DOUBLES[double]()])
        made.messages.create(**arguments("ok"), stream=True)
        gc.collect()
    assert "abandoned" not in exported.outcomes()


class OddBody(SyncByteStream):
    """A body without a status, headers or a length."""

    def __iter__(self) -> Iterator[bytes]:
        yield EVENTS

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(name)


class EmptyPieces(SyncByteStream):
    __slots__ = ()

    def __iter__(self) -> Iterator[bytes]:
        yield from (b"", EVENTS, b"")

    def close(self) -> None:
        """Nothing is open."""


BODIES: dict[str, Callable[[], Any]] = {
    "in memory": lambda: http.Response(200, content=EVENTS),
    "a stream": lambda: http.Response(200, stream=http.ByteStream(EVENTS)),
    "a generator": lambda: http.Response(200, content=iter([EVENTS])),
    "raises when looked at": lambda: http.Response(200, stream=OddBody()),
    "has slots": lambda: http.Response(200, stream=EmptyPieces()),
}


@pytest.mark.parametrize("body", BODIES)
def test_a_transport_of_a_test_is_observed_as_any_other(exported: Exported, body: str) -> None:
    def answer(_request: Any) -> Any:
        return BODIES[body]()

    def call() -> Any:
        transport = http.MockTransport(answer)
        made = anthropic.Anthropic(
            api_key="none", base_url=OPTIONS["base_url"], max_retries=0, http_client=http.Client(transport=transport)
        )
        return types(made.messages.create(**arguments("ok"), stream=True))

    bare = seen(call)
    with observed(exported):
        assert seen(call) == bare
    assert exported.outcomes() == {"completed": 1}


def test_a_body_that_raises_when_it_is_looked_at_is_read_as_without_us(exported: Exported) -> None:
    def answer() -> Any:
        return http.Response(200, stream=OddBody(), request=http.Request("POST", "http://api.test"))

    def call() -> Any:
        return types(answered(answer).messages.create(**arguments("ok"), stream=True))

    bare = seen(call)
    with observed(exported):
        assert seen(call) == bare
    assert "abandoned" not in exported.outcomes()


def test_a_response_that_a_double_returns_twice_is_that_of_each_call(exported: Exported) -> None:
    shared = http.Response(200, content=EVENTS, request=http.Request("POST", "http://api.test"))
    with observed(exported):
        made = answered(lambda: shared)
        for _ in range(2):
            assert types(made.messages.create(**arguments("ok"), stream=True)) == ["message_stop"]
    assert exported.outcomes() == {"completed": 2}


def test_events_over_which_the_sdk_raises_before_it_reads_them_were_requested(exported: Exported) -> None:
    headers = {"content-type": "text/event-stream"}
    with observed(exported):
        made = answered(lambda: http.Response(200, headers=headers, content=EVENTS))  # has no request
        with pytest.raises(RuntimeError, match="request"):
            made.messages.create(**arguments("ok"), stream=True)
    assert exported.outcomes() == {"client_error": 1}
